"""`relay settings`."""

import rich_click as click


@click.command("settings")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, as_json: bool) -> None:
    """List every setting with its present value, default and meaning; secrets are masked."""
    from relay.setting_table import describe
    from relay.settings import load_settings

    rows = describe(load_settings())
    if as_json:
        import json

        click.echo(json.dumps(rows, indent=1))
        return
    from acceptance.table import show

    cells = ((_names(row), row["value"], row["default"], row["meaning"]) for row in rows)
    show(("variable", "now", "default", "meaning"), cells)


def _names(row: dict[str, str]) -> str:
    return row["variable"] + (f" ({row['aliases']})" if row["aliases"] else "")
