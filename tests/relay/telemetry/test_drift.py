"""What traffic has and the contract lacks is counted by name and by what the upstream said."""

import json
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from pydantic_core import to_json

from generated.operations import OPERATIONS
from tests.relay.telemetry.drifting import CHAT, JSON, Counts, chat, drift, metrics, new
from tests.relay.test_legal_bodies import LEGAL
from tests.relay.wire import ask
from tests.servers import Recorder, answering, recording, relay_over

RESPONSE = "/v1/responses"
CANARIES = (
    "canary",
    "sk-proj-AbCdEf",
    "eyJhbGciOi.sig",
    "jane.doe",
    "sk-4f14e45fceea167a5a36",
    "jane.doe@example.com",
    "+4915112345678",
    "Käthe",
)


@pytest.fixture
def counted(relay: str) -> Callable[[], Counts]:
    """What is counted from the beginning of the test."""
    before = drift(relay)
    return lambda: new(before, drift(relay))


def test_nothing_is_counted_of_what_the_contract_has(relay: str, counted: Callable[[], Counts]) -> None:
    assert chat(
        relay, ',"metadata":{"anything":"goes"},"tools":[{"type":"function","function":{"name":"f"}}]'
    )
    targets = ("/v1/assistants?limit=3&after=a&order=asc", "/v1/files/file-1", "/v1/vector_stores")
    for target in (*targets, "/v1/responses/r?include[]=a&include%5B%5D=b&stream=false"):
        assert ask(relay, "GET", target).status == 200
    assert ask(relay, "HEAD", "/v1/embeddings").status == 200
    assert ask(relay, "OPTIONS", "/v1/models").status == 200
    assert counted() == {}


@pytest.mark.parametrize(
    ("method", "target", "kind", "name"),
    [
        ("GET", "/v1/things", "path", "/things"),
        ("GET", "/v1/things/thing_8Xk/parts/7", "path", "/things/{}/parts/{}"),
        ("GET", "/v1/models/gpt-4o/secrets", "path", "/models/{}/secrets"),
        ("GET", "/v1/models/my-model/secrets", "path", "/models/{}/secrets"),
        ("GET", "/v1/files/all/content/now", "path", "/files/{}/content/now"),
        ("POST", "/v1/A/b%20c/d", "path", "/{}/{}/{}"),
        ("GET", "/v1/people/jane/files", "path", "/people/{}/files"),
        ("GET", "/v1" + "/deep" * 20, "path", "/deep" + "/{}" * 7),
        ("PUT", "/v1/files/file-1", "method", "PUT /files/{file_id}"),
        ("PATCH", "/v1/responses/compact", "method", "PATCH /responses/compact"),
        ("PROPFIND", "/v1/models/m", "method", "(odd) /models/{model}"),
    ],
)
def test_a_place_that_the_contract_lacks_is_counted_by_its_shape(
    relay: str, counted: Callable[[], Counts], method: str, target: str, kind: str, name: str
) -> None:
    assert ask(relay, method, target).status == 200
    assert counted() == {(kind, "", name, "accepted"): 1}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?new=1", {"new"}),
        ("?new[]=1&new%5Bjane%5D=2&limit", {"new", "limit"}),
        ("?limit=1&limit=2&&", {"limit"}),
        ("?" + quote("jane.doe@example.com"), {"(odd)"}),
        ("?=1", {"(odd)"}),
        ("?%FF%FE=1", {"(odd)"}),
    ],
)
def test_parameters_are_counted_by_their_names(
    relay: str, counted: Callable[[], Counts], query: str, names: set[str]
) -> None:
    assert chat(relay, query=query).status == 200
    assert counted() == {("parameter", "createChatCompletion", name, "accepted"): 1 for name in names}


@pytest.mark.parametrize(
    ("members", "names"),
    [
        (',"new":{"deeper":1}', {"new"}),
        (',"tools":[{"new":1},{"new":{},"function":{"new":2}}]', {"tools[].new", "tools[].function.new"}),
        (',"audio":{"new":1}', {"audio.new"}),
        (',"new":1,"new":2', {"new"}),
        (',"jane.doe@example.com":1,"' + "x" * 41 + '":2,"a12345":3,"":4', {"(odd)"}),
        (',"audio":{"a b":1}', {"audio.(odd)"}),
    ],
)  # fmt: skip
def test_fields_are_counted_by_where_they_stand(
    relay: str, counted: Callable[[], Counts], members: str, names: set[str]
) -> None:
    assert chat(relay, members).status == 200
    assert counted() == {("body_field", "createChatCompletion", name, "accepted"): 1 for name in names}


@pytest.mark.parametrize(
    ("status", "answer"),
    [(200, "accepted"), (302, "accepted"), (400, "refused"), (429, "refused"), (503, "unanswered")],
)
def test_what_the_upstream_says_tells_drift_from_a_typo(
    relay: str, recorder: Recorder, counted: Callable[[], Counts], status: int, answer: str
) -> None:
    recorder.reply = answering(b"{}", status)
    assert chat(relay, ',"new":1', "?newer=1").status == status
    names = (("body_field", "new"), ("parameter", "newer"))
    assert counted() == {(kind, "createChatCompletion", name, answer): 1 for kind, name in names}


