"""`relay drift`."""

import rich_click as click

from relay.commands.options import Given, asks_a_relay


@click.command("drift")
@asks_a_relay
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(relay: Given, *, as_json: bool) -> int:
    """Show what a relay has seen that its contract lacks; 1 when the upstream accepted some of it."""
    from acceptance.drift import run
    from relay.settings import load_settings

    return run(relay.target(load_settings()), as_json=as_json)
