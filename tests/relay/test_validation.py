import gzip
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from generated.bodies import BODIES
from generated.operations import OPERATIONS
from relay.validation import JUDGED_BYTES
from tests.servers import RELAY_KEY, Recorder, Seen, exchange, relay_over

JSON = "application/json"
Client = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def relay_of(upstream: tuple[Recorder, str]) -> Iterator[Client]:
    """A client of a relay of the given strength."""
    with ExitStack() as stack:
        roots = {
            strength: stack.enter_context(
                relay_over(upstream[1], relay_validation=strength, relay_blocked_operations=[])
            )
            for strength in ("off", "structural", "strict")
        }
        client = {
            strength: stack.enter_context(
                httpx.Client(base_url=root, headers={"x-relay-key": RELAY_KEY}, timeout=30)
            )
            for strength, root in roots.items()
        }
        yield client.__getitem__


def post(
    client: httpx.Client, body: bytes | Iterable[bytes], path: str = "/v1/embeddings", **fields: str
) -> httpx.Response:
    headers = {"content-type": JSON, **{name.replace("_", "-"): value for name, value in fields.items()}}
    return client.post(path, content=body, headers=headers)


def embedding(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "input": "x", **fields}).encode()


def chat(*messages: Any, **fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": messages, **fields}).encode()


def refused(response: httpx.Response, param: str | None, code: str) -> None:
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert error["message"]
    assert "x-relay-validation" not in response.headers


def forwarded(response: httpx.Response, seen: list[Seen], *bodies: bytes) -> None:
    assert response.status_code == 200
    assert [request.body for request in seen] == list(bodies)


BROKEN = (b"{", b"nonsense", b'{"model": "m", "input": "x"} x', b"{'model': 'm'}", b'{"model": "m",}', b" ")
IMPOSSIBLE: tuple[tuple[bytes, str | None, str], ...] = (
    *((body, None, "invalid_json") for body in BROKEN),
    *(
        (body, None, "invalid_type")
        for body in (b"[]", b'"text"', b"null", b"1", b"true", b'[{"model": "m"}]')
    ),
    (b"{}", "input", "missing_required_parameter"),
    (b'{"input": "x"}', "model", "missing_required_parameter"),
    (embedding(model=1), "model", "invalid_type"),
    (embedding(model=None), "model", "invalid_type"),
    (embedding(input={}), "input", "invalid_type"),
    (embedding(dimensions="2"), "dimensions", "invalid_type"),
    (embedding(dimensions=1.5), "dimensions", "invalid_type"),
    (embedding(dimensions=True), "dimensions", "invalid_type"),
    (embedding(user=["u"]), "user", "invalid_type"),
)
# Where each deviates, and how often.
DEEP = (
    ("/v1/embeddings", embedding(encoding_format="hex"), "encoding_format", 1),
    ("/v1/embeddings", embedding(dimensions=0, encoding_format="hex"), "dimensions", 2),
    ("/v1/chat/completions", chat({"role": "nobody", "content": "x"}), "messages.0", 1),
    ("/v1/chat/completions", chat(), "messages", 1),
    ("/v1/chat/completions", chat({"role": "user", "content": "x"}, temperature=9), "temperature", 1),
    ("/v1/vector_stores", b'{"metadata": {"a": "b", "c": 1}}', "metadata.c", 1),
)
FINE = (
    ("/v1/embeddings", embedding(dimensions=None, user=None, encoding_format=None)),
    ("/v1/embeddings", embedding(unknown={"deep": [1]}, __proto__=None)),
    ("/v1/embeddings", b' {"input" :"\\u00e9\\/\\uD83D\\uDE00",\n"model":"m"}\r\n\t'),
    ("/v1/chat/completions", chat({"role": "user", "content": "x", "unknown": 1}, tools=None, n=None)),
    ("/v1/chat/completions", chat({"role": "user", "content": "x"}, temperature=1)),
)


@pytest.mark.parametrize("body", [body for body, *_ in IMPOSSIBLE])
def test_off_forwards_what_cannot_be_right(relay_of: Client, seen: list[Seen], body: bytes) -> None:
    response = post(relay_of("off"), body)
    forwarded(response, seen, body)
    assert "x-relay-validation" not in response.headers


@pytest.mark.parametrize("strength", ["structural", "strict"])
@pytest.mark.parametrize(("body", "param", "code"), IMPOSSIBLE)
def test_what_cannot_be_right_is_refused_in_both_strengths(
    relay_of: Client, seen: list[Seen], strength: str, body: bytes, param: str | None, code: str
) -> None:
    refused(post(relay_of(strength), body), param, code)
    refused(post(relay_of(strength), iter([body[:3], body[3:]])), param, code)
    assert not seen


@pytest.mark.parametrize(("path", "body", "place", "count"), DEEP)
def test_deeper_deviations_are_reported_counted_and_forwarded(
    relay_of: Client, seen: list[Seen], path: str, body: bytes, place: str, count: int
) -> None:
    client = relay_of("structural")
    before = client.get("/health").json()["meta"]["validation_reports"]
    for content in (body, iter([body[:9], body[9:]])):
        response = post(client, content, path)
        assert response.headers["x-relay-validation"] == f'deviations={count}; first="{place}"'
    forwarded(response, seen, body, body)
    assert client.get("/health").json()["meta"]["validation_reports"] == before + 2


@pytest.mark.parametrize(("path", "body", "place", "count"), DEEP)
def test_deeper_deviations_are_refused_when_strict_and_ignored_when_off(
    relay_of: Client, seen: list[Seen], path: str, body: bytes, place: str, count: int
) -> None:
    assert count
    refused(post(relay_of("strict"), body, path), place, "invalid_value")
    assert not seen
    forwarded(post(relay_of("off"), body, path), seen, body)


@pytest.mark.parametrize("strength", ["off", "structural", "strict"])
@pytest.mark.parametrize(("path", "body"), FINE)
def test_nulls_and_unknown_fields_are_fine(
    relay_of: Client, seen: list[Seen], strength: str, path: str, body: bytes
) -> None:
    response = post(relay_of(strength), body, path)
    forwarded(response, seen, body)
    assert "x-relay-validation" not in response.headers


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", chat({"role": "user", "content": 1})),
        ("/v1/chat/completions", chat({"role": "user", "content": [{"type": "text", "text": 1}]})),
        ("/v1/embeddings", embedding(input=[[1, "a"]])),
        ("/v1/responses", b'{"input": [{"type": "message", "role": "nobody", "content": "x"}]}'),
    ],
)
def test_the_place_reported_and_refused_is_a_place_in_the_body(
    relay_of: Client, path: str, body: bytes
) -> None:
    reported = post(relay_of("structural"), body, path).headers["x-relay-validation"]
    first = re.fullmatch(r'deviations=\d+; first="(.+)"', reported)
    assert first is not None
    assert post(relay_of("strict"), body, path).json()["error"]["param"] == first[1]
    value = json.loads(body)
    for part in first[1].split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]


