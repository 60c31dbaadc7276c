"""Who gets in, what of it goes on, and what a browser is told."""

import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.setting_types import SettingsError
from relay.settings import load_settings
from tests.faulty import Connection, Faulty
from tests.relay.wire import CHAT, CHAT_BODY, KEY, LAST_CHUNK, ask, chunk, dialled
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, exchange, recording, relay_over, run_relay

FIRST, SECOND = "first-key-of-this-relay", "second-key-of-this-relay"
WRONG = {
    "missing": [],
    "empty": ["x-relay-key: "],
    "other": ["x-relay-key: another-key-entirely"],
    "beginning": [f"x-relay-key: {FIRST[:-1]}"],
    "end": [f"authorization: Bearer {SECOND[1:]}"],
    "longer": [f"authorization: Bearer {FIRST}x"],
    "capitals": [f"x-relay-key: {FIRST.upper()}"],
    "both keys": [f"x-relay-key: {FIRST},{SECOND}"],
    "another scheme": [f"authorization: Basic {FIRST}"],
    "the real key": [f"authorization: Bearer {REAL_KEY}"],
    "twice wrong": ["x-relay-key: wrong-one", "authorization: Bearer wrong-two"],
    "no ASCII": ["x-relay-key: cl\xe9"],
}


@pytest.fixture(scope="module")
def two_keys() -> Iterator[tuple[str, Recorder]]:
    """A relay with two keys over a recorder."""
    recorder = Recorder()
    with recording(recorder) as base_url, relay_over(base_url, relay_key=f"{FIRST},{SECOND}") as root:
        yield root, recorder


