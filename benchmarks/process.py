"""What a tree of processes has used, as Linux tells it (proc(5), clock_getcpuclockid(3))."""

import re
import time
from collections import defaultdict
from pathlib import Path

_PROC = Path("/proc")
_SCHEDULER_CLOCK = 2
_FORGET_PEAK = "5"


def tree(root: int) -> list[int]:
    """`root` and all processes below it."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            parent = _field(int(entry.name), "PPid")
            children[parent].append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children[pid])
    return found


def cpu_seconds(root: int) -> float:
    """CPU time of the tree so far, user and system, to the nanosecond: /proc/…/stat counts in 10 ms."""
    return sum(time.clock_gettime((~pid << 3) | _SCHEDULER_CLOCK) for pid in tree(root))


def resident_bytes(root: int) -> int:
    """Memory of the tree now."""
    return sum(_field(pid, "VmRSS") for pid in tree(root)) * 1024


def peak_bytes(root: int) -> int:
    """The most memory that the processes of the tree had since `forget_peak`."""
    return sum(_field(pid, "VmHWM") for pid in tree(root)) * 1024


def forget_peak(root: int) -> None:
    """Let `peak_bytes` count from now."""
    for pid in tree(root):
        (_PROC / str(pid) / "clear_refs").write_text(_FORGET_PEAK)


def _field(pid: int, name: str) -> int:
    """A number from a process's status; 0 when the process is gone."""
    try:
        status = (_PROC / str(pid) / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)
    return int(found[1]) if found else 0
