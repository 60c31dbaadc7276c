"""The `relay` command.

Exit codes: 0 done, 1 failed while running, 2 a setting or argument that cannot be used.
"""

import sys
from typing import TYPE_CHECKING, Any

import click
import structlog

from relay.log import configure_logging, end_logging
from relay.setting_table import describe
from relay.setting_types import SANDBOX, SettingsError
from relay.settings import LOG_LEVELS, Settings, load_settings

if TYPE_CHECKING:
    from acceptance.client import Target

SECONDS = click.FloatRange(0, 86_400, min_open=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chatgpt-team-relay", prog_name="relay")
def main() -> None:
    """An OpenAI-compatible relay, generated from OpenAI's own OpenAPI document."""


@main.command()
@click.option("--host", help="The address to listen on (RELAY_HOST).")
@click.option("--port", type=int, help="The port to listen on (RELAY_PORT); 0 takes a free one.")
@click.option("--workers", type=int, help="How many processes serve (RELAY_WORKERS).")
@click.option("--sandbox", is_flag=True, help="Forward to the embedded sandbox (OPENAI_API_BASE=sandbox:).")
def serve(host: str | None, port: int | None, workers: int | None, *, sandbox: bool) -> None:
    """Run the relay until it is told to stop."""
    given: dict[str, Any] = {"relay_host": host, "relay_port": port, "relay_workers": workers}
    if sandbox:
        given["openai_api_base"] = SANDBOX
    try:
        settings = load_settings(**{name: value for name, value in given.items() if value is not None})
        configure_logging(settings.effective_log_level, settings.log_format, settings.error_log_path)
        if settings.log_level not in LOG_LEVELS:
            warn = structlog.get_logger("relay").warning
            warn("LOG_LEVEL is no level; info is used", value=settings.log_level, allowed=LOG_LEVELS)
        # Imported late: `relay settings` and `--help` need no server.
        from relay.serving.workers import run  # noqa: PLC0415

        code = run(settings)
        end_logging()
        sys.exit(code)
    except SettingsError as error:
        _refuse(error)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8001, show_default=True, type=click.IntRange(0, 65535), help="The port.")
def sandbox(host: str, port: int) -> None:
    """Run the sandbox alone: an upstream that answers as OpenAI's API does, with any key."""
    from sandbox.server import serve as run  # noqa: PLC0415

    try:
        run(host, port, lambda base_url: click.echo(f"sandbox listening on {base_url}"))
    except OSError as error:
        click.echo(f"relay: --host {host} --port {port} cannot be listened on: {error.strerror}", err=True)
        sys.exit(2)


@main.command()
def settings() -> None:
    """List every setting with its meaning, default and present value; secrets are masked."""
    try:
        rows = describe(load_settings())
    except SettingsError as error:
        _refuse(error)
    for row in rows:
        names = row["variable"] + (f" ({row['aliases']})" if row["aliases"] else "")
        click.echo(f"{names}\n    {row['meaning']}\n    default {row['default']}, now {row['value']}")


@main.command()
@click.option("--base-url", help="The relay (default: the address that its settings name).")
@click.option("--key", help="A key of the relay (RELAY_KEY).")
@click.option("--model", help="The model to ask (DEFAULT_MODEL).")
@click.option("--realtime-model", help="The model to open a session with (REALTIME_MODEL).")
@click.option("--only", help="The flows to run, such as A,C (default: all).")
@click.option("--timeout", default=60, type=SECONDS, help="Seconds for one request.", show_default=True)
@click.option("--wait", default=600, type=SECONDS, help="Seconds for a batch.", show_default=True)
def check(
    base_url: str | None,
    key: str | None,
    model: str | None,
    realtime_model: str | None,
    only: str | None,
    timeout: int,
    wait: int,
) -> None:
    """Run the acceptance flows against a relay; 1 when one fails."""
    from acceptance.command import Unusable, run  # noqa: PLC0415

    try:
        chosen = load_settings()
        target = _target(chosen, base_url, key, timeout)
        models = (model or chosen.default_model, realtime_model or chosen.realtime_model)
        sys.exit(run(target, *models, only=only, wait=wait))
    except (SettingsError, Unusable) as error:
        _refuse(error)


@main.command()
@click.option("--base-url", help="The relay (default: the address that its settings name).")
@click.option("--key", help="A key of the relay (RELAY_KEY).")
@click.option("--timeout", default=60, type=SECONDS, help="Seconds for the request.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def drift(base_url: str | None, key: str | None, timeout: int, *, as_json: bool) -> None:
    """Show what a relay has seen that its contract lacks; 1 when the upstream accepted some of it."""
    from acceptance.answer import Unmet  # noqa: PLC0415
    from acceptance.command import Unusable, usable  # noqa: PLC0415
    from acceptance.drift import run  # noqa: PLC0415
    from acceptance.report import safe  # noqa: PLC0415

    shown = ""
    try:
        target = usable(_target(load_settings(), base_url, key, timeout))
        shown = target.key
        sys.exit(run(target, as_json=as_json))
    except Unmet as unmet:
        _refuse(safe(shown, f"expected {unmet.expected}, came {unmet.came}"))
    except (SettingsError, Unusable) as error:
        _refuse(error)


def _target(chosen: Settings, base_url: str | None, key: str | None, seconds: float) -> "Target":
    """The relay to ask: the one given, or else the one that the settings are of; raises SettingsError."""
    from acceptance.client import Target  # noqa: PLC0415
    from acceptance.command import listening_at  # noqa: PLC0415
    from relay.auth import Secret  # noqa: PLC0415

    known = Secret(chosen.relay_key, chosen.relay_key_file, "RELAY_KEY", parts=True)
    address = base_url or listening_at(chosen.relay_host, chosen.relay_port)
    return Target(address, known.text if key is None else key, seconds)


def _refuse(error: Exception | str) -> None:
    click.echo(f"relay: {error}", err=True)
    sys.exit(2)
