"""The relay serves, and ends, whether or not anybody takes its log."""

import contextlib
import io
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from relay.log import configure_logging
from tests.relay.wire import ask
from tests.servers import PROJECT, RELAY_KEY, until


@pytest.fixture
def _configured_anew() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("_configured_anew")
@pytest.mark.parametrize("style", ["console", "json"])
def test_a_line_goes_to_the_standard_error_of_its_time(monkeypatch: pytest.MonkeyPatch, style: str) -> None:
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    configure_logging("info", style)
    logger = structlog.get_logger("relay").bind()
    logger.info("one")
    first_said = first.getvalue()
    first.close()
    logger.info("lost")
    monkeypatch.setattr(sys, "stderr", None)
    logger.info("lost as well")
    monkeypatch.setattr(sys, "stderr", second)
    logger.info("two")
    assert ("one" in first_said, "two" in second.getvalue()) == (True, True)
    assert "lost" not in first_said + second.getvalue()


def free_port() -> int:
    """A port below those that systems give out themselves: no test beside this one gets it meanwhile."""
    while True:
        port = random.randrange(20_000, 30_000)  # noqa: S311 - nothing secret
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def answers(root: str) -> bool:
    with contextlib.suppress(ConnectionError):
        return ask(root, "GET", "/live").status == 200
    return False


@pytest.mark.parametrize("log", ["nobody reads it", "there is none"])
def test_a_log_that_cannot_be_written_fails_nothing(tmp_path: Path, log: str) -> None:
    port = free_port()
    given = {"PYTHONPATH": str(PROJECT), "RELAY_KEY": RELAY_KEY}
    command = [sys.executable, "-m", "relay", "serve", "--sandbox", "--port", str(port)]
    if log == "there is none":
        command = ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, **given}, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        process.stderr.close()
        try:
            root = f"http://127.0.0.1:{port}"
            until(lambda: answers(root), 60)
            for _ in range(3):
                assert ask(root, "GET", "/v1/models").status == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
