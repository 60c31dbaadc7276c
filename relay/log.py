"""Logging: one line an event, for people (`console`) or machines (`json`), never a secret in it."""

import logging
import sys
from typing import Any

import structlog

_UNFINISHED = "ASGI callable returned without completing response."


class _NotOurAborts(logging.Filter):
    """Drops uvicorn's complaint about answers that were cut on purpose: the access line says `aborted`."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.getMessage() != _UNFINISHED


def configure_logging(level: str, style: str) -> None:
    """Send the relay's lines and the libraries' to standard error, from `level` upwards, in `style`."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderers = _renderers(style)
    structlog.configure(
        processors=[*before, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=max(threshold, logging.WARNING), force=True)
    logging.getLogger("uvicorn.error").addFilter(_NotOurAborts())


def _renderers(style: str) -> list[Any]:
    # Plain tracebacks: the ones with local variables show keys.
    if style == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