def asked(*fields: str, path: str = "/v1/models") -> bytes:
    """The bytes of a request with these fields and no others but Host and Connection."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "host: r", "connection: close", *fields, "", ""]).encode(
        "latin-1"
    )


@pytest.mark.row("d21")
@pytest.mark.parametrize("path", ["/v1/models", "/nowhere"])
@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG)
def test_d21_a_wrong_key_is_refused_and_not_echoed(
    two_keys: tuple[str, Recorder], fields: list[str], path: str
) -> None:
    root, recorder = two_keys
    raw = exchange(root, asked(*fields, path=path))
    assert raw.startswith(b"HTTP/1.1 401 ")
    assert b'"type": "invalid_request_error"' in raw
    assert b'"code": "invalid_api_key"' in raw
    shown = {line.partition(": ")[2].rpartition(" ")[2].encode("latin-1") for line in fields} - {b""}
    assert not [key for key in (*shown, FIRST.encode(), SECOND.encode()) if key in raw]
    assert recorder.seen == []


@pytest.mark.row("d21")
@pytest.mark.parametrize("shown", [FIRST, SECOND, FIRST[:-1], "x", "x" * 1_000])
def test_d21_a_key_is_compared_with_each_of_the_relays_in_constant_time(
    two_keys: tuple[str, Recorder], monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    """Time over a network shows nothing on a busy machine; what is compared with what does."""
    compared: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    opened = exchange(two_keys[0], asked(f"x-relay-key: {shown}")).startswith(b"HTTP/1.1 200 ")
    two_keys[1].seen.clear()
    assert opened == (shown in {FIRST, SECOND})
    assert compared == [(32, 32), (32, 32)]


SHOWN = {
    "x-relay-key": [f"x-relay-key: {RELAY_KEY}"],
    "bearer": [KEY],
    "both": [f"x-relay-key: {RELAY_KEY}", KEY],
    "one of them wrong": [f"X-RELAY-KEY: {RELAY_KEY}", "authorization: Bearer other"],
    "under Connection": [KEY, "connection: x-forwarded-for, cookie"],
}
CLIENTS_OWN = [
    "cookie: session=of-the-client",
    "forwarded: for=192.0.2.1",
    "x-forwarded-for: 192.0.2.1",
    "x-forwarded-host: relay.example",
    "x-forwarded-proto: https",
    "x-real-ip: 192.0.2.1",
    "proxy-authorization: Basic of-the-client",
]
REQUESTS = {
    "get": ("GET /v1/models", b""),
    "json": (f"POST {CHAT}", CHAT_BODY),
    "chunked": ("POST /v1/files", chunk(b"--b\r\n\r\n\r\n--b--\r\n") + LAST_CHUNK),
    "alias": ("POST /v1/responses:stream", b'{"input": "hi"}'),
    "unknown path": ("GET /v1/brand/new", b""),
}


@pytest.mark.row("d23")
@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
@pytest.mark.parametrize("what", REQUESTS)
def test_d23_what_a_client_shows_the_relay_stays_with_it(
    faulty: Faulty, faulty_relay: str, what: str, shown: list[str]
) -> None:
    received = bytearray()

    async def reads_all(connection: Connection) -> None:
        received.extend(await connection.request())
        await connection.say(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")

    faulty.script = reads_all
    line, body = REQUESTS[what]
    media_type = "multipart/form-data; boundary=b" if what == "chunked" else "application/json"
    framing = "transfer-encoding: chunked" if what == "chunked" else f"content-length: {len(body)}"
    content = [f"content-type: {media_type}", framing] if body else []
    head = [f"{line} HTTP/1.1", "host: relay.example", *shown, *CLIENTS_OWN, *content, "", ""]
    with dialled(faulty_relay, "\r\n".join(head).encode() + body) as connection:
        connection.until(b"\r\n\r\nok")
    sent = bytes(received).lower()
    assert sent.count(b"\r\nauthorization: ") == sent.count(REAL_KEY.encode()) == 1
    told = (RELAY_KEY, "of-the-client", "192.0.2.1", "relay.example", "cookie", "x-relay-key", "forwarded")
    assert not [word for word in told if word.encode() in sent]


OURS, THEIRS = "https://app.example", "https://evil.example"
PREFLIGHT = ["access-control-request-method: POST", "access-control-request-headers: x-relay-key"]


def cors(root: str, method: str, origin: str) -> dict[str, str]:
    """The fields about `origin` in the answer to a preflight or to a request."""
    more = PREFLIGHT if method == "OPTIONS" else []
    answer = ask(root, method, "/v1/models", f"origin: {origin}", *more)
    return {name: value for name, value in answer.fields if name.startswith("access-control-allow-")}


@pytest.mark.row("d25")
@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
def test_d25_every_origin_may_send_no_credentials(recorder: Recorder, method: str) -> None:
    with recording(recorder) as base_url, relay_over(base_url, cors_allow_origins="*") as root:
        told = cors(root, method, THEIRS)
    assert told["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in told


@pytest.mark.row("d25")
@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
def test_d25_credentials_are_for_named_origins_alone(recorder: Recorder, method: str) -> None:
    given = {"cors_allow_origins": OURS, "cors_allow_credentials": True}
    with recording(recorder) as base_url, relay_over(base_url, **given) as root:
        ours, theirs = (cors(root, method, origin) for origin in (OURS, THEIRS))
    assert ours["access-control-allow-origin"] == OURS
    assert ours["access-control-allow-credentials"] == "true"
    assert "access-control-allow-origin" not in theirs


@pytest.mark.row("d25")
@pytest.mark.parametrize("origins", ["*", '["*"]', f"{OURS},*"])
def test_d25_both_together_stop_the_start(tmp_path: Path, origins: str) -> None:
    with pytest.raises(SettingsError, match="CORS_ALLOW_CREDENTIALS='true' is invalid"):
        load_settings(cors_allow_origins=origins, cors_allow_credentials=True)
    variables = {"CORS_ALLOW_ORIGINS": origins, "CORS_ALLOW_CREDENTIALS": "true"}
    assert run_relay("serve", directory=tmp_path, **variables).returncode == 2
