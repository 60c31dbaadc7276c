"""Where a WebSocket may lead, and what goes up with its handshake besides the key."""

from collections.abc import Iterator

import pytest

from tests.faulty import Faulty, misbehaving
from tests.relay.test_loops import pseudonym
from tests.relay.websocket.handshakes import (
    BEARER,
    EVERY,
    IN_PROTOCOL,
    PROTOCOL,
    SESSION,
    code_of,
    fields_of,
    handshake,
    head,
    opens,
)
from tests.relay.wire import dialled
from tests.servers import RELAY_KEY, exchange, relay_over, until
from tests.websockets import (
    DEFLATE,
    MASK,
    OFFER,
    REALTIME,
    TEXT,
    Upstream,
    connected,
    conversing,
    frame,
    offer,
    opened,
    taking_up,
)


@pytest.fixture(scope="module")
def configured() -> Iterator[tuple[Faulty, str]]:
    """A relay with settings of its own for what goes up."""
    upstream = Faulty(taking_up(Upstream().hear))
    settings = {
        "openai_organization": "org-ours",
        "openai_project": "proj_ours",
        "openai_realtime_beta": "realtime=v1",
        "realtime_model": "gpt-realtime-mini",
        "relay_blocked_operations": [],
    }
    with misbehaving(upstream), relay_over(upstream.base_url, **settings) as root:
        yield upstream, root


@pytest.mark.parametrize("secret", [False, True], ids=["real key", "client secret"])
@pytest.mark.parametrize("own", [(), ("openai-organization: org-own", "openai-beta: mine")])
def test_organisation_project_and_beta_are_the_settings_where_the_client_has_none(
    configured: tuple[Faulty, str], own: tuple[str, ...], *, secret: bool
) -> None:
    """A client secret belongs to an organisation and a project already."""
    faulty, root = configured
    faulty.heads.clear()
    opens(root, handshake(REALTIME, *(SESSION if secret else (BEARER,)), *own))
    [head] = faulty.heads
    default = [] if secret else [b"org-ours"]
    assert fields_of(head, b"openai-organization") == ([b"org-own"] if own else default)
    assert fields_of(head, b"openai-project") == ([] if secret else [b"proj_ours"])
    assert fields_of(head, b"openai-beta") == [b"mine, realtime=v1" if own else b"realtime=v1"]


def test_only_realtime_gets_its_beta(configured: tuple[Faulty, str]) -> None:
    faulty, root = configured
    faulty.heads.clear()
    opens(root, handshake("/v1/responses", BEARER))
    assert fields_of(faulty.heads[0], b"openai-beta") == []


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("/v1/realtime/ws", b"/v1/realtime?model=gpt-realtime-mini"),
        ("/v1/realtime/ws?", b"/v1/realtime?model=gpt-realtime-mini"),
        ("/v1/realtime/ws?session_id=s%2F1", b"/v1/realtime?session_id=s%2F1&model=gpt-realtime-mini"),
        ("/v1/realtime/ws?model=m&x=%20", b"/v1/realtime?model=m&x=%20"),
        ("/v1/realtime/ws?model=", b"/v1/realtime?model="),
        ("/v1/realtime/ws?call_id=rtc_1", b"/v1/realtime?call_id=rtc_1"),
        ("/v1/realtime/ws?intent=transcription", b"/v1/realtime?intent=transcription"),
        ("/v1/realtime", b"/v1/realtime"),
        ("/v1/realtime?a=%2F&a=&b", b"/v1/realtime?a=%2F&a=&b"),
        ("/v1/realtime/translations?x", b"/v1/realtime/translations?x"),
    ],
)
def test_the_older_name_has_a_model_and_the_others_pass_as_they_are(
    configured: tuple[Faulty, str], asked: str, target: bytes
) -> None:
    faulty, root = configured
    faulty.heads.clear()
    opens(root, handshake(asked, BEARER))
    assert faulty.heads[0].startswith(b"GET %b HTTP/1.1\r\n" % target)


def test_a_handshakes_fields_pass_and_a_hops_own_do_not(configured: tuple[Faulty, str]) -> None:
    faulty, root = configured
    faulty.heads.clear()
    more = (
        "cookie: a=b",
        "x-own: 1",
        "x-forwarded-for: 1.2.3.4",
        "origin: http://relay",
        "x-hop: 1",
        DEFLATE,
    )
    raw = handshake(REALTIME, BEARER, *more).replace(b"connection: Upgrade", b"connection: x-hop, Upgrade")
    opens(root, raw)
    [head] = faulty.heads
    assert fields_of(head, b"x-own") == [b"1"]
    assert fields_of(head, b"origin") == [b"http://relay"]
    assert fields_of(head, b"sec-websocket-extensions") == [b"permessage-deflate"]
    assert fields_of(head, b"connection") == [b"Upgrade"]
    assert fields_of(head, b"upgrade") == [b"websocket"]
    assert fields_of(head, b"via") == [b"1.1 " + pseudonym(faulty.base_url)]
    for name in (b"cookie", b"x-forwarded-for", b"x-hop"):
        assert fields_of(head, name) == []


def test_a_websocket_that_comes_round_again_is_a_508(faulty: Faulty, faulty_relay: str) -> None:
    via = f"via: 1.1 {pseudonym(faulty.base_url).decode()}"
    assert code_of(exchange(faulty_relay, offer(REALTIME, via))) == (508, "loop_detected")
    assert faulty.connections == 0


