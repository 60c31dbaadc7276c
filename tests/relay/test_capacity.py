"""More at once than the relay takes: it says so, it can be watched meanwhile, and it recovers."""

import json
import signal
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from relay.serving.descriptors import shares
from relay.setting_types import SettingsError
from tests.relay.processes import Holding, begun, relaying
from tests.relay.test_streams import FIRST, LAST
from tests.relay.wire import LAST_CHUNK, ask, dialled, request, streaming, unchunked
from tests.servers import relay_over, until

MULTIPART = "content-type: multipart/form-data; boundary=b"
MODELS = request("GET", "/v1/models")


def test_one_request_too_many_is_told_to_come_again(holding: Holding) -> None:
    with relay_over(holding.faulty.base_url, relay_max_requests=2) as root:
        with dialled(root, streaming()) as stream, dialled(root, MODELS) as call, dialled(root) as kept:
            stream.until(FIRST)
            until(lambda: len(holding.faulty.heads) == 2)
            for asked in (MODELS, request("POST", "/v1/files", MULTIPART, body=bytes(100_000))):
                kept.received = b""
                kept.say(asked)
                head, _, body = kept.until(b"}}").partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 503 ")
                assert b"\r\nretry-after: 1" in head
                error = json.loads(body)["error"]
                assert (error["type"], error["code"]) == ("server_error", "relay_busy")
            for path in ("/", "/health", "/v1/health", "/live", "/ready"):
                assert ask(root, "GET", path).status == 200
            holding.released.set()
            assert unchunked(stream.until(LAST_CHUNK)) == (FIRST + LAST, True)
            call.until(b"ok")
        assert ask(root, "GET", "/v1/models").body == b"ok"


def test_more_requests_than_open_files_allow_are_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match=r"^RELAY_MAX_REQUESTS='1000000' is invalid .* at most \d+$"):
        shares(1_000_000)
    chosen, connections = shares(None)
    assert 1 <= chosen <= min(connections, 10_000)
    assert shares(1)[0] == 1


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (100, {0}))
from relay.commands import main
main()
"""


def test_idle_connections_lock_nobody_out(tmp_path: Path, holding: Holding) -> None:
    """Several times as many as there may be open files; a stream lives through it."""
    program = LIMITED.format(180)
    with (
        relaying(tmp_path, holding.faulty.base_url, program=program) as running,
        dialled(running.root, streaming()) as stream,
        ExitStack() as stack,
    ):
        begun(stream)
        for number in range(500):
            line = stack.enter_context(dialled(running.root))
            if number % 2:
                with suppress(ConnectionError):
                    line.say(b"GET /v1/mo")
        assert ask(running.root, "GET", "/live").status == 200
        holding.released.set()
        assert ask(running.root, "GET", "/v1/models").body == b"ok"
        assert unchunked(stream.until(LAST_CHUNK)) == (FIRST + LAST, True)
    assert not [line for line in running.lines if "Traceback" in line]


def test_more_streams_than_open_files_are_told_so_and_it_recovers(tmp_path: Path, holding: Holding) -> None:
    program = LIMITED.format(180)  # (180 - 100) // 2 requests
    with relaying(tmp_path, holding.faulty.base_url, program=program) as running:
        with ExitStack() as stack:
            streams = [stack.enter_context(dialled(running.root, streaming())) for _ in range(40)]
            for stream in streams:
                begun(stream)
            for _ in range(10):
                answer = ask(running.root, "GET", "/v1/models")
                assert (answer.status, answer.error["code"]) == (503, "relay_busy")
            assert ask(running.root, "GET", "/ready").status == 200
            holding.released.set()
            for stream in streams:
                assert unchunked(stream.until(LAST_CHUNK)) == (FIRST + LAST, True)
        assert ask(running.root, "GET", "/v1/models").body == b"ok"


def test_without_a_file_for_the_upstream_the_relay_is_busy(tmp_path: Path, holding: Holding) -> None:
    """Something else in the process has used them up, and gives them back."""
    program = """
import os, resource, signal
held = []
def use_up(*_):
    try:
        while True:
            held.append(os.open("/", os.O_RDONLY))
    except OSError:
        os.close(held.pop())
        print("used up", flush=True)
def give_back(*_):
    while held:
        os.close(held.pop())
    print("given back", flush=True)
signal.signal(signal.SIGUSR1, use_up)
signal.signal(signal.SIGUSR2, give_back)
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
from relay.commands import main
main()
"""
    holding.released.set()
    with relaying(tmp_path, holding.faulty.base_url, program=program) as running:
        with dialled(running.root) as line:
            line.say(request("GET", "/live"))
            line.until(b"}")
            running.process.send_signal(signal.SIGUSR1)
            until(lambda: "used up" in running.lines)
            with ExitStack() as stack:
                for _ in range(20):
                    stack.enter_context(dialled(running.root))
                line.received = b""
                line.say(MODELS)
                raw = line.until(b"}}")
                assert raw.startswith(b"HTTP/1.1 503 ")
                assert b'"code": "relay_busy"' in raw
                assert b"\r\nretry-after: 1\r\n" in raw
            running.process.send_signal(signal.SIGUSR2)
            until(lambda: "given back" in running.lines)
        assert ask(running.root, "GET", "/v1/models").body == b"ok"
    assert not [line for line in running.lines if "Traceback" in line]
