"""`relay completion`."""

import rich_click as click
from click.shell_completion import get_completion_class

_VARIABLE = "_RELAY_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and their values in SHELL.

    bash: eval "$(relay completion bash)" in ~/.bashrc; zsh: the same with zsh in ~/.zshrc, after compinit;
    fish: relay completion fish > ~/.config/fish/completions/relay.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    source = kind(context.find_root().command, {}, "relay", _VARIABLE).source()
    # click's script for fish cuts a value at its first comma.
    click.echo(source.replace('string split ","', 'string split --max 1 ","'))
