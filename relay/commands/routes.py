"""`relay routes`."""

import rich_click as click

from relay.commands.options import names


@click.command("routes")
@click.argument("operations", nargs=-1, metavar="[ID]...", shell_complete=names)
@click.option("--tag", shell_complete=names, help="Those with this tag of OpenAI's document.")
@click.option(
    "--path", metavar="GLOB", shell_complete=names, help="Those with a path like this, with or without /v1."
)
@click.option(
    "--door", shell_complete=names, help="Those that this reaches: proxy, a group of Actions, or any."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    operations: tuple[str, ...], tag: str | None, path: str | None, door: str | None, *, as_json: bool
) -> None:
    """List every route: what serves it, what judges it, what else reaches it, and what blocks it.

    ID are operation ids; without one, all.
    """
    from acceptance import routes
    from generated.operations import OPERATIONS
    from relay.commands.routing import known_doors, rows
    from relay.settings import load_settings

    found = routes.with_ids(rows(load_settings()), operations)
    if tag is not None:
        found = routes.with_tag(found, tag, {name for one in OPERATIONS.values() for name in one.tags})
    if path is not None:
        found = routes.with_path(found, path)
    if door is not None:
        found = routes.with_door(found, door, known_doors())
    routes.tell(found, as_json=as_json)
