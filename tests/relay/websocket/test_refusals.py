"""A handshake that fails: the client's own fault, the upstream's refusal, or an answer that is none."""

import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from tests.faulty import Connection, Faulty, misbehaving
from tests.relay.websocket.handshakes import BEARER, code_of, head
from tests.relay.wire import ask, dialled
from tests.servers import RELAY_KEY, exchange, relay_over, until
from tests.websockets import (
    NONCE,
    OFFER,
    REALTIME,
    SWITCHING,
    Upstream,
    accept,
    connected,
    offer,
    opened,
    taking_up,
)

UPGRADE, CONNECTION, NONCE_FIELD, VERSION = OFFER
REFUSAL = b'{ "error": {"message": "no", "type": "t", "param": "model", "code": "c"} }'


@pytest.fixture(scope="module")
def hurried() -> Iterator[tuple[Faulty, str]]:
    """A relay that waits half a second for its upstream."""
    upstream = Faulty()
    with misbehaving(upstream), relay_over(upstream.base_url, relay_timeout=0.5) as root:
        yield upstream, root


BAD_HANDSHAKES = {
    "no version": [UPGRADE, CONNECTION, NONCE_FIELD],
    "an old version": [UPGRADE, CONNECTION, NONCE_FIELD, "sec-websocket-version: 8"],
    "a list of versions": [UPGRADE, CONNECTION, NONCE_FIELD, "sec-websocket-version: 13, 8"],
    "no key": [UPGRADE, CONNECTION, VERSION],
    "two keys": [*OFFER, NONCE_FIELD],
    "a short key": [UPGRADE, CONNECTION, "sec-websocket-key: AAAA", VERSION],
    "a long key": [UPGRADE, CONNECTION, f"sec-websocket-key: AAAA{NONCE}", VERSION],
    "an empty key": [UPGRADE, CONNECTION, "sec-websocket-key: ", VERSION],
    "a key that is no base64": [UPGRADE, CONNECTION, "sec-websocket-key: " + "!" * 24, VERSION],
    "a key that is not ASCII": [UPGRADE, CONNECTION, "sec-websocket-key: " + "é" * 24, VERSION],
}


@pytest.mark.parametrize("fields", BAD_HANDSHAKES.values(), ids=BAD_HANDSHAKES)
@pytest.mark.parametrize("path", ["/v1/realtime?model=m", "/v1/responses", "/v1/not/yet/known"])
def test_a_handshake_that_no_server_may_take(
    faulty: Faulty, faulty_relay: str, path: str, fields: list[str]
) -> None:
    raw = exchange(faulty_relay, head(path, BEARER, *fields))
    assert code_of(raw) == (400, "invalid_head")
    # Which version would be taken is told to whoever asked for another (RFC 6455, 4.4).
    assert (b"\r\nsec-websocket-version: 13\r\n" in raw) == (VERSION not in fields)
    assert faulty.heads == []


NO_OFFERS = {
    "a POST": head("/v1/realtime/calls", BEARER, *OFFER, "content-length: 0", method="POST"),
    "a GET with content": head("/v1/realtime", BEARER, *OFFER, "content-length: 2") + b"{}",
    "a GET with chunks": head("/v1/realtime", BEARER, *OFFER, "transfer-encoding: chunked") + b"0\r\n\r\n",
    "another protocol": head("/v1/realtime", BEARER, *OFFER[1:], "upgrade: h2c"),
    "a list of protocols": head("/v1/realtime", BEARER, *OFFER[1:], "upgrade: h2c, websocket"),
    "no connection field": head("/v1/realtime", BEARER, UPGRADE, NONCE_FIELD, VERSION),
    "an old HTTP": head("/v1/realtime", BEARER, *OFFER, version="1.0"),
}


