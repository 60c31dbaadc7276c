"""Who may open a WebSocket, and what becomes of an offer that is declined or taken up only to be closed."""

import json

import pytest
from structlog.testing import capture_logs
from websockets.frames import CloseCode

from tests.faulty import Connection, Faulty
from tests.relay.websocket.handshakes import (
    BEARER,
    IN_PROTOCOL,
    PROTOCOL,
    SECRET,
    code_of,
    fields_of,
    handshake,
    opens,
)
from tests.relay.wire import Line
from tests.servers import REAL_KEY, RELAY_KEY, exchange, relay_over, until
from tests.websockets import REALTIME, Upstream, close_in, offer, opened, taking_up

IN_CAPITALS = f"OpenAI-Insecure-API-Key.{RELAY_KEY}"
WRONG = ", ".join(f"openai-insecure-api-key.wrong{number}" for number in range(3))


@pytest.fixture
def choosing(faulty: Faulty) -> Upstream:
    """An upstream that speaks `realtime`."""
    made = Upstream()
    faulty.script = taking_up(made.hear, b"sec-websocket-protocol: realtime")
    return made


def test_a_key_among_the_subprotocols_is_one_in_any_case(
    choosing: Upstream, faulty: Faulty, faulty_relay: str
) -> None:
    """Subprotocols are compared as they are written, and what may be a key goes nowhere."""
    answer = opens(faulty_relay, handshake(REALTIME, f"{PROTOCOL}realtime, {IN_CAPITALS}"))
    assert choosing.over.wait(10)
    [head] = faulty.heads
    assert fields_of(head, b"sec-websocket-protocol") == [b"realtime"]
    assert fields_of(head, b"authorization") == [f"Bearer {REAL_KEY}".encode()]
    assert RELAY_KEY.encode() not in head + answer


def test_of_the_keys_among_the_subprotocols_three_are_looked_at(
    choosing: Upstream, faulty: Faulty, faulty_relay: str
) -> None:
    refused = exchange(faulty_relay, handshake(REALTIME, f"{PROTOCOL}realtime, {WRONG}, {IN_PROTOCOL}"))
    assert code_of(refused) == (401, "invalid_api_key")
    assert faulty.connections == 0
    two = WRONG.partition(", ")[2]
    opens(faulty_relay, handshake(REALTIME, f"{PROTOCOL}realtime, {two}, {IN_PROTOCOL}"))
    assert choosing.over.wait(10)


@pytest.mark.parametrize(
    "fields",
    [(f"authorization: Bearer {SECRET}",), (f"{PROTOCOL}realtime, openai-insecure-api-key.{SECRET}",)],
)
def test_an_unknown_client_secret_is_called_that(
    faulty: Faulty, faulty_relay: str, fields: tuple[str, ...]
) -> None:
    raw = exchange(faulty_relay, handshake(REALTIME, *fields))
    assert code_of(raw) == (401, "invalid_api_key")
    message = json.loads(raw.partition(b"\r\n\r\n")[2])["error"]["message"]
    assert message.startswith("Unknown or expired client secret: ")
    assert faulty.connections == 0


def test_a_block_on_what_a_path_makes_is_one_on_its_websocket(faulty: Faulty) -> None:
    """What is to be had over it is the same, and nothing else is blocked with it."""
    upstream = Upstream()
    faulty.script = taking_up(upstream.hear)
    with relay_over(faulty.base_url, relay_blocked_operations=["createResponse"]) as root:
        for target in ("/v1/responses", "/v1/responses?model=m"):
            assert code_of(exchange(root, offer(target))) == (403, "operation_blocked")
        assert faulty.connections == 0
        opens(root, offer())
        assert upstream.over.wait(10)


HOSTS = {
    "localhost:8000": True,
    "LOCALHOST": True,
    "127.0.0.1:8000": True,
    "10.0.0.5": True,
    "[::1]": True,
    "[::1]:8000": True,
    "rebind.example": False,
    "rebind.example:8000": False,
    "127.0.0.1.rebind.example": False,
    "localhost.rebind.example:80": False,
    "[::1].rebind.example": False,
}


def test_a_name_that_anybody_can_bind_is_no_origin_of_the_relays_own(faulty: Faulty) -> None:
    """A page may have the relay's address for its own name by now (DNS rebinding), and no key is needed."""
    faulty.script = taking_up(Upstream().hear)
    with relay_over(faulty.base_url, relay_key=None) as root:
        for host, own in HOSTS.items():
            raw = handshake(REALTIME, f"origin: http://{host}", host=host)
            if own:
                opens(root, raw)
            else:
                assert code_of(exchange(root, raw)) == (403, "origin_not_allowed")
    assert len(faulty.heads) == sum(HOSTS.values())


def test_a_name_that_is_named_may(faulty: Faulty) -> None:
    faulty.script = taking_up(Upstream().hear)
    named = "http://relay.example"
    with relay_over(faulty.base_url, relay_key=None, cors_allow_origins=[named]) as root:
        opens(root, handshake(REALTIME, f"origin: {named}", host="relay.example"))
        raw = handshake(REALTIME, "origin: http://other.example", host="other.example")
        assert code_of(exchange(root, raw)) == (403, "origin_not_allowed")


@pytest.mark.parametrize("wanted", [b"websocket", b"h2c, websocket"])
def test_a_426_says_which_protocol_would_do(faulty: Faulty, faulty_relay: str, wanted: bytes) -> None:
    """RFC 9110, 15.5.22; the field is a hop's own, so that Connection names it (7.8)."""

    async def requires(connection: Connection) -> None:
        await connection.request()
        fields = b"connection: close, upgrade\r\nupgrade: %b\r\ncontent-length: 2\r\n\r\n{}" % wanted
        await connection.say(b"HTTP/1.1 426 Upgrade Required\r\n" + fields)

    faulty.script = requires
    raw = exchange(faulty_relay, offer())
    head, _, body = raw.partition(b"\r\n\r\n")
    assert (head[:13], body) == (b"HTTP/1.1 426 ", b"{}")
    assert fields_of(head, b"upgrade") == [wanted]
    assert b"upgrade" in [part.strip() for part in b",".join(fields_of(head, b"connection")).split(b",")]


@pytest.mark.parametrize("length", ["content-length: 0", "content-length:  0 "])
def test_an_offer_with_an_empty_content_is_taken_up(
    choosing: Upstream, faulty: Faulty, faulty_relay: str, length: str
) -> None:
    opens(faulty_relay, handshake(REALTIME, BEARER, length, f"{PROTOCOL}realtime"))
    assert choosing.over.wait(10)
    assert fields_of(faulty.heads[0], b"upgrade") == [b"websocket"]


def test_who_is_refused_by_a_close_and_stays_is_left(faulty: Faulty) -> None:
    with (
        relay_over(faulty.base_url, relay_realtime_ws_enabled=False, relay_client_timeout=1) as root,
        capture_logs() as logs,
    ):
        with opened(root, "x-request-id: mine") as client:
            assert close_in(client.rest()) == CloseCode.POLICY_VIOLATION
            until(lambda: is_left(client))
        until(lambda: any(log["event"] == "request" for log in logs))
    [refused] = [log for log in logs if log["event"] == "websocket refused"]
    assert (refused["relay_code"], refused["request_id"]) == (1008, "mine")
    assert faulty.connections == 0


def is_left(line: Line) -> bool:
    """Whether the relay takes no more of what comes: it has closed the connection, and not just its half."""
    try:
        line.say(b"x")
    except ConnectionError:
        return True
    return False
