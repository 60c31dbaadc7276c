"""A relay that is told to stop lets its requests end, up to a deadline, and tells the others so."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faulty import Connection, Faulty, misbehaving
from tests.relay.processes import Holding, begun, relaying, said, stop
from tests.relay.test_broken_streams import CHUNKED, SSE
from tests.relay.test_streams import FIRST, LAST
from tests.relay.wire import ask, chunk, dialled, request, streaming, unchunked
from tests.servers import PROJECT, until

MODELS = request("GET", "/v1/models")
DRAINING = {
    "message": "The relay is shutting down: send the request again",
    "type": "server_error",
    "param": None,
    "code": "relay_draining",
}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stream_ends_whole_and_the_process_then(
    tmp_path: Path, holding: Holding, number: signal.Signals
) -> None:
    with relaying(tmp_path, holding.faulty.base_url) as running:
        with dialled(running.root, streaming()) as line:
            begun(line)
            stop(running, number)
            assert running.process.poll() is None
            holding.released.set()
            assert unchunked(line.rest()) == (FIRST + LAST, True)
        assert running.process.wait(20) == 0
    assert "in_progress=1" in said(running, "drain begun")
    assert "cut=0" in said(running, "drained")
    assert not [line for line in running.lines if "Traceback" in line or "error" in line]


def test_while_it_drains_it_is_not_ready_and_serves_on(tmp_path: Path, holding: Holding) -> None:
    with relaying(tmp_path, holding.faulty.base_url) as running:
        with dialled(running.root, request("GET", "/ready")) as idle, dialled(running.root, MODELS) as held:
            assert b'"status":"ok"' in idle.until(b"}")
            until(lambda: len(holding.faulty.heads) == 1)
            stop(running)
            for root in (running.root,) * 2:
                ready = ask(root, "GET", "/ready")
                assert (ready.status, json.loads(ready.body)["status"]) == (503, "draining")
                assert ready.all("connection") == ["close"]
                assert ask(root, "GET", "/live").status == 200
            idle.received = b""
            idle.say(MODELS)
            until(lambda: len(holding.faulty.heads) == 2)
            holding.released.set()
            for line in (held, idle):
                answer = line.rest()
                assert answer.startswith(b"HTTP/1.1 200 ")
                assert b"\r\nconnection: close\r\n" in answer
                assert answer.endswith(b"ok")
        assert running.process.wait(20) == 0


def test_idle_connections_hold_nothing_up(tmp_path: Path, holding: Holding) -> None:
    holding.released.set()
    with (
        relaying(tmp_path, holding.faulty.base_url, RELAY_DRAIN_SECONDS="600") as running,
        dialled(running.root) as silent,
        dialled(running.root, MODELS) as kept,
        dialled(running.root, b"GET /v1/mo") as halved,
    ):
        kept.until(b"ok")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
        assert [line.rest()[-2:] for line in (silent, kept, halved)] == [b"", b"ok", b""]


@pytest.mark.parametrize("ended", ["by itself", "by a second signal", "by the deadline"])
def test_one_that_lingers_serves_on_with_nothing_in_progress(
    tmp_path: Path, holding: Holding, ended: str
) -> None:
    """What sends requests here learns from /ready that it should not, before it is refused."""
    linger = "2" if ended == "by itself" else "600"
    drain = "2" if ended == "by the deadline" else "600"
    holding.released.set()
    with relaying(
        tmp_path, holding.faulty.base_url, RELAY_LINGER_SECONDS=linger, RELAY_DRAIN_SECONDS=drain
    ) as running:
        stop(running)
        assert ask(running.root, "GET", "/ready").status == 503
        assert ask(running.root, "GET", "/v1/models").body == b"ok"
        if ended == "by a second signal":
            running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
    assert "in_progress=0" in said(running, "drain begun")
    assert "cut=0" in said(running, "drained")


@pytest.mark.parametrize("hurry", ["deadline", "no time", "second signal"])
def test_what_does_not_end_in_time_is_told(tmp_path: Path, holding: Holding, hurry: str) -> None:
    """A stream by an event, an upload and a request without an answer by one, and each connection ends."""
    seconds = {"deadline": "0.5", "no time": "0", "second signal": "600"}[hurry]
    upload = request(
        "POST", "/v1/files", "content-type: multipart/form-data; boundary=b", "content-length: 9"
    )
    judged = request("POST", "/v1/embeddings", "content-type: application/json", "content-length: 9")
    with (
        relaying(tmp_path, holding.faulty.base_url, RELAY_DRAIN_SECONDS=seconds) as running,
        dialled(running.root, streaming()) as stream,
        dialled(running.root, MODELS) as call,
        dialled(running.root, upload) as sending,
        dialled(running.root, judged + b"{") as reading,
    ):
        begun(stream)
        until(lambda: holding.faulty.connections == 3)
        stop(running)
        if hurry == "second signal":
            running.process.send_signal(signal.SIGTERM)
        content, whole = unchunked(stream.rest())
        assert not whole
        assert json.loads(content.removeprefix(FIRST + b"data: ")) == {"error": DRAINING}
        for line in (call, sending, reading):
            head, _, body = line.rest().partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 ")
            assert {b"retry-after: 1", b"connection: close"} <= set(head.split(b"\r\n"))
            assert json.loads(body) == {"error": DRAINING}
        assert running.process.wait(20) == 0
    assert "in_progress=4" in said(running, "drain begun")
    assert "cut=4" in said(running, "drained")
    assert not [line for line in running.lines if "Traceback" in line or "bug" in line]


def test_a_client_that_reads_nothing_holds_nothing_up(tmp_path: Path) -> None:
    """The relay is stuck in a write when it is told to stop, and has no way to tell this client."""

    async def floods(connection: Connection) -> None:
        await connection.request()
        await connection.say(SSE + CHUNKED)
        while True:
            await connection.say(chunk(FIRST * 1000))

    faulty = Faulty(floods)
    with (
        misbehaving(faulty),
        relaying(tmp_path, faulty.base_url, RELAY_DRAIN_SECONDS="0.2") as running,
        dialled(running.root, streaming(), receive_buffer=4096) as line,
    ):
        line.until(FIRST)
        time.sleep(0.5)  # until it is stuck; had it less time, it would end all the more
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
    assert "cut=1" in said(running, "drained")
    assert not [line for line in running.lines if "Traceback" in line]


def test_requests_that_wait_behind_another_are_served(tmp_path: Path, holding: Holding) -> None:
    with relaying(tmp_path, holding.faulty.base_url) as running:
        with dialled(running.root, MODELS * 2) as line:
            until(lambda: len(holding.faulty.heads) == 1)
            stop(running)
            holding.released.set()
            answers = line.rest()
            assert answers.count(b"HTTP/1.1 200 ") == answers.count(b"ok") == 2
            assert answers.count(b"connection: close") == 1
        assert running.process.wait(20) == 0


def listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def test_a_relay_that_is_told_to_stop_while_it_starts_ends(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    given = {**os.environ, "PYTHONPATH": str(PROJECT), "RELAY_PORT": str(port), "RELAY_WORKERS": "1"}
    command = [sys.executable, "-m", "relay", "serve", "--sandbox"]
    # It listens before it has read the contract, which takes a second.
    with subprocess.Popen(command, env=given, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: listens(port), 30)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) in {0, -signal.SIGTERM}
        finally:
            process.kill()
