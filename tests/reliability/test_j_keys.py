"""j. Who may open a WebSocket, and what of the keys goes on."""

import pytest
from structlog.testing import capture_logs

from tests.faulty import Connection, Faulty
from tests.relay.websocket.handshakes import (
    BEARER,
    EVERY,
    IN_PROTOCOL,
    PROTOCOL,
    SECRET,
    SESSION,
    code_of,
    fields_of,
    handshake,
    opens,
)
from tests.reliability.plugin import Figure
from tests.servers import REAL_KEY, RELAY_KEY, exchange, until
from tests.websockets import Upstream, accept

OWN = {
    "bearer": (BEARER, f"{PROTOCOL}realtime"),
    "field": (f"x-relay-key: {RELAY_KEY}", f"{PROTOCOL}realtime"),
    "subprotocol": (f"{PROTOCOL}realtime, {IN_PROTOCOL}",),
    "several fields": (f"{PROTOCOL}{IN_PROTOCOL}", f"{PROTOCOL}realtime"),
    "subprotocol beside a secret": (f"{PROTOCOL}realtime,{IN_PROTOCOL},openai-insecure-api-key.{SECRET}",),
    "field beside a secret": (*SESSION, f"{PROTOCOL}realtime"),
}
OTHERS = {
    "none": (),
    "wrong": (f"{PROTOCOL}realtime, {IN_PROTOCOL}x",),
    "a part": (f"{PROTOCOL}realtime, {IN_PROTOCOL[:-1]}",),
    "no prefix": (f"{PROTOCOL}{RELAY_KEY}",),
    "a secret alone": (f"authorization: Bearer {SECRET}",),
    "a secret as subprotocol": (f"{PROTOCOL}realtime, openai-insecure-api-key.{SECRET}",),
    "the real key": (f"authorization: Bearer {REAL_KEY}",),
}


async def chooses_realtime(connection: Connection) -> None:
    await connection.say(accept(await connection.head(), b"sec-websocket-protocol: realtime"))
    await Upstream().hear(connection)


@pytest.mark.row("j43")
def test_j43_a_key_opens_by_field_or_subprotocol_and_goes_no_further(
    faulty: Faulty, faulty_relay: str, figure: Figure
) -> None:
    """All that the relay says is looked through: to both sides, and to its log."""
    faulty.script = chooses_realtime
    with capture_logs() as logs:
        answers = [opens(faulty_relay, handshake(path, *OWN[way])) for path in EVERY for way in OWN]
        refusals = [exchange(faulty_relay, handshake(path, *OTHERS[way])) for path in EVERY for way in OTHERS]
        asked = len(answers) + len(refusals)
        until(lambda: sum(log["event"] == "request" for log in logs) == asked)
    assert {code_of(refusal) for refusal in refusals} == {(401, "invalid_api_key")}
    assert len(faulty.heads) == len(answers) == len(EVERY) * len(OWN)
    assert {tuple(fields_of(answer, b"sec-websocket-protocol")) for answer in answers} == {(b"realtime",)}
    for head in faulty.heads:
        assert fields_of(head, b"sec-websocket-protocol") == [b"realtime"]
        [shown] = fields_of(head, b"authorization")
        assert shown.removeprefix(b"Bearer ").decode() in {REAL_KEY, SECRET}
        assert head.count(REAL_KEY.encode()) + head.count(SECRET.encode()) == 1
        assert RELAY_KEY.encode() not in head
    told = b"".join([*answers, *refusals, repr(logs).encode()])
    hits = sum(told.count(key.encode()) for key in (REAL_KEY, RELAY_KEY, SECRET))
    figure("bytes scanned for the keys, WebSockets", f"{len(told):,}, {hits} hits")
    assert hits == 0
