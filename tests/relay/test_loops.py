"""A request passes a relay once: one that is its own upstream says so instead of calling itself for ever."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from relay.loops import Loops
from relay.settings import load_settings
from tests.relay.wire import CHAT, CHAT_BODY, KEY, Answer, ask, request
from tests.servers import Recorder, exchange, recording, relay_over

JSON = "content-type: application/json"
CLOSE = "connection: close"


def pseudonym(base_url: str, name: str = "chatgpt-team-relay") -> bytes:
    return b"relay-" + hashlib.sha256(f"{name}\n{base_url}".encode()).hexdigest()[:12].encode()


@pytest.fixture(scope="module")
def recorded() -> Iterator[tuple[Recorder, str]]:
    recorder = Recorder()
    with recording(recorder) as base_url:
        yield recorder, base_url


@pytest.fixture
def chain(recorded: tuple[Recorder, str]) -> Iterator[tuple[Recorder, list[str], list[bytes]]]:
    """A relay over a relay over an upstream: their addresses and names, the outer one's first."""
    recorder, base_url = recorded
    recorder.seen.clear()
    with relay_over(base_url, relay_key=None) as inner, relay_over(f"{inner}/v1") as outer:
        yield recorder, [outer, inner], [pseudonym(f"{inner}/v1"), pseudonym(base_url)]


def assert_is_a_loop(answer: Answer) -> None:
    assert answer.status == 508
    assert (answer.error["type"], answer.error["code"]) == ("server_error", "loop_detected")


def test_each_relay_of_a_chain_adds_its_name_behind_the_others(
    chain: tuple[Recorder, list[str], list[bytes]],
) -> None:
    recorder, [outer, _], names = chain
    assert ask(outer, "GET", "/v1/models", "via: 1.0 fred, HTTP/2 p.example", "via: 1.1 x").status == 200
    [seen] = recorder.seen
    added = [b"1.1 " + name for name in names]
    assert seen.header(b"via") == [b"1.0 fred, HTTP/2 p.example", b"1.1 x", *added]


def test_via_tells_the_version_that_the_client_spoke(chain: tuple[Recorder, list[str], list[bytes]]) -> None:
    recorder, [_, inner], [_, name] = chain
    assert b" 200 " in exchange(inner, f"GET /v1/models HTTP/1.0\r\n{KEY}\r\n\r\n".encode())
    assert recorder.seen[0].header(b"via") == [b"1.0 " + name]


@pytest.mark.parametrize("via", ["1.1 {}", "1.0 fred, 1.1 {}", "1.1 {}, 1.1 nginx", "1.1 {} (a comment)"])
@pytest.mark.parametrize("key", [KEY, "x-relay-key: wrong"], ids=["key", "wrong key"])
def test_a_request_that_passed_before_goes_no_further(
    chain: tuple[Recorder, list[str], list[bytes]], via: str, key: str
) -> None:
    """Whatever its key: the key that it comes back with is the real one, which opens no relay."""
    recorder, [outer, _], [name, _] = chain
    fields = (key, "via: 1.1 another", f"via: {via.format(name.decode())}", JSON)
    raw = exchange(
        outer, request("POST", CHAT, *fields, CLOSE, body=CHAT_BODY).replace(KEY.encode(), b"x: y")
    )
    assert raw.startswith(b"HTTP/1.1 508 ")
    assert b'"code": "loop_detected"' in raw
    assert not recorder.seen


@pytest.mark.parametrize("relay_key", [None, "relay-key-for-tests"], ids=["open", "closed"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/models"), ("POST", CHAT), ("GET", "/v1/unknown"), ("GET", "/v1/files/f/content")],
)
def test_a_relay_that_is_its_own_upstream_answers_508(relay_key: str | None, method: str, path: str) -> None:
    with ExitStack() as stack:
        # The port has to be known before the relay is: it is that of a relay that is over by then.
        with relay_over("sandbox:") as earlier:
            port = int(earlier.rpartition(":")[2])
        base_url = f"http://127.0.0.1:{port}/v1"
        root = stack.enter_context(relay_over(base_url, relay_key=relay_key, relay_port=port))
        assert root == earlier
        body = CHAT_BODY if method == "POST" else b""
        assert_is_a_loop(ask(root, method, path, *([JSON] if body else []), body=body))
        assert httpx.get(f"{root}/live").status_code == 200


def test_two_relays_that_are_each_others_upstream_end_too() -> None:
    with relay_over("sandbox:") as earlier:
        port = int(earlier.rpartition(":")[2])
    with (
        relay_over(f"{earlier}/v1", relay_key=None) as first,
        relay_over(f"{first}/v1", relay_key=None, relay_port=port) as second,
    ):
        assert second == earlier
        for root in (first, second):
            assert_is_a_loop(ask(root, "GET", "/v1/models"))


def test_the_name_is_that_of_the_relay_and_of_its_upstream() -> None:
    def said(**settings: str) -> bytes:
        return Loops(load_settings(**settings)).via("1.1")[1]

    here = {"relay_name": "a", "openai_api_base": "http://h/v1"}
    assert said(**here) == said(**here) == b"1.1 " + pseudonym("http://h/v1", "a")
    assert len({said(**here), said(**{**here, "relay_name": "b"}), said(openai_api_base="http://i/v1")}) == 3
