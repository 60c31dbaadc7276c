"""`relay check`."""

import rich_click as click
from click.shell_completion import CompletionItem

from relay.commands.options import SECONDS, Given, asks_a_relay


def _flows(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The letters that may follow those of a comma list."""
    from acceptance.command import FLOWS

    before, comma, _ = incomplete.rpartition(",")
    taken = set(before.upper().split(","))
    return [CompletionItem(f"{before}{comma}{letter}") for letter in FLOWS if letter not in taken]


@click.command("check")
@asks_a_relay
@click.option("--model", help="The model to ask (DEFAULT_MODEL).")
@click.option("--realtime-model", help="The model to open a session with (REALTIME_MODEL).")
@click.option("--only", shell_complete=_flows, help="The flows to run, such as A,C (default: all).")
@click.option("--wait", default=600, type=SECONDS, help="Seconds for a batch.", show_default=True)
def command(
    relay: Given, model: str | None, realtime_model: str | None, only: str | None, wait: float
) -> int:
    """Run the acceptance flows against a relay; 1 when one fails."""
    from acceptance.command import run
    from relay.settings import load_settings

    chosen = load_settings()
    models = (model or chosen.default_model, realtime_model or chosen.realtime_model)
    return run(relay.target(chosen), *models, only=only, wait=wait, reached=False)