def test_a_relay_over_a_relay_converses() -> None:
    with (
        conversing() as base_url,
        relay_over(base_url) as inner,
        relay_over(f"{inner}/v1", openai_api_key=RELAY_KEY) as outer,
        connected(outer) as client,
    ):
        client.send("through both")
        assert client.recv(timeout=10) == "through both"


@pytest.mark.parametrize(
    ("settings", "refused", "status"),
    [
        ({"relay_blocked_operations": ["connectRealtime", "/realtime/trans*"]}, EVERY[:3], 403),
        ({"relay_unknown_paths": "reject"}, EVERY[4:], 404),
    ],
    ids=str,
)
def test_what_is_blocked_or_unknown_opens_no_websocket(
    faulty: Faulty, settings: dict[str, object], refused: list[str], status: int
) -> None:
    faulty.script = taking_up(Upstream().hear)
    with relay_over(faulty.base_url, **settings) as root:
        for path in EVERY:
            raw = handshake(f"{path}?model=m", BEARER)
            if path in refused:
                code = "operation_blocked" if status == 403 else "unknown_url"
                assert code_of(exchange(root, raw)) == (status, code)
            else:
                opens(root, raw)
    assert len(faulty.heads) == len(EVERY) - len(refused)


@pytest.mark.parametrize(
    "path",
    ["/v1//realtime", "/v1/realtime/", "/V1/realtime", "/v1/Realtime", "/v1/realtime%2fws", "/realtime"],
)
def test_another_spelling_is_no_websocket(faulty: Faulty, faulty_relay: str, path: str) -> None:
    assert code_of(exchange(faulty_relay, handshake(path, BEARER))) == (404, "unknown_url")
    assert faulty.connections == 0


@pytest.mark.parametrize("cors", [[], ["https://app.example"]])
def test_without_a_relay_key_pages_of_other_origins_are_kept_out(faulty: Faulty, cors: list[str]) -> None:
    """Any page that a browser shows could open one else: CORS does not hold for WebSockets."""
    kept_out = [
        "https://evil.example",
        "https://evil.localhost:8000",
        "null",
        "http://localhost:8000.evil.example",
        "https://app.example.evil",
    ]
    let_in = ["http://localhost:8000", "https://localhost:8000", *cors]
    faulty.script = taking_up(Upstream().hear)
    with relay_over(faulty.base_url, relay_key=None, cors_allow_origins=cors) as root:
        for origin in [*kept_out, *([] if cors else ["https://app.example"])]:
            for path in EVERY:
                raw = exchange(root, handshake(path, f"origin: {origin}", host="localhost:8000"))
                assert code_of(raw) == (403, "origin_not_allowed")
        assert faulty.connections == 0
        for origin in let_in:
            opens(root, handshake(REALTIME, f"origin: {origin}", host="localhost:8000"))
        opens(root, handshake(REALTIME))
        assert len(faulty.heads) == len(let_in) + 1


def test_with_a_key_any_page_that_knows_it_may(upstream: Upstream, faulty_relay: str) -> None:
    fields = f"{PROTOCOL}{IN_PROTOCOL}", "origin: https://app.example"
    assert opens(faulty_relay, handshake(REALTIME, *fields))
    assert upstream.over.wait(10)


def test_where_websockets_are_off_each_is_closed_with_1008(faulty: Faulty) -> None:
    """It is taken up for that alone: browsers show a page no other reason."""
    with relay_over(faulty.base_url, relay_realtime_ws_enabled=False) as root:
        for path in EVERY:
            with opened(root, f"{PROTOCOL}realtime, other", target=path) as client:
                assert fields_of(client.head, b"sec-websocket-protocol") == [b"realtime"]
                assert client.end()[4:] == b"this relay is set to relay no WebSockets"
            assert code_of(exchange(root, handshake(path))) == (401, "invalid_api_key")
    assert faulty.connections == 0


OTHER_OFFERS = {
    "Firefox's": ("Upgrade: websocket", "Connection: keep-alive, Upgrade"),
    "capitals": ("UPGRADE: WebSocket", "CONNECTION: UPGRADE"),
    "other fields between": ("Connection: upgrade", "accept-language: de", "Upgrade: websocket"),
}


@pytest.mark.parametrize("fields", OTHER_OFFERS.values(), ids=OTHER_OFFERS)
def test_an_offer_may_be_spelled_otherwise(
    upstream: Upstream, faulty_relay: str, fields: tuple[str, ...]
) -> None:
    assert opens(faulty_relay, head(REALTIME, BEARER, *fields, *OFFER[2:]))
    assert upstream.over.wait(10)


def test_an_offer_may_come_on_a_connection_that_has_served_requests(
    upstream: Upstream, faulty_relay: str
) -> None:
    """One after another, then all at once: each has its turn, and what follows is the WebSocket's."""
    asked = head("/live") * 2
    hello = frame(TEXT, b"hello", mask=MASK)
    with dialled(faulty_relay, head("/live")) as line:
        line.until(b'"ok"}')
        line.received = b""
        line.say(asked + handshake(REALTIME, BEARER) + hello)
        assert line.until(b" 101 ").count(b"HTTP/1.1 200 ") == 2
        until(lambda: upstream.heard == hello)


def test_the_other_transport_relays_them_as_well() -> None:
    with (
        conversing() as base_url,
        relay_over(base_url, relay_transport="aiohttp") as root,
        connected(root) as client,
    ):
        client.send("hello")
        assert client.recv(timeout=10) == "hello"
