"""i. Clients that are slow, or too many: they lose what they hold, and nobody else does."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.relay.processes import Holding, begun, relaying
from tests.relay.test_streams import FIRST, LAST
from tests.relay.wire import (
    CHAT,
    CHAT_BODY,
    LAST_CHUNK,
    Line,
    ask,
    chunk,
    dialled,
    request,
    streaming,
    unchunked,
)
from tests.servers import Recorder, recording, relay_over, until

JSON = "content-type: application/json"
MULTIPART = "content-type: multipart/form-data; boundary=b"
DRIP_SECONDS = 0.1
# The relay lets itself have so many files open, and the test more connections than that.
DESCRIPTORS = 256
CROWD = 400
PROGRAM = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))
from relay.commands import main
main()
"""


@pytest.fixture(scope="module")
def hurried() -> Iterator[tuple[Recorder, str]]:
    """A relay that waits a second for a client, and its upstream."""
    recorder = Recorder()
    with recording(recorder) as base_url, relay_over(base_url, relay_client_timeout=1) as root:
        yield recorder, root


def ended(line: Line, drip: bytes) -> bytes:
    """What the relay said by the time it closed the connection, while `drip` is sent over and over."""
    over = threading.Event()

    def dripping() -> None:
        with suppress(OSError):
            while drip and not over.wait(DRIP_SECONDS):
                line.say(drip)

    sender = threading.Thread(target=dripping, daemon=True)
    sender.start()
    try:
        return line.rest()
    except ConnectionError:  # it was closed while more arrived
        return line.received
    finally:
        over.set()
        sender.join(10)


HEADS = {
    "nothing": (b"", b""),
    "half a head": (b"GET /v1/models HTTP/1.1\r\nhost: rel", b""),
    "a dripping field": (b"GET /v1/models HTTP/1.1\r\nx-a: ", b"a"),
    "dripping fields": (b"GET /v1/models HTTP/1.1\r\n", b"x-a: 1\r\n"),
    "dripping empty lines": (b"", b"\r\n"),
    "half a second head": (request("GET", "/live") + b"GET /v1/mo", b""),
}


@pytest.mark.row("i39")
@pytest.mark.parametrize(("begin", "drip"), HEADS.values(), ids=HEADS)
def test_i39_a_slow_head_costs_the_connection(
    hurried: tuple[Recorder, str], begin: bytes, drip: bytes
) -> None:
    recorder, root = hurried
    recorder.seen.clear()
    with dialled(root, begin) as line:
        raw = ended(line, drip)
    # What was asked before is answered; what never came is not.
    assert raw.count(b"HTTP/1.1 200 ") == begin.count(b"/live")
    assert recorder.seen == []


BODIES = {
    "none of it": (["content-length: 60"], b"", JSON, CHAT),
    "half of it": (["content-length: 60"], CHAT_BODY[:30], JSON, CHAT),
    "half in chunks": (["transfer-encoding: chunked"], chunk(CHAT_BODY[:30]), JSON, CHAT),
    "half an upload": (["content-length: 60"], b"--b\r\n", MULTIPART, "/v1/files"),
}


@pytest.mark.row("i39")
@pytest.mark.parametrize(("fields", "begin", "kind", "target"), BODIES.values(), ids=BODIES)
def test_i39_a_body_that_stops_is_a_408(
    hurried: tuple[Recorder, str], fields: list[str], begin: bytes, kind: str, target: str
) -> None:
    recorder, root = hurried
    recorder.seen.clear()
    with dialled(root, request("POST", target, kind, *fields) + begin) as line:
        head, _, body = line.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["error"]["code"] == "request_timeout"
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
    assert recorder.seen == []


@pytest.mark.row("i39")
def test_i39_a_head_without_end_is_a_431(hurried: tuple[Recorder, str]) -> None:
    with dialled(hurried[1], b"GET /v1/models HTTP/1.1\r\n") as line:
        with suppress(ConnectionError):
            for _ in range(20):
                line.say(b"x-a: " + b"a" * 8_000 + b"\r\n")
        raw = ended(line, b"")
    assert raw.startswith(b"HTTP/1.1 431 ")
    assert json.loads(raw.partition(b"\r\n\r\n")[2])["error"]["type"] == "invalid_request_error"


@pytest.mark.row("i39")
def test_i39_one_request_too_many_is_told_to_come_again(holding: Holding) -> None:
    with relay_over(holding.faulty.base_url, relay_max_requests=3) as root, ExitStack() as stack:
        held = [stack.enter_context(dialled(root, request("GET", "/v1/models"))) for _ in range(3)]
        until(lambda: len(holding.faulty.heads) == 3)
        for _ in range(2):
            answer = ask(root, "POST", CHAT, JSON, body=CHAT_BODY)
            assert (answer.status, answer.error["type"], answer.error["code"]) == (
                503,
                "server_error",
                "relay_busy",
            )
            assert answer.all("retry-after") == ["1"]
            assert [ask(root, "GET", path).status for path in ("/live", "/ready", "/health")] == [200] * 3
        assert len(holding.faulty.heads) == 3
        holding.released.set()
        assert [line.until(b"ok")[:12] for line in held] == [b"HTTP/1.1 200"] * 3
        assert ask(root, "GET", "/v1/models").body == b"ok"


@pytest.mark.row("i39")
def test_i39_a_crowd_that_takes_every_descriptor_locks_nobody_out(tmp_path: Path, holding: Holding) -> None:
    address = holding.faulty.base_url
    with relaying(tmp_path, address, program=PROGRAM) as relay, ExitStack() as stack:
        stream = begun(stack.enter_context(dialled(relay.root, streaming())))
        for _ in range(CROWD):
            stack.enter_context(dialled(relay.root))
        assert [ask(relay.root, "GET", path).status for path in ("/live", "/ready", "/health")] == [200] * 3
        holding.released.set()
        assert ask(relay.root, "GET", "/v1/models").body == b"ok"
        assert unchunked(stream.until(LAST_CHUNK)) == (FIRST + LAST, True)
        assert relay.process.poll() is None