LARGE = b"[" * (JUDGED_BYTES + 1)
FRAMINGS = pytest.mark.parametrize(
    "framing", [lambda body: body, lambda body: iter([body])], ids=["length", "chunked"]
)


@FRAMINGS
def test_compressed_and_large_bodies_go_on_and_are_marked_unjudged(
    relay_of: Client, seen: list[Seen], framing: Callable[[bytes], Any]
) -> None:
    packed = gzip.compress(b"{")
    for body, fields in ((packed, {"content_encoding": "gzip"}), (LARGE, {})):
        response = post(relay_of("structural"), framing(body), **fields)
        assert response.headers["x-relay-validation"] == "unjudged"
    forwarded(response, seen, packed, LARGE)


@FRAMINGS
def test_what_cannot_be_judged_is_refused_when_strict(
    relay_of: Client, seen: list[Seen], framing: Callable[[bytes], Any]
) -> None:
    for body, fields in ((gzip.compress(b"{}"), {"content_encoding": "gzip"}), (LARGE, {})):
        refused(post(relay_of("strict"), framing(body), **fields), None, "unjudgeable_body")
    assert not seen


@FRAMINGS
@pytest.mark.parametrize("strength", ["structural", "strict"])
def test_bodies_up_to_the_limit_and_without_a_coding_are_judged(
    relay_of: Client, seen: list[Seen], strength: str, framing: Callable[[bytes], Any]
) -> None:
    refused(post(relay_of(strength), framing(b"[" * JUDGED_BYTES)), None, "invalid_json")
    refused(post(relay_of(strength), framing(b"{"), content_encoding="Identity"), None, "invalid_json")
    assert not seen


