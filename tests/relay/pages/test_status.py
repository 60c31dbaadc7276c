"""The status page as it comes over the wire: what it says, and what it never does."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from generated.operations import CONTRACT_VERSION
from handlers.health import VERSION
from relay.pages import reach
from tests.relay.wire import Answer, ask
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, Seen, exchange, relay_over, until

HTML = "accept: text/html,application/xhtml+xml,*/*;q=0.8"
MARKUP = "\"><script>alert(1)</script><b title='x"


class Read(HTMLParser):
    """A page's text, and its elements with their attributes."""

    def __init__(self, page: Answer) -> None:
        super().__init__()
        self.text = ""
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.body.decode())
        self.close()
        self.text = " ".join(self.text.split())

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(root: str, *fields: str) -> Answer:
    answer = ask(root, "GET", "/", HTML, *fields)
    assert (answer.status, answer.all("content-type")) == (200, ["text/html; charset=utf-8"])
    return answer


def test_the_page_tells_what_works_and_how_to_connect(sandbox_relay: str) -> None:
    text = Read(page(sandbox_relay)).text
    assert "Ready Upstream reached the sandbox" in text
    assert "OpenAI key present" in text
    assert "Relay key needed" in text
    assert f"Contract {CONTRACT_VERSION}" in text
    assert f"Relay {VERSION}" in text
    assert f'base_url="{sandbox_relay}/v1"' in text
    assert f"curl {sandbox_relay}/v1/responses" in text
    assert f"{sandbox_relay}/openapi.actions.json" in text
    assert f"{sandbox_relay.replace('http', 'ws')}/v1/realtime?model=gpt-realtime" in text


def test_every_link_and_file_of_the_page_is_there(sandbox_relay: str) -> None:
    elements = Read(page(sandbox_relay)).elements
    places = {given[name] for _, given in elements for name in ("href", "src") if name in given}
    assert len(places) >= 10
    assert {ask(sandbox_relay, "GET", f"/{str(place).removeprefix('./')}").status for place in places} == {
        200
    }


def test_the_page_is_html_that_a_screen_reader_finds_its_way_in(sandbox_relay: str) -> None:
    read = Read(page(sandbox_relay))
    assert read.all("html")[0]["lang"] == "en"
    assert all(len(read.all(tag)) == 1 for tag in ("header", "nav", "main", "footer", "h1", "title"))
    ids = [given["id"] for _, given in read.elements if "id" in given]
    assert len(ids) == len(set(ids))
    assert {given["aria-labelledby"] for _, given in read.elements if "aria-labelledby" in given} <= set(ids)
    assert not [
        given for _, given in read.elements if "style" in given or any(key[:2] == "on" for key in given)
    ]
    assert all("src" in given for given in read.all("script"))


def test_the_page_may_load_nothing_but_the_relays_files(sandbox_relay: str) -> None:
    answer = page(sandbox_relay)
    policy = dict(part.strip().split(" ", 1) for part in answer.all("content-security-policy")[0].split(";"))
    closed = dict.fromkeys(("default-src", "base-uri", "form-action", "frame-ancestors"), "'none'")
    assert policy == closed | dict.fromkeys(("script-src", "style-src", "img-src"), "'self'")
    assert answer.all("x-content-type-options") == ["nosniff"]
    assert answer.all("cache-control") == ["no-store"]


@pytest.mark.parametrize(
    "accept", [None, "accept: */*", "accept: application/json", "accept: text/html, */*"]
)
def test_scripts_and_libraries_get_json_as_ever(sandbox_relay: str, accept: str | None) -> None:
    answer = ask(sandbox_relay, "GET", "/", *([accept] if accept else []))
    assert json.loads(answer.body)["object"] == "health"
    assert answer.all("vary") == page(sandbox_relay).all("vary") == ["Accept"]


def test_several_lines_of_accept_are_one_field(sandbox_relay: str) -> None:
    answer = ask(sandbox_relay, "GET", "/", "accept: text/html;q=0.5", "accept: application/json")
    assert answer.all("content-type") == ["application/json"]


def test_head_has_the_fields_of_the_page_and_no_page(sandbox_relay: str) -> None:
    answer = ask(sandbox_relay, "HEAD", "/", HTML)
    assert answer.body == b""
    assert answer.all("content-type", "content-length") == page(sandbox_relay).all(
        "content-type", "content-length"
    )


def test_health_is_json_whatever_a_browser_prefers(sandbox_relay: str) -> None:
    assert ask(sandbox_relay, "GET", "/health", HTML).all("content-type") == ["application/json"]


def test_the_page_holds_no_secret(upstream: tuple[Recorder, str], seen: list[Seen]) -> None:
    with relay_over(upstream[1]) as root:
        answer = page(root)
    assert REAL_KEY.encode() not in answer.body + repr(answer.fields).encode()
    assert RELAY_KEY.encode() not in answer.body + repr(answer.fields).encode()
    assert not seen


