"""The secrets of clients are remembered as the upstream's answers pass, and the answers pass as they are."""

import gzip
import json
import time
from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from generated.operations import OPERATIONS
from relay.client_secrets import ClientSecrets
from relay.headers import asking_plain, to_upstream
from tests.handlers.remembered import SECRETS, remembering, secret
from tests.relay.wire import Answer, ask
from tests.servers import Recorder, answering, recording, relay_over
from tests.surface.contract import DOCUMENT, UPSTREAM

JSON = "content-type: application/json"
BODIES = {
    "/v1/realtime/sessions": b'{"model": "gpt-realtime"}',
    "/v1/realtime/transcription_sessions": b"{}",
    SECRETS: b"{}",
    "/v1/realtime/translations/client_secrets": b'{"session": {"model": "gpt-realtime-translate"}}',
}
PLAIN = [(b"content-type", b"application/json")]


@pytest.fixture(scope="module")
def known() -> Iterator[ClientSecrets]:
    """What the relays of this module remember."""
    with remembering() as secrets:
        yield secrets


@pytest.fixture(scope="module")
def served(known: ClientSecrets) -> Iterator[tuple[Recorder, str]]:  # noqa: ARG001 - the relay takes it
    """An upstream, and a relay over it."""
    recorder = Recorder()
    with recording(recorder) as base, relay_over(base) as root:
        yield recorder, root


@pytest.fixture
def recorder(served: tuple[Recorder, str]) -> Recorder:
    """The upstream, which has seen nothing yet."""
    served[0].seen.clear()
    served[0].reply = None
    return served[0]


@pytest.fixture
def relay(served: tuple[Recorder, str]) -> str:
    """The relay's root address."""
    return served[1]


@pytest.fixture
def value() -> str:
    """A secret that no other test has."""
    return f"ek_{token_hex(16)}"


def post(root: str, path: str = SECRETS, *fields: str) -> Answer:
    return ask(root, "POST", path, JSON, *fields, body=BODIES[path])


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("nested", [False, True])
def test_a_secret_that_passes_is_known(
    relay: str, recorder: Recorder, known: ClientSecrets, value: str, path: str, *, nested: bool
) -> None:
    told = {"client_secret": secret(value), "id": "sess_1"} if nested else secret(value)
    body = json.dumps(told, indent=1).encode()
    recorder.reply = answering(body, headers=[(b"content-type", b"application/json; charset=utf-8")])
    assert not known.knows(value.encode())
    answer = post(relay, path)
    assert (answer.status, answer.body) == (200, body)
    assert known.knows(value.encode())
    assert (recorder.seen[0].target, recorder.seen[0].body) == (path.encode(), BODIES[path])


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "fields",
    [
        (),
        ("accept-encoding: gzip, br",),
        ("accept-encoding: gzip", "accept-encoding: br", "connection: Accept-Encoding , x-a", "x-a: b"),
    ],
)
def test_an_answer_without_a_coding_is_asked_for(
    relay: str, recorder: Recorder, path: str, fields: tuple[str, ...]
) -> None:
    assert post(relay, path, *fields).status == 200
    [seen] = recorder.seen
    assert (seen.header(b"accept-encoding"), seen.header(b"x-a")) == ([b"identity"], [])
    assert seen.body == BODIES[path]


def test_elsewhere_codings_are_the_clients_business(relay: str, recorder: Recorder) -> None:
    ask(relay, "GET", "/v1/models", "accept-encoding: gzip")
    ask(relay, "POST", "/v1/realtime/calls/c/hangup")
    assert [seen.header(b"accept-encoding") for seen in recorder.seen] == [[b"gzip"], []]


NAMES = st.sampled_from([b"accept-encoding", b"connection", b"x-a", b"x-b", b"content-length"])
NAMED = st.lists(st.sampled_from([b"Accept-Encoding", b"x-a", b"close", b"", b" x-b "])).map(b",".join)


@given(st.lists(st.tuples(NAMES, NAMED | st.sampled_from([b"1", b"gzip"]))))
def test_what_is_asked_for_changes_nothing_besides(headers: list[tuple[bytes, bytes]]) -> None:
    plain = (b"accept-encoding", b"identity")
    others = [field for field in to_upstream(headers) if field[0] != b"accept-encoding"]
    assert to_upstream(asking_plain(headers)) == [*others, plain]


