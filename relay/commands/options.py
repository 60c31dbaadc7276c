"""What several commands take: which relay to ask, with which key, and for how long."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import rich_click as click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from acceptance.client import Target
    from relay.settings import Settings

SECONDS = click.FloatRange(0, 86_400, min_open=True)
Command = Callable[..., Any]


class Given(NamedTuple):
    """The relay of a command line: its address and a key where they were given, and seconds for a request."""

    base_url: str | None
    key: str | None
    seconds: float

    def target(self, settings: "Settings") -> "Target":
        """The relay to ask: the one given, or else the one that `settings` are of.

        Raises SettingsError and Unusable.
        """
        from acceptance.client import Target
        from acceptance.command import listening_at, usable
        from relay.auth import Secret

        known = Secret(settings.relay_key, settings.relay_key_file, "RELAY_KEY", parts=True)
        address = self.base_url or listening_at(settings.relay_host, settings.relay_port)
        return usable(Target(address, known.text if self.key is None else self.key, self.seconds))


def asks_a_relay(function: Command) -> Command:
    """Add --base-url, --key and --timeout to a command, which gets them as `relay`."""

    @wraps(function)
    def packed(*, base_url: str | None, key: str | None, timeout: float, **others: Any) -> Any:
        return function(relay=Given(base_url, key, timeout), **others)

    made: Command = packed
    for option in (
        click.option(
            "--timeout", default=60, type=SECONDS, show_default=True, help="Seconds for one request."
        ),
        click.option("--key", help="A key of the relay (RELAY_KEY)."),
        click.option("--base-url", help="The relay (default: the address that its settings name)."),
    ):
        made = option(made)
    return made


def names(_context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What the contract has for a parameter: operation ids, tags, methods, paths, or the names of doors."""
    from generated.operations import OPERATIONS
    from relay.commands.routing import known_doors

    found = OPERATIONS.values()
    every = {
        "operations": set(OPERATIONS),
        "tag": {tag for one in found for tag in one.tags},
        "method": {one.method for one in found},
        "path": {one.path for one in found},
        "door": {"any", *known_doors()},
    }[str(parameter.name)]
    begun = (name for name in every if name.casefold().startswith(incomplete.casefold()))
    return [CompletionItem(name) for name in sorted(begun)]
