"""One run of one flow: its steps, and what it has to delete again."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from acceptance.answer import Answer, Unmet, shown
from acceptance.client import Client


@dataclass(slots=True)
class Row:
    """One line of the table. `seconds` is how long it took; `failure` is None where it was shown."""

    flow: str
    shown: str
    seconds: float = 0
    detail: str = ""
    failure: Unmet | None = None


@dataclass(slots=True)
class Run:
    """What a flow may use. `wait` is the seconds that a batch may take; `tell` takes each row as it ends."""

    letter: str
    client: Client
    model: str
    realtime_model: str
    wait: float
    tell: Callable[[Row], None]
    failed: bool = False
    _undo: list[Callable[[], Answer | None]] = field(default_factory=list)

    @contextmanager
    def step(self, what: str) -> Iterator[Row]:
        """Show `what` in the block, which raises Unmet when it cannot be shown; that raises Stopped."""
        row = Row(self.letter, what)
        began = time.monotonic()
        try:
            yield row
        except Unmet as unmet:
            row.failure = unmet
        row.seconds = time.monotonic() - began
        self.tell(row)
        if row.failure is not None:
            self.failed = True
            raise Stopped

    def undo(self, action: Callable[[], Answer | None]) -> None:
        """Do `action` when the flow ends, the last one first; it gives None when there is nothing to undo."""
        self._undo.append(action)

    def delete(self, path: str) -> None:
        """Delete what is at `path` when the flow ends."""
        self.undo(lambda: self.client.send("DELETE", path))

    def clean(self) -> None:
        """Undo everything, whatever fails, and tell of it in one row."""
        if not self._undo:
            return
        try:
            with self.step("what was made is deleted again"):
                failures = [
                    unmet for action in reversed(self._undo) if (unmet := _undone(action)) is not None
                ]
                if failures:
                    raise failures[0]
        except Stopped:
            return


class Stopped(Exception):
    """A step was not shown; its row is told already, and the flow has ended."""


def _undone(action: Callable[[], Answer | None]) -> Unmet | None:
    try:
        answer = action()
    except Unmet as unmet:
        return unmet
    if answer is None or answer.status == HTTPStatus.OK:
        return None
    return Unmet(f"{answer.request}: status 200", f"{answer.status} {shown(answer.body)}")
