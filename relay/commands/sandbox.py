"""`relay sandbox`."""

import rich_click as click

from acceptance.exits import Unusable


@click.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8001, show_default=True, type=click.IntRange(0, 65535), help="The port.")
def command(host: str, port: int) -> None:
    """Run the sandbox alone: an upstream that answers as OpenAI's API does, with any key."""
    from sandbox.server import serve

    try:
        serve(host, port, lambda base_url: click.echo(f"sandbox listening on {base_url}"))
    except OSError as error:
        raise Unusable(f"--host {host} --port {port} cannot be listened on: {error.strerror}") from None
