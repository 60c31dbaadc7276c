"""The file that warnings and errors go to besides."""

import errno
import json
import logging
import os
from pathlib import Path

import pytest

from relay.error_log import ErrorLog, of_worker
from relay.setting_types import SettingsError
from tests.relay.processes import relaying
from tests.relay.telemetry.drifting import chat
from tests.servers import Recorder, answering, recording, run_relay, until

FAILING = Recorder(reply=answering(b"{}", status=500))


@pytest.mark.parametrize("style", ["console", "json"])
def test_it_holds_the_failures_as_they_stand_in_the_log_and_nothing_else(tmp_path: Path, style: str) -> None:
    given = {"ERROR_LOG_PATH": "errors.log", "LOG_FORMAT": style}
    with recording(FAILING) as base, relaying(tmp_path, base, **given) as running:
        assert chat(running.root).status == 500
        until(lambda: any("createChatCompletion" in line for line in running.lines))
        written = (tmp_path / "errors.log").read_text().splitlines()
    assert len(written) == 1
    assert written[0] in running.lines
    assert (json.loads(written[0])["status"] == 500) if style == "json" else ("status=500" in written[0])


def test_each_worker_has_its_own(tmp_path: Path) -> None:
    given = {"ERROR_LOG_PATH": str(tmp_path / "errors.log"), "RELAY_WORKERS": "2"}
    with recording(FAILING) as base, relaying(tmp_path, base, **given) as running:
        assert chat(running.root).status == 500
        until(lambda: any("createChatCompletion" in line for line in running.lines))
        until(lambda: len(list(tmp_path.glob("errors-*.log"))) == 2, 60)
    assert sum("status=500" in path.read_text() for path in tmp_path.glob("errors-*.log")) == 1
    assert of_worker(None, 1) is None


def test_ten_files_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.error_log._FILE_BYTES", 1_000)
    log = ErrorLog(tmp_path / "errors.log")
    for number in range(400):
        log.line(logging.ERROR, f"{number:090}")
    log.line(logging.INFO, "no error")
    log.close()
    files = sorted(tmp_path.iterdir(), key=lambda path: int(path.suffix[1:] if path.suffix != ".log" else 0))
    assert [path.name for path in files] == ["errors.log", *(f"errors.log.{one}" for one in range(1, 10))]
    kept = [int(line) for path in reversed(files) for line in path.read_text().splitlines()]
    assert kept == list(range(kept[0], 400))
    assert all(path.stat().st_size <= 1_000 for path in files)


@pytest.mark.parametrize("path", ["no/such/folder/errors.log", "."])
def test_one_that_cannot_be_opened_stops_the_start_with_a_line(tmp_path: Path, path: str) -> None:
    done = run_relay("serve", "--sandbox", directory=tmp_path, ERROR_LOG_PATH=path)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert f"ERROR_LOG_PATH='{path}' is invalid: allowed is a file that can be written" in line
    with pytest.raises(SettingsError):
        ErrorLog(tmp_path)


def test_a_pipe_that_nobody_reads_stops_the_start_too(tmp_path: Path) -> None:
    pipe = tmp_path / "errors.pipe"
    os.mkfifo(pipe)
    with pytest.raises(SettingsError, match="allowed is a file that can be written"):
        ErrorLog(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    log = ErrorLog(pipe)
    log.line(logging.ERROR, "a line")
    assert os.read(reader, 100) == b"a line\n"
    log.close()
    os.close(reader)


_FULL = f"""
import relay.error_log as module

class Full:
    def write(self, text):
        raise OSError({errno.ENOSPC}, "No space left on device")
    flush = close = lambda self: None
    def tell(self):
        return 0
    def seek(self, *_):
        return 0

module.ErrorLog._open = lambda self: Full()
from relay.commands import main
main()
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("path", ["errors.log", "/dev/full"])
def test_a_full_disk_costs_a_line_and_no_request(tmp_path: Path, path: str) -> None:
    program = _FULL if path != "/dev/full" else "from relay.commands import main; main()"
    with recording(FAILING) as base, relaying(tmp_path, base, program, ERROR_LOG_PATH=path) as running:
        for _ in range(3):
            assert chat(running.root).status == 500
        until(lambda: any("its lines are lost" in line for line in running.lines))
        running.process.terminate()
        assert running.process.wait(20) == 0
    [line] = [line for line in running.lines if "its lines are lost" in line]
    assert "[warning" in line
    assert not [line for line in running.lines if "Traceback" in line]
    assert os.path.exists("/dev/full")  # noqa: PTH110 - it was not rotated away
