"""What was looked at, what was found, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `seconds` is how long that took where it says something."""

    check: str
    state: State
    told: str
    todo: str = ""
    seconds: float | None = None
