"""How a WebSocket's client shows its key, and what of that the upstream sees: nothing but the real one."""

import pytest

from tests.faulty import Connection, Faulty
from tests.relay.websocket.handshakes import (
    BEARER,
    IN_PROTOCOL,
    PROTOCOL,
    SECRET,
    SESSION,
    code_of,
    fields_of,
    handshake,
    opens,
)
from tests.relay.wire import ask
from tests.servers import REAL_KEY, RELAY_KEY, exchange
from tests.websockets import REALTIME, Upstream, accept


@pytest.fixture
def choosing(faulty: Faulty) -> Upstream:
    """An upstream that speaks what is offered first, as OpenAI's does."""
    made = Upstream()

    async def chooses(connection: Connection) -> None:
        head = await connection.head()
        offered = [value.split(b",")[0] for value in fields_of(head, b"sec-websocket-protocol")]
        await connection.say(accept(head, *(b"sec-websocket-protocol: " + one for one in offered)))
        await made.hear(connection)

    faulty.script = chooses
    return made


WAYS = {
    "bearer": (BEARER,),
    "x-relay-key": (f"X-Relay-Key: {RELAY_KEY}",),
    "both": (f"X-Relay-Key: {RELAY_KEY}", BEARER),
    "subprotocol": (f"{PROTOCOL}realtime, {IN_PROTOCOL}",),
    "subprotocol without spaces": (f"{PROTOCOL}{IN_PROTOCOL},realtime,openai-beta.realtime-v1",),
    "subprotocols in several fields": (f"{PROTOCOL}realtime", f"{PROTOCOL}{IN_PROTOCOL}"),
    "subprotocol alone": (PROTOCOL + IN_PROTOCOL,),
    "a foreign bearer beside the key": (f"X-Relay-Key: {RELAY_KEY}", "authorization: Bearer sk-own"),
}


@pytest.mark.parametrize("fields", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("path", [REALTIME, "/v1/responses", "/v1/not/yet/known"])
def test_every_way_to_show_the_key_opens_and_ends_at_the_relay(
    choosing: Upstream, faulty: Faulty, faulty_relay: str, fields: tuple[str, ...], path: str
) -> None:
    answer = opens(faulty_relay, handshake(path, *fields))
    [head] = faulty.heads
    assert fields_of(head, b"authorization") == [f"Bearer {REAL_KEY}".encode()]
    for said in (head, answer):
        assert RELAY_KEY.encode() not in said
        assert b"insecure" not in said
    offered = [
        part.strip() for field in fields if field.startswith(PROTOCOL) for part in field[24:].split(",")
    ]
    kept = ", ".join(name for name in offered if name != IN_PROTOCOL).encode()
    assert fields_of(head, b"sec-websocket-protocol") == ([kept] if kept else [])
    chosen = [name for name in (b"realtime",) if name in kept]
    assert fields_of(answer, b"sec-websocket-protocol") == chosen
    assert choosing.over.wait(10)


@pytest.mark.parametrize(
    "fields",
    [
        (),
        (f"{PROTOCOL}realtime, openai-insecure-api-key.wrong",),
        (f"{PROTOCOL}openai-insecure-api-key.{RELAY_KEY}x",),
        (f"{PROTOCOL}openai-insecure-api-key.",),
        (f"{PROTOCOL}{RELAY_KEY}",),
        (f"authorization: Bearer {SECRET}",),
        (f"{PROTOCOL}realtime, openai-insecure-api-key.{SECRET}",),
        (f"authorization: Bearer {REAL_KEY}",),
    ],
)
def test_other_keys_do_not(faulty: Faulty, faulty_relay: str, fields: tuple[str, ...]) -> None:
    """A client secret that this relay has not handed out is one of them."""
    for path in (REALTIME, "/v1/realtime/ws", "/v1/responses", "/v1/not/yet/known"):
        raw = exchange(faulty_relay, handshake(path, *fields))
        assert code_of(raw) == (401, "invalid_api_key")
        assert b"\r\nwww-authenticate: Bearer\r\n" in raw
        for secret in (RELAY_KEY, SECRET, REAL_KEY):
            assert secret.encode() not in raw
    assert faulty.connections == 0


def test_a_key_among_the_subprotocols_opens_no_ordinary_request(faulty: Faulty, faulty_relay: str) -> None:
    raw = f"GET /v1/models HTTP/1.1\r\nhost: relay\r\n{PROTOCOL}{IN_PROTOCOL}\r\nconnection: close\r\n\r\n"
    assert code_of(exchange(faulty_relay, raw.encode())) == (401, "invalid_api_key")
    assert faulty.connections == 0


def test_the_field_of_an_ordinary_request_stays_behind(faulty: Faulty, faulty_relay: str) -> None:
    async def answers(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")

    faulty.script = answers
    assert ask(faulty_relay, "GET", "/v1/models", PROTOCOL + IN_PROTOCOL).status == 200
    assert RELAY_KEY.encode() not in faulty.heads[0]


@pytest.mark.parametrize(
    "fields",
    [
        SESSION,
        (BEARER, f"{PROTOCOL}realtime, openai-insecure-api-key.{SECRET}"),
        (f"{PROTOCOL}{IN_PROTOCOL}, openai-insecure-api-key.{SECRET}",),
    ],
)
def test_a_client_secret_beside_the_key_goes_up_in_its_place(
    choosing: Upstream, faulty: Faulty, faulty_relay: str, fields: tuple[str, ...]
) -> None:
    for path in (REALTIME, "/v1/realtime/ws", "/v1/realtime/translations?model=m"):
        opens(faulty_relay, handshake(path, *fields))
        head = faulty.heads.pop()
        assert fields_of(head, b"authorization") == [f"Bearer {SECRET}".encode()]
        assert b"insecure" not in head
        assert RELAY_KEY.encode() not in head
        assert REAL_KEY.encode() not in head
    assert choosing.over.wait(10)


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/not/yet/known"])
def test_where_no_client_secret_is_taken_the_real_key_goes_up(
    choosing: Upstream, faulty: Faulty, faulty_relay: str, path: str
) -> None:
    opens(faulty_relay, handshake(path, *SESSION))
    assert fields_of(faulty.heads[0], b"authorization") == [f"Bearer {REAL_KEY}".encode()]
    assert choosing.over.wait(10)
