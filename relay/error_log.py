"""The file that warnings and errors are written to besides, where ERROR_LOG_PATH asks for one."""

import logging
import os
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

import structlog

from relay.setting_types import SettingsError

_FILE_BYTES = 10 * 1024 * 1024
_FILES = 10
_PAUSE_SECONDS = 60


class ErrorLog(RotatingFileHandler):
    """Keeps the last ten files of 10 MiB: `path`, then `path.1` and so on, newest first.

    What cannot be written, to a full disk for one, is dropped and told of once a minute; nothing fails by it.
    Raises SettingsError for a path that cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            if path.is_fifo():
                # Without a reader it would open once there is one, and the relay would wait for that.
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            super().__init__(path, maxBytes=_FILE_BYTES, backupCount=_FILES - 1, encoding="utf-8")
        except OSError as error:
            allowed = f"allowed is a file that can be written ({error.strerror})"
            raise SettingsError(f"ERROR_LOG_PATH={str(path)!r} is invalid: {allowed}") from None
        self.setLevel(logging.WARNING)
        self._next = 0.0

    def line(self, level: int, text: str) -> None:
        """Write a line that is made already, where it is of that much importance."""
        if level >= self.level:
            self.handle(logging.makeLogRecord({"levelno": level, "msg": text}))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's own name
        """Say on standard error that a line is lost."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PAUSE_SECONDS
        # It comes back here, for it goes to this file too, and is within the minute by then.
        structlog.get_logger("relay").warning("the error log cannot be written to: its lines are lost")


def of_worker(path: Path | None, number: int) -> Path | None:
    """Where the worker of that number writes: files that several rotate would lose lines."""
    return None if path is None else path.with_stem(f"{path.stem}-{number}")