def test_markup_in_a_name_or_a_host_is_text(upstream: tuple[Recorder, str]) -> None:
    with relay_over(upstream[1], relay_name=MARKUP, environment=MARKUP, default_model=MARKUP) as root:
        read = Read(page(root))
    with relay_over(upstream[1]) as root:
        raw = exchange(
            root, f"GET / HTTP/1.1\r\nhost: {MARKUP}\r\n{HTML}\r\nconnection: close\r\n\r\n".encode()
        )
    assert MARKUP in read.text
    assert read.all("script") == [{"src": "static/status.js", "defer": None}]
    assert not read.all("b")
    assert raw.startswith(b"HTTP/1.1 200 ")
    assert b"alert(1)" not in raw


@pytest.mark.parametrize("host", ["evil.example/x", "a b", "a@b", 'x"y', "[::1", "x:99999"])
def test_a_host_that_is_none_is_not_shown(sandbox_relay: str, host: str) -> None:
    head = f"GET / HTTP/1.1\r\nhost: {host}\r\n{HTML}\r\nconnection: close\r\n\r\n"
    assert host.encode() not in exchange(sandbox_relay, head.encode())


def test_the_public_address_wins_over_the_host(upstream: tuple[Recorder, str]) -> None:
    with relay_over(upstream[1], relay_public_url="https://relay.example/openai") as root:
        read = Read(page(root))
    assert 'base_url="https://relay.example/openai/v1"' in read.text
    assert "wss://relay.example/openai/v1/realtime" in read.text
    assert root.removeprefix("http://") not in read.text
    assert "data-address" not in read.all("html")[0]


def test_an_open_relay_says_so(upstream: tuple[Recorder, str]) -> None:
    with relay_over(upstream[1], relay_key=None, relay_auth_enabled=False) as root:
        text = Read(page(root)).text
    assert "Relay key not needed" in text
    assert "X-Relay-Key" not in text
    assert "<relay key>" not in text


def test_a_relay_without_sockets_offers_none(upstream: tuple[Recorder, str]) -> None:
    with relay_over(upstream[1], relay_realtime_ws_enabled=False) as root:
        assert "WebSocket" not in Read(page(root)).text


def test_a_relay_without_a_real_key_says_what_to_set(upstream: tuple[Recorder, str]) -> None:
    with relay_over(upstream[1], openai_api_key=None) as root:
        text = Read(page(root)).text
    assert "Not ready" in text
    assert "OpenAI key missing set OPENAI_API_KEY" in text


def test_an_upstream_that_refuses_is_told_of() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can be there
        with relay_over(f"http://127.0.0.1:{reserved.getsockname()[1]}/v1") as root:
            text = Read(page(root)).text
    assert "Running, but the upstream is not reached Upstream not reached" in text


@pytest.fixture
def visited() -> Iterator[tuple[str, list[bytes]]]:
    """An upstream that says nothing, and what each connection to it brought until its end."""
    brought: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    brought.append(connection.recv(10))
                except ConnectionError:
                    brought.append(b"")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", brought
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_any_number_of_visitors_costs_one_connection_with_nothing_sent(
    visited: tuple[str, list[bytes]],
) -> None:
    base_url, brought = visited
    with relay_over(base_url) as root:
        texts = [Read(page(root)).text for _ in range(20)]
        until(lambda: bool(brought))
    assert all("Upstream reached" in text for text in texts)
    assert brought == [b""]


def test_an_upstream_that_never_greets_does_not_hold_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "_WAIT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # TLS waits for its hello
        base_url = f"https://127.0.0.1:{silent.getsockname()[1]}/v1"
        with relay_over(base_url) as root:
            text = Read(page(root)).text
    assert "Upstream no answer yet" in text


class Counted:
    """An upstream of which only is known whether it can be reached."""

    def __init__(self, *outcomes: BaseException | None) -> None:
        self.outcomes = list(outcomes)

    async def touch(self) -> None:
        await asyncio.sleep(0)
        if (outcome := self.outcomes.pop(0)) is not None:
            raise outcome


async def test_a_look_is_had_again_when_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    upstream: Any = Counted(None, OSError(), TimeoutError(), None)
    seen = reach.Reach()
    assert [await seen.reached(upstream) for _ in range(3)] == [True] * 3
    monkeypatch.setattr(reach, "_KEPT_SECONDS", 0.0)
    assert [await seen.reached(upstream) for _ in range(3)] == [False, False, True]


async def test_many_at_once_wait_for_one_look() -> None:
    upstream: Any = Counted(None)
    seen = reach.Reach()
    assert await asyncio.gather(*(seen.reached(upstream) for _ in range(50))) == [True] * 50
