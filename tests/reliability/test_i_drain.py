"""i. The relay is told to stop, or a part of it is killed, while streams run."""

import json
import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.relay.processes import Holding, begun, relaying, stop
from tests.relay.test_streams import FIRST, LAST
from tests.relay.test_workers import only, two_workers
from tests.relay.wire import CHAT, CHAT_BODY, LAST_CHUNK, ask, dialled, request, streaming, unchunked
from tests.servers import until

JSON = "content-type: application/json"
STREAMS = 3


@pytest.mark.row("i40")
def test_i40_a_relay_that_drains_is_unready_at_once_and_its_streams_end_whole(
    tmp_path: Path, holding: Holding
) -> None:
    with relaying(tmp_path, holding.faulty.base_url) as running, ExitStack() as stack:
        lines = [begun(stack.enter_context(dialled(running.root, streaming()))) for _ in range(STREAMS)]
        assert ask(running.root, "GET", "/ready").status == 200
        stop(running)
        assert ask(running.root, "GET", "/ready").status == 503
        assert ask(running.root, "GET", "/live").status == 200
        holding.released.set()
        assert [unchunked(line.rest()) for line in lines] == [(FIRST + LAST, True)] * STREAMS
        assert running.process.wait(20) == 0


@pytest.mark.row("i40")
def test_i40_what_has_not_ended_by_the_deadline_is_told_so(tmp_path: Path, holding: Holding) -> None:
    waiting = request("POST", CHAT, JSON, body=CHAT_BODY)
    with (
        relaying(tmp_path, holding.faulty.base_url, RELAY_DRAIN_SECONDS="1") as running,
        ExitStack() as stack,
    ):
        lines = [begun(stack.enter_context(dialled(running.root, streaming()))) for _ in range(STREAMS)]
        unanswered = stack.enter_context(dialled(running.root, waiting))
        until(lambda: len(holding.faulty.heads) == STREAMS + 1)
        stop(running)
        for line in lines:
            content, whole = unchunked(line.rest())
            assert not whole
            event = json.loads(content.removeprefix(FIRST + b"data: "))
            assert (event["error"]["type"], event["error"]["code"]) == ("server_error", "relay_draining")
        head, _, body = unanswered.rest().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: " in head
        assert json.loads(body)["error"]["code"] == "relay_draining"
        assert running.process.wait(20) == 0


@pytest.mark.row("i40")
def test_i40_a_killed_worker_loses_its_own_streams_alone(tmp_path: Path, holding: Holding) -> None:
    with two_workers(tmp_path, holding.faulty.base_url) as (running, workers), ExitStack() as stack:
        lines = []
        for worker in workers:
            with only(worker, workers):
                lines.append(
                    [begun(stack.enter_context(dialled(running.root, streaming()))) for _ in range(STREAMS)]
                )
        os.kill(workers[0], signal.SIGKILL)
        assert [unchunked(line.rest()) for line in lines[0]] == [(FIRST, False)] * STREAMS
        holding.released.set()
        ended = [unchunked(line.until(LAST_CHUNK)) for line in lines[1]]
        assert ended == [(FIRST + LAST, True)] * STREAMS
        assert ask(running.root, "GET", "/v1/models").body == b"ok"