def test_an_upstream_that_is_gone_leaves_it_open() -> None:
    with relay_over("http://127.0.0.1:9/v1") as root:
        assert chat(root, ',"new":1').status == 502
        assert drift(root) == {("body_field", "createChatCompletion", "new", "unanswered"): 1}


def test_what_the_relay_refuses_itself_is_not_counted(relay: str, counted: Callable[[], Counts]) -> None:
    refused = ask(relay, "POST", CHAT, JSON, body=b'{"model":1,"new":1}')
    assert refused.status == 400
    assert ask(relay, "GET", "/v1/organization/users?new=1").status == 403
    assert ask(relay, "GET", "/v1/actions/none?new=1").status == 404
    assert counted() == {}


def test_an_alias_counts_as_what_it_is_a_name_for(relay: str, counted: Callable[[], Counts]) -> None:
    body = b'{"prompt":"a cat","new":1}'
    assert ask(relay, "POST", "/v1/images", JSON, body=body).status == 200
    assert ask(relay, "POST", "/v1/images/generations", JSON, body=body).status == 200
    assert ask(relay, "GET", "/vector_stores?new=1").status == 200
    assert counted() == {
        ("body_field", "createImage", "new", "accepted"): 2,
        ("parameter", "listVectorStores", "new", "accepted"): 1,
    }


def test_a_door_counts_as_the_operation_behind_it(relay: str, counted: Callable[[], Counts]) -> None:
    body = b'{"method":"POST","path":"/embeddings","body":{"model":"m","input":"x","new":1}}'
    assert ask(relay, "POST", "/v1/proxy", JSON, body=body).status == 200
    assert ask(relay, "GET", "/v1/actions/models?new=1").status == 200
    assert counted() == {
        ("body_field", "createEmbedding", "new", "accepted"): 1,
        ("parameter", "listModels", "new", "accepted"): 1,
    }


def test_what_a_handler_asks_for_itself_is_not_counted(relay: str, counted: Callable[[], Counts]) -> None:
    assert ask(relay, "GET", "/v1/files/file-1/content").status == 200
    assert counted() == {}


@pytest.mark.parametrize(("operation", "body"), LEGAL)
def test_of_a_legal_body_only_what_is_brand_new_is_counted(
    relay: str, counted: Callable[[], Counts], operation: str, body: dict[str, object]
) -> None:
    found = OPERATIONS[operation]
    path = found.path.replace("{", "x_").replace("}", "") + (f"?{found.query}" if found.query else "")
    assert ask(relay, "POST", path, JSON, body=to_json(body)).status == 200
    new = {("body_field", operation, "brand_new", "accepted"): 1} if "brand_new" in body else {}
    assert counted() == new


@pytest.fixture(scope="module")
def off() -> Iterator[str]:
    with recording(Recorder()) as base, relay_over(base, relay_validation="off") as root:
        yield root


def test_without_validation_bodies_are_not_looked_at(off: str) -> None:
    assert chat(off, ',"new":1', "?newer=1").status == 200
    assert ask(off, "POST", f"{RESPONSE}/compact", JSON, body=b'{"new":1}').status == 200
    assert ask(off, "GET", "/v1/things").status == 200
    assert drift(off) == {
        ("parameter", "createChatCompletion", "newer", "accepted"): 1,
        ("path", "", "/things", "accepted"): 1,
    }


def test_a_body_that_cannot_be_judged_is_not_looked_at(relay: str, counted: Callable[[], Counts]) -> None:
    assert chat(relay, f',"new":"{"x" * 300_000}"').status == 200
    assert ask(relay, "POST", CHAT, JSON, "content-encoding: gzip", body=b'{"new":1}').status == 200
    deep = "[" * 400 + "]" * 400
    assert chat(relay, f',"new":{deep}').status in {200, 400}
    assert counted() == {}


def test_no_value_and_no_odd_name_is_told(relay: str) -> None:
    for canary in CANARIES:
        text = json.dumps(canary, ensure_ascii=False)
        members = f',"metadata":{{{text}:{text}}},"logit_bias":{{{text}:1}},"user":{text}'
        members += (
            f',"new":{{{text}:{text}}},"tools":[{{"function":{{"name":{text},"parameters":{{{text}:1}}}}}}]'
        )
        assert chat(relay, members).status == 200
        written = quote(canary)
        for target in (
            f"/v1/files/{written}",
            f"/v1/assistants?limit={written}&metadata[{written}]={written}",
        ):
            assert ask(relay, "GET", target).status == 200
        odd = f"{canary}{'0' * 5}"
        assert chat(relay, f",{json.dumps(odd, ensure_ascii=False)}:1", f"?{quote(odd)}=1").status == 200
        assert ask(relay, "GET", f"/v1/things/{quote(odd)}").status == 200
        assert ask(relay, "PATCH", f"/v1/files/{written}").status == 200
        assert canary not in metrics(relay)


def test_a_flood_of_names_stays_bounded() -> None:
    with recording(Recorder()) as base, relay_over(base) as root:
        for number in range(30):
            names = ",".join(
                f'"n{chr(97 + number % 26)}{"x" * (number // 26)}_{one}":1' for one in range(100)
            )
            assert chat(root, f",{names}").status == 200
        seen = drift(root)
        assert len(seen) == 21
        assert seen["body_field", "createChatCompletion", "(others)", "accepted"] == 30 * 32 - 20
