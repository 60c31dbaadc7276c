"""What the build-time tools raise when their input is at fault."""

from __future__ import annotations

from collections.abc import Sequence


class CodegenError(Exception):
    """An input fault: one line that names the file and the place in it; more of them are in `others`.

    The place is a JSON pointer (RFC 6901), or line and column while the text is still being read.
    """

    def __init__(self, message: str, others: Sequence[str] = ()) -> None:
        # A name inside the message may hold a line break: the commands still promise one line.
        super().__init__(" ".join(message.splitlines()))
        self.others = tuple(others)

    @property
    def lines(self) -> tuple[str, ...]:
        """Every fault, a line each."""
        return (str(self), *self.others)


def raise_all(faults: Sequence[CodegenError]) -> None:
    """Raise one CodegenError for all of `faults`, unless there are none."""
    if faults:
        first, *others = (line for fault in faults for line in fault.lines)
        raise CodegenError(first, others)
