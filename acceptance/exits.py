"""How a command ends: its exit codes, and what is raised for those that are no result."""

import os
import sys
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


def end_output() -> bool:
    """Whether somebody takes what standard output holds back; else it is dropped, without a traceback."""
    try:
        if sys.__stdout__ is not None:
            sys.__stdout__.flush()
    except ValueError:
        return True  # it was closed on purpose
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        return False
    return True
