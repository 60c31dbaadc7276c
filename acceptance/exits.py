"""How a command ends: its exit codes, and what is raised for those that are no result."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command; `docs/command.md` has the same table."""

    DONE = 0
    FOUND = 1
    UNUSABLE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130


class Unusable(Exception):
    """An argument that cannot be used; the message is one line."""


class Unreachable(Exception):
    """A server that could not be reached, or that answers as no such server does; the message is one line."""
