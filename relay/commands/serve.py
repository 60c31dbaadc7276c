"""`relay serve`."""

from typing import Any

import rich_click as click


@click.command("serve")
@click.option("--host", help="The address to listen on (RELAY_HOST).")
@click.option("--port", type=int, help="The port to listen on (RELAY_PORT); 0 takes a free one.")
@click.option("--workers", type=int, help="How many processes serve (RELAY_WORKERS).")
@click.option("--sandbox", is_flag=True, help="Forward to the embedded sandbox (OPENAI_API_BASE=sandbox:).")
def command(host: str | None, port: int | None, workers: int | None, *, sandbox: bool) -> int:
    """Run the relay until it is told to stop."""
    import structlog

    from relay.log import configure_logging, end_logging
    from relay.setting_types import SANDBOX
    from relay.settings import LOG_LEVELS, load_settings

    given: dict[str, Any] = {"relay_host": host, "relay_port": port, "relay_workers": workers}
    if sandbox:
        given["openai_api_base"] = SANDBOX
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    configure_logging(settings.effective_log_level, settings.log_format, settings.error_log_path)
    if settings.log_level not in LOG_LEVELS:
        warn = structlog.get_logger("relay").warning
        warn("LOG_LEVEL is no level; info is used", value=settings.log_level, allowed=LOG_LEVELS)
    from relay.serving.workers import run

    code = run(settings)
    end_logging()
    return code
