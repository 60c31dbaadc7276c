"""The group of the commands: how they are found and grouped, and the one place where they end."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click
from rich_click import RichCommand, RichGroup, RichHelpConfiguration, version_option
from rich_click.rich_panel import RichCommandPanel

from acceptance.exits import Exit, Unreachable, Unusable, end_output

_PANELS = {
    "Run": ["serve", "sandbox"],
    "Look at": ["settings", "routes", "drift"],
    "Find what is wrong": ["doctor", "check", "diff"],
    "Set up": ["completion"],
}
_NAMES = [name for names in _PANELS.values() for name in names]


class Commands(RichGroup):
    """Loads the module of a command when that is asked for, and nothing of the others."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(_NAMES)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None where there is none."""
        if cmd_name not in _NAMES:
            return None
        found: RichCommand = import_module(f"relay.commands.{cmd_name}").command
        return found

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's signature
        **extra: Any,
    ) -> Any:
        """Run a command and end with its exit code; what went wrong is one line on standard error."""
        try:
            code = super().main(args, prog_name or "relay", complete_var, standalone_mode=False, **extra)
        except click.Abort:
            click.echo("interrupted", err=True)
            code = Exit.INTERRUPTED
        except Unreachable as error:
            click.echo(f"relay: {error}", err=True)
            code = Exit.UNREACHABLE
        except (click.ClickException, Unusable, _settings_error()) as error:
            click.echo(f"relay: {_told(error)}", err=True)
            code = Exit.UNUSABLE
        finally:
            taken = end_output()
        if not taken and not code:
            code = Exit.FOUND
        if standalone_mode:
            sys.exit(code)
        return code


def _settings_error() -> type[Exception]:
    """The error of settings, where any were read: reading them takes longer than the rest of a start."""
    module = sys.modules.get("relay.setting_types")
    found: type[Exception] = module.SettingsError if module else Unusable
    return found


def _told(error: Exception) -> str:
    if not isinstance(error, click.ClickException):
        return str(error)
    message = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    return message if context is None else f"{message.rstrip('.')} ({context.command_path} --help)"


# Help without boxes, in colour on a terminal: rich-click takes some places of CI for one.
_HELP = RichHelpConfiguration(theme="default-nu", force_terminal=None, enable_theme_env_var=False)


@click.group(
    cls=Commands,
    panels=[RichCommandPanel(title, commands=names) for title, names in _PANELS.items()],
    context_settings={"help_option_names": ["-h", "--help"], "rich_help_config": _HELP},
)
@version_option(package_name="chatgpt-team-relay", prog_name="relay", help="Show the version.")
def main() -> None:
    """An OpenAI-compatible relay, generated from OpenAI's own OpenAPI document."""
