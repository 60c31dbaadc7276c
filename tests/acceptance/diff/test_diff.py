"""`relay diff`: silent over a relay that relays, and precise over one that meddles."""

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.acceptance.diff.conftest import Diff, Front
from tests.acceptance.stage import Rewritten, Spoiled
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, answering, recording, relay_over

Behind = Callable[[Front], AbstractContextManager[str]]
CHAT = ("POST", "/v1/chat/completions")
ASKED = '{"model":"m","messages":[{"role":"user","content":"Return exactly: one two three"}]}'
STREAMED = ASKED[:-1] + ',"stream":true}'
RESPONSE = '{"model":"m","input":"Return exactly: one two three","stream":true}'


@pytest.mark.parametrize(
    "arguments",
    [
        (*CHAT, "-d", ASKED),
        (*CHAT, "-d", STREAMED),
        ("POST", "/responses", "-d", RESPONSE),
        ("GET", "/v1/models?limit=1"),
        ("GET", "/v1/files/file-nothing/content"),
        ("POST", "/v1/audio/speech", "-d", '{"model":"m","input":"hi","voice":"alloy"}'),
        ("POST", "/v1/assistants", "-d", '{"model":"m"}'),
        ("POST", "/v1/embeddings", "-d", "{"),
        (*CHAT, "-H", "x-sandbox-fault: status=429;retry-after=2", "-d", ASKED),
        (*CHAT, "-H", "x-sandbox-fault: cut-after=2", "-d", STREAMED),
        (*CHAT, "-H", "x-sandbox-fault: cut-after=9", "-d", ASKED),
        (*CHAT, "-H", "x-sandbox-fault: malformed", "-d", ASKED),
        (*CHAT, "-H", "Accept-Encoding: gzip", "-d", ASKED),
    ],
    ids=lambda given: " ".join(given)[:70],
)
def test_a_relay_that_relays_makes_no_difference(
    behind: Behind, diff: Diff, arguments: tuple[str, ...]
) -> None:
    with behind(lambda relay: relay) as root:
        done = diff(root, *arguments)
    if arguments[-1] == "{":  # what is no JSON is the relay's to refuse, and it says so
        assert done.exit_code == 1
        assert "the relay answered this itself" in done.stdout
        return
    assert done.exit_code == 0, done.stdout
    assert "no difference" in done.stdout
    assert "header x-relay-request-id" in done.stdout


def changing(pattern: bytes, instead: bytes) -> Front:
    return lambda relay: Rewritten(relay, pattern, instead)


def spoiling(change: Callable[[bytes], bytes], status: int = 200) -> Front:
    return lambda relay: Spoiled(relay, "(POST|GET) .*", lambda _status, body, _scope: (status, change(body)))


