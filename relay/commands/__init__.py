"""The `relay` command: a group, and a module for each of its commands, loaded when it is run."""

from relay.commands.group import main

__all__ = ["main"]
