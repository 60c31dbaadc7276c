"""Logging: one line an event, for people (`console`) or machines (`json`), never a secret in it."""

import logging
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
from structlog.types import EventDict

from relay.error_log import ErrorLog

ACCESS_EVENT = "request"

_UNFINISHED = "ASGI callable returned without completing response."


class _NotOurAborts(logging.Filter):
    """Drops uvicorn's complaint about answers that were cut on purpose: the access line says `aborted`."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.getMessage() != _UNFINISHED


class _StandardError:
    """Standard error, whichever it is by now. What cannot be written is dropped, and nothing fails by it.

    Its reader may be gone, the disk behind it full, or there may be none.
    """

    def write(self, text: str) -> None:
        self._try(lambda stream: stream.write(text))

    def flush(self) -> None:
        self._try(lambda stream: stream.flush())

    def _try(self, act: Callable[[TextIO], object]) -> None:
        stream: TextIO | None = sys.stderr
        try:
            if stream is not None:
                act(stream)
        except BrokenPipeError:
            # Its reader is gone for good, and what it holds back would make the end of the process a failure.
            sys.stderr = None
        except (OSError, ValueError):
            pass


def end_logging() -> None:
    """Write what standard error holds back, or drop it: for the log's sake no process ends with a failure."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except (OSError, ValueError):
        sys.stderr = None


def configure_logging(level: str, style: str, error_log: Path | None = None) -> None:
    """Send the relay's lines and the libraries' to standard error, from `level` upwards, in `style`.

    Warnings and errors go to the file `error_log` besides. Raises SettingsError where it cannot be opened.
    """
    errors = None if error_log is None else ErrorLog(error_log)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    stream = cast("TextIO", _StandardError())
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderers = _renderers(style)
    structlog.configure(
        processors=[_quick_requests(style, [*before, *renderers], errors)],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )
    handlers: list[logging.Handler] = [logging.StreamHandler(stream)]
    if errors is not None:
        handlers.append(_Besides(errors))
    for handler in handlers:
        handler.setFormatter(formatter)
    logging.basicConfig(handlers=handlers, level=max(threshold, logging.WARNING), force=True)
    logging.getLogger("uvicorn.error").addFilter(_NotOurAborts())


class _Besides(logging.Handler):
    """Hands the libraries' lines to the error log as they look on standard error."""

    def __init__(self, errors: ErrorLog) -> None:
        super().__init__(errors.level)
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        self._errors.line(record.levelno, self.format(record))


def _quick_requests(
    style: str, steps: list[Any], errors: ErrorLog | None
) -> Callable[[Any, str, EventDict], Any]:
    """All of `steps` in one, with a short way for the line that each request has."""
    line = _json_line if style == "json" else _console_line

    def processed(logger: Any, method: str, event: EventDict) -> Any:
        if event["event"] == ACCESS_EVENT:
            return line(method, event)
        for step in steps:
            event = step(logger, method, event)
        return event

    def besides(logger: Any, method: str, event: EventDict) -> Any:
        made = processed(logger, method, event)
        assert errors is not None
        errors.line(levels.get(method, logging.ERROR), made)
        return made

    levels = {name.lower(): level for name, level in logging.getLevelNamesMapping().items()}
    return processed if errors is None else besides


def _json_line(level: str, event: EventDict) -> str:
    return (
        f'{{"event": "{event["event"]}", "level": "{level}", "timestamp": "{_timestamp()}",'
        f' "request_id": "{event["request_id"]}", "method": "{event["method"]}",'
        f' "path": {_json(event["path"])}, "operation": {_json(event["operation"])},'
        f' "status": {event["status"] or "null"}, "bytes": {event["bytes"]},'
        f' "milliseconds": {event["milliseconds"]}, "outcome": "{event["outcome"]}",'
        f' "upstream_request_id": {_json(event["upstream_request_id"])}}}'
    )


def _json(text: str | None) -> str:
    return "null" if text is None else encode_basestring_ascii(text)


def _console_line(level: str, event: EventDict) -> str:
    # Only what the upstream said can hold what is not to be written as it is.
    return (
        f"{_timestamp()} [{level:<9}] {event['event']:<30} bytes={event['bytes']} method={event['method']}"
        f" milliseconds={event['milliseconds']} operation={event['operation']} outcome={event['outcome']}"
        f" path={event['path']} request_id={event['request_id']} status={event['status']}"
        f" upstream_request_id={_shown(event['upstream_request_id'])}"
    )


def _shown(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)


def _timestamp() -> str:
    """The time in UTC, as RFC 3339 has it, to the microsecond."""
    nanoseconds = time.time_ns()
    return f"{_second(nanoseconds // 1_000_000_000)}.{nanoseconds // 1000 % 1_000_000:06d}Z"


@lru_cache(maxsize=1)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _renderers(style: str) -> list[Any]:
    # Plain tracebacks: the ones with local variables show keys.
    if style == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    plain = structlog.dev.plain_traceback
    colors = sys.stderr is not None and sys.stderr.isatty()
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
