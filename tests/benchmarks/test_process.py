import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import process

MIB = 1024 * 1024
# A parent that burns a little, and its child that burns more and grows by 64 MiB for a moment.
CHILD = """
import sys, time
sys.stdin.readline()
bytearray(64 * 1024 * 1024)
while time.process_time() < 0.2: pass
print("done", flush=True)
sys.stdin.readline()
"""
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"


@contextmanager
def family() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        yield parent


def go_on(parent: subprocess.Popen[str]) -> None:
    assert parent.stdin is not None
    parent.stdin.write("\n")
    parent.stdin.flush()


def test_the_child_counts_for_time_and_for_the_peak_of_memory() -> None:
    with family() as parent:
        before = process.resident_bytes(parent.pid)
        process.forget_peak(parent.pid)
        go_on(parent)
        assert parent.stdout is not None
        assert parent.stdout.readline() == "done\n"
        assert len(process.tree(parent.pid)) == 2
        assert process.cpu_seconds(parent.pid) >= 0.2
        assert process.peak_bytes(parent.pid) >= before + 60 * MIB
        process.forget_peak(parent.pid)
        assert process.peak_bytes(parent.pid) < before + 60 * MIB
        go_on(parent)