def without(name: bytes) -> Front:
    """A front that drops a header field."""

    def front(relay: ASGIApp) -> ASGIApp:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            async def dropping(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [field for field in message["headers"] if field[0] != name]
                await send(message)

            await relay(scope, receive, dropping)

        return application

    return front


def told(output: str) -> list[str]:
    """The places of the differences."""
    lines = [
        line.removeprefix("difference").strip()
        for line in output.splitlines()
        if line.startswith("difference")
    ]
    return [re.split(r" {2,}", line)[0] for line in lines]


@pytest.mark.parametrize(
    ("front", "arguments", "places"),
    [
        (spoiling(lambda body: body, 202), (*CHAT, "-d", ASKED), ["status"]),
        (without(b"openai-version"), (*CHAT, "-d", ASKED), ["header openai-version"]),
        (changing(b"two", b"2wo"), (*CHAT, "-d", ASKED), ["choices[0].message.content"]),
        (changing(b'"gpt-5.1"', b'"gpt-4.1"'), ("GET", "/v1/models/gpt-5.1"), ["id"]),
        (changing(b'"chat.completion"', b'["chat.complete"]'), (*CHAT, "-d", ASKED), ["object"]),
        (
            spoiling(lambda body: body.replace(b",", b", ", 1).replace(b", ", b" ,", 1)),
            (*CHAT, "-d", ASKED),
            ["body, the same by value"],
        ),
        (
            changing(b"event: response.output_text.done", b"event: response.output_text.odd"),
            ("POST", "/v1/responses", "-d", RESPONSE),
            None,
        ),
        (
            spoiling(lambda body: body[:-10] + b"0123456789"),
            ("POST", "/v1/audio/speech", "-d", '{"model":"m","input":"hi","voice":"alloy"}'),
            ["body"],
        ),
    ],
)
def test_each_kind_of_meddling_is_told_with_its_place(
    behind: Behind, diff: Diff, front: Front, arguments: tuple[str, ...], places: list[str] | None
) -> None:
    with behind(front) as root:
        done = diff(root, *arguments)
    assert done.exit_code == 1, done.stdout
    found = [place for place in told(done.stdout) if place != "header content-length"]
    if places is None:
        assert len(found) == 1
        assert re.fullmatch(r"events\[\d+\], its name", found[0])
    else:
        assert found == places


def test_an_event_that_is_dropped_is_the_only_one_told(behind: Behind, diff: Diff) -> None:
    def dropping(body: bytes) -> bytes:
        events = body.split(b"\n\n")
        return b"\n\n".join(event for event in events if b'"two"' not in event and b'" two"' not in event)

    with behind(spoiling(dropping)) as root:
        done = diff(root, *CHAT, "-d", STREAMED)
    places = [place for place in told(done.stdout) if not place.startswith("header")]
    assert done.exit_code == 1, done.stdout
    assert places[0] == "events, their number"
    assert len(places) == 2
    assert re.fullmatch(r"events\[\d+\]", places[1])


def test_events_in_another_order_and_another_end_are_told(behind: Behind, diff: Diff) -> None:
    def turned(body: bytes) -> bytes:
        *events, last, _ = body.split(b"\n\n")
        return b"\n\n".join([last, *events, b""])

    with behind(spoiling(turned)) as root:
        done = diff(root, "POST", "/v1/responses", "-d", RESPONSE, "--json")
    made = json.loads(done.stdout)
    last = [one for one in made["differences"] if one["place"] == "events, the last one"]
    assert last[0]["direct"] == "response.completed"
    assert done.exit_code == 1


def test_ids_of_what_is_made_are_expected_and_of_what_is_read_are_not(diff: Diff) -> None:
    recorder = Recorder()
    made = iter(f'{{"id": "a-{number}", "created": {number}}}'.encode() for number in range(9))

    async def reply(scope: Scope, receive: Receive, send: Send) -> None:
        await answering(next(made))(scope, receive, send)

    recorder.reply = reply
    with recording(recorder) as base, relay_over(base) as root:
        posted = diff(root, "POST", "/v1/embeddings", "-d", '{"model":"m","input":"a"}', upstream=base)
        got = diff(root, "GET", "/v1/models", upstream=base)
        repeated = diff(root, "GET", "/v1/models", "--repeat", "2", upstream=base)
    assert posted.exit_code == 0, posted.stdout
    assert "is made anew for each request" in posted.stdout
    assert (got.exit_code, told(got.stdout)) == (1, ["id", "created"])
    assert repeated.exit_code == 0, repeated.stdout
    assert repeated.stdout.count("two direct answers differ here too") == 2


def test_both_sides_are_sent_the_same_and_the_direct_one_what_the_relay_adds(diff: Diff) -> None:
    recorder = Recorder()
    with recording(recorder) as base, relay_over(base) as root:
        arguments = ("-H", "X-One: 1", "-H", "OpenAI-Beta: mine", "-d", '{"model":"m"}')
        assert diff(root, "POST", "/assistants", *arguments, upstream=base).exit_code == 0
    direct, relayed = recorder.seen
    own = {b"host", b"via", b"connection", b"x-client-request-id"}
    assert sorted(field for field in direct.headers if field[0] not in own) == sorted(
        field for field in relayed.headers if field[0] not in own
    )
    assert direct.header(b"openai-beta") == [b"mine, assistants=v2"]
    assert (direct.target, direct.body) == (relayed.target, relayed.body)


def test_keys_are_hidden_wherever_they_come_back(diff: Diff) -> None:
    echoed = f'{{"error": "{REAL_KEY} and {RELAY_KEY}"}}'.encode()
    recorder = Recorder(reply=answering(echoed, 401, [(b"x-key", REAL_KEY.encode())]))
    with recording(recorder) as base, relay_over("sandbox:") as root:
        for more in ([], ["--json"]):
            done = diff(root, "GET", "/v1/models", *more, upstream=base)
            assert done.exit_code == 1
            assert "(the key)" in done.stdout
            assert REAL_KEY not in done.stdout
            assert RELAY_KEY not in done.stdout


def test_a_body_comes_from_a_file_or_from_standard_input(diff: Diff, tmp_path: object) -> None:
    file = f"{tmp_path}/body.json"
    with open(file, "w") as written:  # noqa: PTH123 - a name
        written.write('{"model":"m","input":"from a file"}')
    recorder = Recorder()
    with recording(recorder) as base, relay_over(base) as root:
        asked = ("POST", "/v1/embeddings", "-d")
        assert diff(root, *asked, f"@{file}", upstream=base).exit_code == 0
        assert diff(root, *asked, "-", upstream=base, input='{"model":"m","input":"typed"}').exit_code == 0
    inputs = [json.loads(request.body)["input"] for request in recorder.seen]
    assert inputs == ["from a file", "from a file", "typed", "typed"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("GET", "models"), "PATH 'models' is invalid"),
        (("GET", "//host/models"), "PATH '//host/models' is invalid"),
        (("GE T", "/models"), "METHOD 'GE T' is invalid"),
        (("GET", "/models", "-H", "Authorization: Bearer x"), "-H authorization is invalid: keys come from"),
        (("GET", "/models", "-H", "Host: x"), "-H host is invalid"),
        (("GET", "/models", "-H", "nothing"), "-H 'nothing' is invalid"),
        (("GET", "/models", "-H", "a: ü"), "-H 'a: ü' is invalid"),
        (("GET", "/models", "-d", "@missing"), "-d '@missing' is invalid"),
        (("GET", "/models", "--upstream", "ftp://x"), "--upstream is invalid"),
    ],
)
def test_an_unusable_argument_is_one_line_and_code_two(
    diff: Diff, arguments: tuple[str, ...], said: str
) -> None:
    done = diff("http://127.0.0.1:9", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"relay: {said}")
    assert len(done.stderr.splitlines()) == 1


def test_a_side_that_does_not_answer_is_named_with_code_three(diff: Diff, sandbox: str) -> None:
    done = diff("http://127.0.0.1:9", "GET", "/models")
    assert (done.exit_code, done.stderr.split(" did not")[0]) == (3, "relay: the relay")
    with relay_over(sandbox) as root:
        done = diff(root, "GET", "/models", upstream="http://127.0.0.1:9")
    assert (done.exit_code, done.stderr.split(" did not")[0]) == (3, "relay: the upstream")