@pytest.mark.parametrize("raw", NO_OFFERS.values(), ids=NO_OFFERS)
def test_what_is_no_offer_is_forwarded_as_an_ordinary_request(
    faulty: Faulty, faulty_relay: str, raw: bytes
) -> None:
    async def answers(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 400 Bad\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")

    faulty.script = answers
    with dialled(faulty_relay, raw) as line:
        assert line.until(b"{}").startswith(b"HTTP/1.1 400 ")
    [head] = faulty.heads
    assert b"\r\nupgrade:" not in head
    assert b"\r\nconnection:" not in head


def test_an_ordinary_request_for_a_websocket_is_the_upstreams_to_answer(
    faulty: Faulty, faulty_relay: str
) -> None:
    async def answers(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 426 X\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")

    faulty.script = answers
    assert ask(faulty_relay, "GET", REALTIME).status == 426


def test_an_offer_to_what_is_no_websocket_is_declined(faulty: Faulty, faulty_relay: str) -> None:
    async def answers(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")

    faulty.script = answers
    raw = exchange(faulty_relay, offer("/v1/models"))
    assert raw.startswith(b"HTTP/1.1 200 ")
    assert raw.endswith(b"{}")
    assert b"\r\nupgrade:" not in faulty.heads[0]


REFUSALS = {
    "401": (b"401 Unauthorized", [b"www-authenticate: Bearer"]),
    "403": (b"403 Forbidden", []),
    "404": (b"404 Not Found", []),
    "429": (b"429 Too Many", [b"retry-after: 7", b"retry-after-ms: 7000", b"x-ratelimit-limit-requests: 5"]),
    "500": (b"500 Broken", [b"x-request-id: req_1"]),
    "503": (b"503 Busy", [b"retry-after: 2", b"x-should-retry: true"]),
    "200": (b"200 OK", []),
    "307": (b"307 Elsewhere", [b"location: http://127.0.0.1:9/v1/realtime"]),
}


@pytest.mark.parametrize(("status", "fields"), REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_the_upstreams_refusal_is_the_clients_answer(
    faulty: Faulty, faulty_relay: str, status: bytes, fields: list[bytes], framing: str
) -> None:
    """Status, fields and body as they are, after one attempt, and a redirect is not followed."""
    frames = {
        "length": (b"content-length: %d\r\n\r\n" % len(REFUSAL), REFUSAL),
        "chunked": (
            b"transfer-encoding: chunked\r\n\r\n",
            b"%x\r\n%b\r\n0\r\n\r\n" % (len(REFUSAL), REFUSAL),
        ),
        "close": (b"\r\n", REFUSAL),
    }
    head = b"\r\n".join([b"HTTP/1.1 " + status, b"content-type: application/json", *fields, b""])

    async def refuses(connection: Connection) -> None:
        await connection.request()
        await connection.say(head + b"connection: close\r\n" + b"".join(frames[framing]))

    faulty.script = refuses
    with pytest.raises(InvalidStatus) as caught:
        connected(faulty_relay)
    answer = caught.value.response
    assert answer.status_code == int(status[:3])
    assert answer.body == REFUSAL
    for field in fields:
        name, _, value = field.decode().partition(": ")
        assert answer.headers[name] == value
    assert len(faulty.heads) == 1


BAD_ANSWERS = {
    "no accept": SWITCHING + b"\r\n",
    "another accept": accept(b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=="),
    "no upgrade": b"HTTP/1.1 101 X\r\nconnection: Upgrade\r\n\r\n",
    "garbage": b"\x82\x05hello",
    "nothing": b"",
    "half a head": SWITCHING,
    "an endless head": SWITCHING + b"x: y\r\n" * 20_000,
    "an odd status": b"HTTP/1.1 102 X\r\n\r\nHTTP/1.1 700 X\r\ncontent-length: 0\r\n\r\n",
}


@pytest.mark.parametrize("said", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_an_answer_that_is_none_is_a_502(faulty: Faulty, faulty_relay: str, said: bytes) -> None:
    async def says(connection: Connection) -> None:
        await connection.head()
        await connection.say(said)

    faulty.script = says
    status, code = code_of(exchange(faulty_relay, offer()))
    assert status == 502
    assert code in {"upstream_invalid_response", "upstream_unreachable"}
    until(lambda: faulty.open == 0)


@pytest.mark.parametrize("chosen", [b"other", b"realtime, other", b"openai-insecure-api-key." + b"x", b""])
def test_a_subprotocol_that_nobody_offered_is_a_502(faulty: Faulty, faulty_relay: str, chosen: bytes) -> None:
    faulty.script = taking_up(Upstream().hear, b"sec-websocket-protocol: " + chosen)
    raw = exchange(faulty_relay, offer(REALTIME, "sec-websocket-protocol: realtime"))
    assert code_of(raw) == (502, "upstream_invalid_response")


@pytest.mark.parametrize("fields", [(), (b"content-length: 0",), (b"transfer-encoding: chunked",)])
def test_fields_that_mean_nothing_in_a_101_do_no_harm(
    faulty: Faulty, faulty_relay: str, fields: tuple[bytes, ...]
) -> None:
    """RFC 9110, 8.6 and RFC 9112, 6.1 forbid both there, and some servers send them."""
    faulty.script = taking_up(Upstream().hear, b"x-own: 1", *fields)
    with opened(faulty_relay) as client:
        assert b"\r\nx-own: 1\r\n" in client.head + b"\r\n"
        assert client.head.lower().count(b"\r\nupgrade: websocket") == 1
        assert client.head.lower().count(b"\r\nconnection: ") == 1
        assert b"\r\ncontent-length" not in client.head.lower()
        assert b"\r\ntransfer-encoding" not in client.head.lower()


def test_a_101_that_nobody_asked_for_is_a_502(faulty: Faulty, faulty_relay: str) -> None:
    async def switches(connection: Connection) -> None:
        await connection.head()
        await connection.say(accept(b"sec-websocket-key: " + NONCE.encode()))

    faulty.script = switches
    answer = ask(faulty_relay, "GET", REALTIME)
    assert (answer.status, answer.error["code"]) == (502, "upstream_invalid_response")


def test_an_upstream_that_never_answers_is_a_504(hurried: tuple[Faulty, str]) -> None:
    faulty, root = hurried

    async def silent(connection: Connection) -> None:
        await connection.head()
        await connection.rest()

    faulty.reset(silent)
    assert code_of(exchange(root, offer())) == (504, "upstream_timeout")
    until(lambda: faulty.open == 0)


def test_once_it_is_open_the_upstreams_silence_is_none_of_that_limits(hurried: tuple[Faulty, str]) -> None:
    faulty, root = hurried
    upstream = Upstream()
    faulty.reset(taking_up(upstream.hear))
    with connected(root) as client:
        time.sleep(1)  # twice the limit; with less it would stay open all the more
        client.send("still here")
        until(lambda: b"still here" in [one.data for one in upstream.frames])


def test_an_upstream_that_is_not_there_is_a_502() -> None:
    with relay_over("http://127.0.0.1:9/v1") as root:
        assert code_of(exchange(root, offer())) == (502, "upstream_unreachable")


def test_without_the_real_key_it_is_a_424(faulty: Faulty) -> None:
    with relay_over(faulty.base_url, openai_api_key=None) as root:
        assert code_of(exchange(root, offer())) == (424, "upstream_key_missing")
    assert faulty.connections == 0


def test_one_websocket_too_many_is_a_503(faulty: Faulty) -> None:
    upstream = Upstream()
    faulty.script = taking_up(upstream.hear)
    with relay_over(faulty.base_url, relay_max_requests=2) as root:
        with opened(root), opened(root):
            raw = exchange(root, offer())
            assert code_of(raw) == (503, "relay_busy")
            assert b"\r\nretry-after: 1\r\n" in raw
        until(lambda: faulty.open == 0)
        with opened(root) as client:
            assert client.head.startswith(b"HTTP/1.1 101 ")


def test_a_wrong_key_is_told_before_anything_else(faulty: Faulty, faulty_relay: str) -> None:
    answer = exchange(faulty_relay, offer(REALTIME).replace(RELAY_KEY.encode(), b"wrong"))
    assert code_of(answer) == (401, "invalid_api_key")
    assert faulty.connections == 0