WITH_BODY = [
    found for found in OPERATIONS.values() if found.body_required and found.body_model and not found.handler
]


def called(operation: str) -> str:
    found = OPERATIONS[operation]
    path = re.sub(r"\{[^}]+\}", "x", found.path)
    return f"{path}?{found.query}" if found.query else path


@pytest.mark.parametrize("strength", ["structural", "strict"])
@pytest.mark.parametrize("operation", [found.operation_id for found in WITH_BODY])
def test_a_missing_body_is_judged_as_an_empty_object(
    relay_of: Client, seen: list[Seen], strength: str, operation: str
) -> None:
    missing = relay_of(strength).post(called(operation))
    empty = post(relay_of(strength), b"{}", called(operation))
    assert missing.status_code == empty.status_code
    assert missing.json() == empty.json()
    assert missing.headers.get("x-relay-validation") == empty.headers.get("x-relay-validation")
    if required := BODIES[OPERATIONS[operation].body_model or ""].required:
        refused(missing, required[0], "missing_required_parameter")
    assert [request.body for request in seen] == ([b"", b"{}"] if missing.status_code == 200 else [])


@pytest.mark.parametrize("strength", ["off", "structural", "strict"])
@pytest.mark.parametrize("path", ["/v1/uploads/x/cancel", "/v1/threads", "/v1/responses/input_tokens"])
def test_no_body_and_no_content_type_are_fine_where_no_body_is_needed(
    relay_of: Client, seen: list[Seen], strength: str, path: str
) -> None:
    client = relay_of(strength)
    forwarded(client.post(path), seen, b"")
    lines = f"POST {path} HTTP/1.1\r\nHost: r\r\nConnection: close\r\nX-Relay-Key: {RELAY_KEY}\r\n\r\n"
    assert exchange(str(client.base_url).rstrip("/"), lines.encode()).startswith(b"HTTP/1.1 200 ")
    assert [request.body for request in seen] == [b"", b""]


@pytest.mark.parametrize(
    "media_type", ["APPLICATION/JSON", "application/json; charset=UTF-8", "Application/Json;x=y"]
)
def test_parameters_and_case_of_the_media_type_do_not_matter(
    relay_of: Client, seen: list[Seen], media_type: str
) -> None:
    forwarded(post(relay_of("structural"), embedding(), content_type=media_type), seen, embedding())
    assert seen[0].header(b"content-type") == [media_type.encode()]
    refused(post(relay_of("structural"), b"{", content_type=media_type), None, "invalid_json")


@pytest.mark.parametrize("strength", ["off", "structural"])
@pytest.mark.parametrize(
    ("path", "media_type", "taken"),
    [
        ("/v1/embeddings", None, "application/json"),
        ("/v1/embeddings", "", "application/json"),
        ("/v1/embeddings", "text/plain", "application/json"),
        ("/v1/embeddings", "application/x-www-form-urlencoded", "application/json"),
        ("/v1/embeddings", "application/jsonp", "application/json"),
        ("/v1/embeddings", "multipart/form-data; boundary=b", "application/json"),
        ("/v1/files", "application/json", "multipart/form-data"),
        ("/v1/images/edits", "image/png", "application/json or multipart/form-data"),
        ("/v1/realtime/calls", "application/json", "application/sdp or multipart/form-data"),
    ],
)
def test_another_media_type_is_415_and_the_taken_ones_are_named(
    relay_of: Client, seen: list[Seen], strength: str, path: str, media_type: str | None, taken: str
) -> None:
    headers = {} if media_type is None else {"content-type": media_type}
    for body in (embedding(), iter([embedding()])):
        response = relay_of(strength).post(path, content=body, headers=headers)
        assert response.status_code == 415
        assert response.json()["error"]["code"] == "unsupported_media_type"
        assert response.json()["error"]["message"].endswith(f" takes {taken}")
    assert not seen


@pytest.mark.parametrize("strength", ["structural", "strict"])
@pytest.mark.parametrize("path", ["/v1/files", "/v1/images/edits", "/v1/videos"])
def test_multipart_is_never_judged(relay_of: Client, seen: list[Seen], strength: str, path: str) -> None:
    body = b'--b\r\nno fields at all {"'
    response = post(relay_of(strength), body, path, content_type="multipart/form-data; boundary=b")
    forwarded(response, seen, body)
