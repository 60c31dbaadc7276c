"""`relay diff`."""

from functools import wraps
from typing import TYPE_CHECKING, Any

import rich_click as click

from acceptance.exits import Unusable
from relay.commands.options import Command, Given, asks_a_relay, names

if TYPE_CHECKING:
    from acceptance.diff.exchange import Request
    from relay.auth import Secret
    from relay.settings import Settings

# What the relay says of itself to the upstream in a client's stead.
_OWN = (b"authorization", b"openai-organization", b"openai-project", b"openai-beta")


def _sends_a_request(function: Command) -> Command:
    """Add METHOD, PATH, -H and -d to a command, which gets them as `asked`."""

    @wraps(function)
    def packed(*, method: str, path: str, fields: tuple[str, ...], data: str | None, **others: Any) -> Any:
        from acceptance.diff.exchange import request

        return function(asked=request(method, path, fields, data), **others)

    made: Command = packed
    for added in (
        click.option(
            "-d", "data", metavar="BODY", help="The body, JSON unless -H says so; @FILE, or - for stdin."
        ),
        click.option(
            "-H", "fields", multiple=True, metavar="NAME: VALUE", help="A header field; may be repeated."
        ),
        click.argument("path", shell_complete=names),
        click.argument("method", shell_complete=names),
    ):
        made = added(made)
    return made


@click.command("diff")
@_sends_a_request
@click.option("--upstream", help="Where the direct request goes (OPENAI_API_BASE).")
@click.option(
    "--repeat",
    default=1,
    type=click.IntRange(1, 20),
    show_default=True,
    help="Direct requests: what differs between two of them is not the relay's doing.",
)
@asks_a_relay
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(asked: "Request", upstream: str | None, repeat: int, relay: Given, *, as_json: bool) -> int:
    """Send a request direct and through the relay, and show what differs; 1 when something should not.

    Each request is made, with what it does: --repeat 2 makes three. The real key is that of the settings.
    """
    from acceptance.client import Target
    from acceptance.command import usable
    from acceptance.diff.command import run
    from relay.auth import upstream_key
    from relay.settings import load_settings

    chosen = load_settings()
    if upstream is None and chosen.uses_sandbox:
        raise Unusable("--upstream is needed: the embedded sandbox has no address; `relay sandbox` has one")
    real = upstream_key(chosen)
    if not real.text:
        raise Unusable("OPENAI_API_KEY is needed, or OPENAI_API_KEY_FILE: the direct request shows it")
    direct = usable(Target(upstream or chosen.openai_api_base, real.text, relay.seconds), "--upstream")
    own = _own(chosen, asked, real)
    return run(asked, direct, own, relay.target(chosen), repeat=repeat, as_json=as_json)


def _own(settings: "Settings", asked: "Request", real: "Secret") -> list[tuple[str, str]]:
    """The fields that the relay sends upstream of itself with this request, as its forwarder makes them."""
    from relay.auth import RelayKeys
    from relay.forwarder import Credentials
    from relay.guard import operations_at

    there = operations_at("/v1" + asked.path.partition("?")[0], asked.method)
    operation = min(there, key=lambda one: one.path.count("{"), default=None)
    headers = [(name.encode(), value.encode()) for name, value in asked.fields]
    credentials = Credentials.of(settings, real, RelayKeys(settings, lambda _secret: False))
    sent = credentials.apply({"headers": headers, "extensions": {}}, operation)
    return [(name.decode(), value.decode()) for name, value in sent if name in _OWN]