def test_other_operations_teach_it_nothing(
    relay: str, recorder: Recorder, known: ClientSecrets, value: str
) -> None:
    recorder.reply = answering(json.dumps(secret(value)).encode())
    assert ask(relay, "POST", "/v1/embeddings", JSON, body=b'{"model":"m","input":"x"}').status == 200
    assert ask(relay, "POST", "/v1/realtime/unheard-of", JSON, body=b"{}").status == 200
    assert not known.knows(value.encode())


def test_every_realtime_answer_that_holds_a_secret_is_read() -> None:
    holding = {
        name
        for name, operation in UPSTREAM.items()
        if operation.path.startswith("/realtime/")
        for content in operation.answers().values()
        for described in content.values()
        if {"value", "client_secret"} & properties(described["schema"]).keys()
    }
    assert len(holding) == 4
    reading = {name for name, row in OPERATIONS.items() if (row.handler or "").startswith("realtime.create_")}
    assert reading == holding


def properties(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = DOCUMENT["components"]["schemas"].get(name, schema).get("properties", {})
    return found


CODED = [*PLAIN, (b"content-encoding", b"gzip")]


@pytest.mark.parametrize(
    ("written", "status", "headers"),
    [
        (lambda value: json.dumps(secret(f"sk-{value}")), 200, PLAIN),
        (lambda value: json.dumps(secret([value])), 200, PLAIN),
        (lambda value: json.dumps(secret(value, expires_at=int(time.time()) - 5)), 200, PLAIN),
        (lambda value: json.dumps(secret(value, expires_at=float("nan"))), 200, PLAIN),
        (lambda value: json.dumps([secret(value)]), 200, PLAIN),
        (lambda value: json.dumps({"secret": secret(value), "client_secret": [secret(value)]}), 200, PLAIN),
        (lambda value: json.dumps(secret(value)) + "}", 200, PLAIN),
        (lambda value: json.dumps(secret(value))[:-1], 200, PLAIN),
        (json.dumps, 200, PLAIN),
        (lambda _: "", 200, PLAIN),
        (lambda _: "[" * 60_000, 200, PLAIN),
        (lambda value: json.dumps(secret(value)), 400, PLAIN),
        (lambda value: json.dumps(secret(value)), 302, PLAIN),
        (lambda value: json.dumps(secret(value)), 200, []),
        (lambda value: json.dumps(secret(value)), 200, [(b"content-type", b"text/plain")]),
        (lambda value: json.dumps(secret(value)), 200, CODED),
        (lambda value: json.dumps(secret(value, more="x" * 65_536)), 200, PLAIN),
    ],
)
def test_what_is_no_secret_or_cannot_be_read_passes_and_is_not_known(
    relay: str,
    recorder: Recorder,
    known: ClientSecrets,
    value: str,
    written: Any,
    status: int,
    headers: list[tuple[bytes, bytes]],
) -> None:
    body = written(value).encode()
    body = gzip.compress(body) if headers is CODED else body
    recorder.reply = answering(body, status, headers)
    answer = post(relay)
    assert (answer.status, answer.body) == (status, body)
    assert not known.knows(value.encode())
    assert not known.knows(f"sk-{value}".encode())


@pytest.mark.parametrize("expires_at", [..., None, "soon", [1], {}])
def test_a_secret_that_does_not_say_how_long_is_known_for_a_minute(
    relay: str,
    recorder: Recorder,
    known: ClientSecrets,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    expires_at: Any,
) -> None:
    told = {"value": value} | ({} if expires_at is ... else {"expires_at": expires_at})
    recorder.reply = answering(json.dumps({"client_secret": told}).encode())
    before = time.time()
    assert post(relay).status == 200
    after = time.time()
    monkeypatch.setattr(known, "_clock", lambda: before + 59)
    assert known.knows(value.encode())
    monkeypatch.setattr(known, "_clock", lambda: after + 60)
    assert not known.knows(value.encode())


def test_a_secret_is_in_no_log_and_in_no_representation(
    relay: str, recorder: Recorder, known: ClientSecrets, value: str
) -> None:
    recorder.reply = answering(json.dumps(secret(value)).encode())
    with capture_logs() as logs:
        assert post(relay).status == 200
    assert known.knows(value.encode())
    assert logs
    assert value not in repr(logs) + repr(known) + repr(vars(known))
