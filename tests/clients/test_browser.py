"""A page in Chromium: examples/realtime.html over a relay that it shows its key as a subprotocol."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.clients.chromium import Page, browsing
from tests.clients.stage import Pair
from tests.servers import PROJECT, RELAY_KEY, relay_over

PICTURES = PROJECT / "build" / "screenshots"
STATE = "document.getElementById('state').textContent"
LINES = "[...document.querySelectorAll('li')].map((line) => [line.className, line.textContent])"
SAID = "Good evening. This answer came over a WebSocket, word by word: “déjà vu”."


class _Files(SimpleHTTPRequestHandler):
    """Serves a folder, and keeps the requests' lines in `asked`."""

    def __init__(self, *arguments: Any, asked: list[str], **more: Any) -> None:
        self._asked = asked
        super().__init__(*arguments, **more)

    def log_request(self, *_: Any) -> None:
        self._asked.append(self.requestline)


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[str, list[str]]]:
    """Where the examples are served, an origin that is not the relay's, and what was asked for there."""
    asked: list[str] = []
    handler = partial(_Files, asked=asked, directory=str(PROJECT / "examples"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("chromium")) as made:
        yield made


def opened(page: Page, site: str, base_url: str, key: str) -> None:
    """Open the example, and wait until it is connected or has failed to be."""
    page.open(f"{site}/realtime.html#relay={base_url.removesuffix('/v1')}&key={key}")
    page.until("/^(connected|closed|a key)/.test(document.getElementById('state')?.textContent)")


def asked(page: Page, text: str) -> str:
    """Type a message and send it; what the model answered."""
    page.value(f"document.querySelector('#say input').value = {json.dumps(text)}")
    page.value("document.querySelector('#say button').click()")
    page.until("document.querySelector('li:last-child').dataset.status === 'completed'")
    who, said = page.value(LINES)[-1]
    assert who == "assistant"
    return str(said)


def test_a_page_holds_a_conversation(page: Page, site: tuple[str, list[str]], pair: Pair) -> None:
    opened(page, site[0], pair.relay, RELAY_KEY)
    assert page.value(STATE) == "connected to gpt-realtime"
    assert asked(page, f"Say exactly: {SAID}") == SAID
    assert "The sandbox heard" in asked(page, "Is this thing on?")
    assert [who for who, _ in page.value(LINES)] == ["user", "assistant"] * 2
    page.picture(PICTURES / "realtime.png")


def test_the_key_stays_with_the_page(page: Page, site: tuple[str, list[str]], pair: Pair) -> None:
    opened(page, site[0], pair.relay, RELAY_KEY)
    assert page.value("location.href") == f"{site[0]}/realtime.html"
    assert "GET /realtime.html HTTP/1.1" in site[1]
    assert not [line for line in site[1] if RELAY_KEY in line]


def test_a_page_is_opened_to_by_a_client_secret(page: Page, site: tuple[str, list[str]], pair: Pair) -> None:
    shown = {"authorization": f"Bearer {RELAY_KEY}"}
    made = httpx.post(f"{pair.relay}/realtime/client_secrets", json={}, headers=shown).raise_for_status()
    opened(page, site[0], pair.relay, made.json()["value"])
    assert asked(page, "Say exactly: by a secret") == "by a secret"


def test_a_page_with_a_wrong_key_sees_its_connection_fail(
    page: Page, site: tuple[str, list[str]], pair: Pair
) -> None:
    opened(page, site[0], pair.relay, "wrong")
    assert page.value(STATE) == "closed: 1006, refused or lost"
    page.picture(PICTURES / "realtime-refused.png")


def test_a_page_tells_of_a_key_that_it_cannot_show(
    page: Page, site: tuple[str, list[str]], pair: Pair
) -> None:
    opened(page, site[0], pair.relay, "a%2Fb%3D")
    assert page.value(STATE) == "a key with characters that a page cannot show"
    assert page.value("document.getElementById('connect').hidden") is False


@pytest.mark.parametrize("end", ["/", "/v1", "/v1/"])
def test_a_page_takes_the_address_however_it_ends(
    page: Page, site: tuple[str, list[str]], pair: Pair, end: str
) -> None:
    page.open(f"{site[0]}/realtime.html#relay={pair.relay.removesuffix('/v1')}{end}&key={RELAY_KEY}")
    page.until("/^connected/.test(document.getElementById('state')?.textContent)")


def test_a_page_is_told_where_websockets_are_disabled(page: Page, site: tuple[str, list[str]]) -> None:
    with relay_over("sandbox:", relay_realtime_ws_enabled=False) as root:
        opened(page, site[0], root, RELAY_KEY)
    assert page.value(STATE).startswith("closed: 1008, ")
