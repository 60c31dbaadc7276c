import json
import logging
import socket
import subprocess
import sys
import threading
from signal import SIGINT, SIGTERM, Signals

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types import BatchRequestCounts

from sandbox.events import DELAY_HEADER
from sandbox.server import SandboxServer, serve
from tests.sandbox.test_batches import looked_at, request, started

EMPTY = BatchRequestCounts(total=0, completed=0, failed=0)
COMMAND = "from sandbox.server import serve; serve(announce=lambda url: print(url, flush=True))"


def test_listens_on_loopback_and_ends_its_thread() -> None:
    server = SandboxServer()
    assert server.base_url == ""
    with server:
        assert server.base_url.startswith("http://127.0.0.1:")
        assert server.base_url.endswith("/v1")
        assert (
            httpx.get(server.base_url + "/models", headers={"authorization": "Bearer k"}).status_code == 200
        )
    assert server._thread is not None
    assert not server._thread.is_alive()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.base_url + "/models")


def test_closing_twice_or_unstarted_does_nothing() -> None:
    server = SandboxServer()
    server.close()
    server.start()
    server.close()
    server.close()
    assert server._thread is not None
    assert not server._thread.is_alive()


def test_runs_batches_again_when_it_is_started_again() -> None:
    server = SandboxServer()
    for _ in range(2):
        with server, OpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
            batch = looked_at(client, started(client, [request("a")]), 3)
            assert batch.status == "completed"


def test_closing_cuts_open_streams() -> None:
    with SandboxServer() as server, OpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
        headers = {DELAY_HEADER: "10000"}
        stream = client.responses.create(model="m", input="x", stream=True, extra_headers=headers)
        assert next(stream).type == "response.created"
        server.close()
        assert server._thread is not None
        assert not server._thread.is_alive()
        with pytest.raises(openai.APIConnectionError):
            next(stream)
    assert server.streams.open == 0


def test_closing_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    headers = {"authorization": "Bearer k", DELAY_HEADER: "10000"}
    body = {"model": "m", "input": "x", "stream": True}
    with SandboxServer() as server:
        url = server.base_url + "/responses"
        stream = httpx.stream("POST", url, json=body, headers=headers)
        with stream as answer:
            assert answer.status_code == 200
            server.close()
    assert [record for record in caplog.records if record.levelname != "INFO"] == []


def test_logs_no_requests_and_leaves_the_loggers_of_its_process_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another server in this process may have silenced the logger before.
    monkeypatch.setattr(logging.getLogger("uvicorn.access"), "propagate", True)
    caplog.set_level(logging.INFO, "uvicorn.access")
    with SandboxServer() as server:
        httpx.get(server.base_url + "/models")
    assert [record for record in caplog.records if record.name == "uvicorn.access"] == []
    assert logging.getLogger("uvicorn.access").propagate
    assert logging.getLogger("uvicorn.error").level == logging.NOTSET


def test_a_body_cut_short_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with SandboxServer() as server:
        url = httpx.URL(server.base_url)
        with socket.create_connection((url.host, url.port)) as connection:
            fields = b"host: x\r\nauthorization: Bearer k\r\ncontent-length: 9"
            connection.sendall(b"POST /v1/responses HTTP/1.1\r\n" + fields + b"\r\n\r\n{")
        # Answered after the cut one was noticed: both are on one loop.
        assert httpx.get(server.base_url + "/models").status_code == 401
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []


def test_a_taken_port_is_an_error_of_the_caller() -> None:
    with SandboxServer() as server:
        port = httpx.URL(server.base_url).port or 0
        with pytest.raises(OSError, match="in use"):
            SandboxServer(port=port).start()
        with pytest.raises(OSError, match="in use"):
            serve(port=port)


def test_two_run_side_by_side() -> None:
    with SandboxServer() as one, SandboxServer() as other:
        assert one.base_url != other.base_url
        assert one.streams is not other.streams


@pytest.mark.parametrize(("signal", "code"), [(SIGINT, 0), (SIGTERM, 0)])
def test_the_foreground_ends_by_a_signal(signal: Signals, code: int) -> None:
    headers = {"authorization": "Bearer k", DELAY_HEADER: "10000"}
    body = {"model": "m", "input": "x", "stream": True}
    command = [sys.executable, "-W", "error", "-c", COMMAND]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        with httpx.stream("POST", base_url + "/responses", json=body, headers=headers) as answer:
            assert answer.status_code == 200
            process.send_signal(signal)
            _, errors = process.communicate(timeout=10)
    assert process.returncode == code
    assert errors == ""


def test_a_signal_ends_a_batch_that_runs() -> None:
    body = {"model": "text-embedding-3-large", "input": ["x"] * 200}
    line = {"method": "POST", "url": "/v1/embeddings", "body": body}
    lines = [json.dumps({"custom_id": str(number), **line}) for number in range(500)]
    command = [sys.executable, "-W", "error", "-c", COMMAND]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
        OpenAI(api_key="k", base_url=_announced(process), max_retries=0) as client,
    ):
        file = client.files.create(file=("in.jsonl", "\n".join(lines).encode()), purpose="batch").id
        batch = client.batches.create(
            input_file_id=file, endpoint="/v1/embeddings", completion_window="24h"
        ).id
        client.batches.retrieve(batch)
        running = threading.Thread(target=_cut, args=(client, batch))
        running.start()
        try:
            # A list looks at the batch without running it.
            while not (client.batches.list().data[0].request_counts or EMPTY).completed:
                assert running.is_alive()
            process.send_signal(SIGTERM)
            _, errors = process.communicate(timeout=15)
        finally:
            process.kill()
            running.join()
    assert (process.returncode, errors) == (0, "")


def _announced(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _cut(client: OpenAI, batch: str) -> None:
    with pytest.raises(openai.APIConnectionError):
        client.batches.retrieve(batch)
