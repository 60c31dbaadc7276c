"""What is counted stays within its bounds, and a file that is full or broken costs nobody a request."""

import errno
import json
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from relay.metrics import OTHERS, DriftCounter
from tests.relay.drifting import Counts, counts_in
from tests.servers import PROJECT

KINDS = ("path", "method", "parameter", "body_field", "event")
ANSWERS = ("accepted", "refused", "unanswered")
ROOM = 1 << 20
seen = st.tuples(
    st.sampled_from(KINDS),
    st.sampled_from(["", *"abcdef"]),
    st.sampled_from([f"n{one}" for one in range(40)]),
    st.sampled_from(ANSWERS),
)


def counted(keys: list[tuple[str, str, str, str]], most: int = 500) -> Counts:
    registry = CollectorRegistry()
    counter = DriftCounter(registry, most)
    for key in keys:
        counter.inc(*key)
    return counts_in(generate_latest(registry).decode())


@settings(deadline=None)
@given(st.lists(seen, max_size=300), st.integers(0, 60))
def test_whatever_comes_is_counted_within_the_bounds(
    keys: list[tuple[str, str, str, str]], most: int
) -> None:
    told = counted(keys, most)
    for accepted in (True, False):
        own = [key for key in told if (key[3] == "accepted") is accepted]
        assert len([key for key in own if (key[1:3]) != ("", OTHERS)]) <= most
    groups = Counter((kind, operation, answer) for kind, operation, name, answer in told if name != OTHERS)
    assert all(count <= 20 for count in groups.values())
    for kind in KINDS:
        for answer in ANSWERS:
            asked = sum((key[0], key[3]) == (kind, answer) for key in keys)
            assert sum(n for key, n in told.items() if (key[0], key[3]) == (kind, answer)) == asked


def flood(answer: str) -> list[tuple[str, str, str, str]]:
    return [(kind, f"o{one}", f"n{two}", answer) for kind in KINDS for one in range(50) for two in range(30)]


def test_a_flood_of_refused_names_does_not_hide_what_is_accepted() -> None:
    new = ("body_field", "createResponse", "brand_new", "accepted")
    assert counted([*flood("refused"), *flood("unanswered"), new])[new] == 1


def test_a_flood_over_one_operation_does_not_hide_another() -> None:
    told = counted([("body_field", "one", f"n{two}", "accepted") for two in range(1000)])
    assert len(told) == 21
    assert told["body_field", "one", OTHERS, "accepted"] == 980


def test_a_flood_over_all_operations_has_the_bound_that_is_told() -> None:
    told = counted([key for answer in ANSWERS for key in flood(answer)])
    assert 1_000 < len(told) <= 1_015
    assert sum(told.values()) == 5 * 50 * 30 * 3


_WORKER = """
import errno, os, resource, sys
from relay.metrics import Metrics
from relay.serving.counters import share

{before}
share(sys.argv[1], 0)
metrics = Metrics()
{act}
sys.stdout.write(metrics.exposition().decode())
"""


def worker(folder: Path, act: str = "", before: str = "") -> tuple[Counts, str]:
    """What a new worker 0 tells once it did `act`, and what it said before that."""
    program = _WORKER.format(act=act, before=before)
    command = [sys.executable, "-c", program, str(folder)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines(keepends=True)
    said = [line for line in lines if "worker" in line]
    return counts_in("".join(line for line in lines if line not in said)), "".join(said)


def inc(name: str) -> str:
    return f'metrics.drift.inc("path", "", {name!r}, "accepted")'


ONE = ("path", "", "/one", "accepted")


def another_worker(folder: Path) -> None:
    file = MmapedDict(str(folder / "counter_1.db"))  # type: ignore[no-untyped-call]  # the library types its metrics alone
    labels = ["kind", "operation", "name", "answer"]
    key = mmap_key("relay_contract_drift", "relay_contract_drift_total", labels, list(ONE), "about")
    file.write_value(key, 3.0, 0.0)  # type: ignore[no-untyped-call]  # the same
    file.close()  # type: ignore[no-untyped-call]  # the same


def test_a_workers_file_has_its_room_before_anything_is_counted(tmp_path: Path) -> None:
    assert worker(tmp_path) == ({}, "")
    found = (tmp_path / "counter_0.db").stat()
    assert found.st_size == ROOM
    assert found.st_blocks * 512 >= ROOM


def test_the_longest_names_of_all_fit_into_the_room(tmp_path: Path) -> None:
    act = f"""
for answer in {ANSWERS}:
    for kind in {KINDS}:
        for one in range(400):
            metrics.drift.inc(kind, f"o{{one:040}}", f"{{one:0270}}", answer)
"""
    told, _ = worker(tmp_path, act)
    assert 1_000 < len(told) <= 1_015
    assert (tmp_path / "counter_0.db").stat().st_size == ROOM


# A file of more is refused (EFBIG), as one is that has no room (ENOSPC).
_NO_ROOM = """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, 70_000))
"""
_FULL = f"""
def full(*_):
    raise OSError({errno.ENOSPC}, os.strerror({errno.ENOSPC}))
os.posix_fallocate = full
"""


@pytest.mark.parametrize("before", [_NO_ROOM, _FULL])
def test_a_worker_without_room_says_so_and_tells_what_the_others_have_counted(
    tmp_path: Path, before: str
) -> None:
    another_worker(tmp_path)
    told, said = worker(tmp_path, inc("/two"), before)
    assert told == {ONE: 3}
    assert said.count("\n") == 1
    assert "a worker does not count" in said


def test_where_room_cannot_be_reserved_it_is_counted_without(tmp_path: Path) -> None:
    assert worker(tmp_path, inc("/one"), "del os.posix_fallocate") == ({ONE: 1}, "")


def test_a_worker_that_takes_anothers_place_has_what_is_left_of_its_bounds(tmp_path: Path) -> None:
    for beginning in "abc":
        worker(tmp_path, "\n".join(inc(f"/{beginning}{one}") for one in range(15)))
    told, _ = worker(tmp_path, inc("/a0"))
    assert len(told) == 21
    assert told["path", "", OTHERS, "accepted"] == 45 - 20
    assert told["path", "", "/a0", "accepted"] == 2


TORN = {
    "empty": b"",
    "cut": struct.pack("i", 400) + b"\0" * 4 + struct.pack("i", 300) + b'["relay',
    "no key": struct.pack("iii", 40, 0, 4) + b"none" + b" " * 8 + struct.pack("dd", 1, 0),
    "no text": struct.pack("iii", 40, 0, 4) + b"\xff" * 4 + b" " * 8 + struct.pack("dd", 1, 0),
    "too long": struct.pack("ii", 40, 0) + struct.pack("i", 1 << 20) + b" " * 40,
    "another's": struct.pack("iii", 60, 0, 20) + json.dumps(["a", "b", {}, "c"]).encode(),
}  # fmt: skip


@pytest.mark.parametrize("torn", TORN.values(), ids=TORN)
def test_a_file_that_cannot_be_read_is_passed_over_and_the_rest_is_told(tmp_path: Path, torn: bytes) -> None:
    another_worker(tmp_path)
    (tmp_path / "counter_2.db").write_bytes(torn)
    (tmp_path / "counter_3.db").mkdir()
    assert worker(tmp_path, inc("/one"))[0] == {ONE: 4}


@pytest.mark.parametrize("torn", TORN.values(), ids=TORN)
def test_a_worker_begins_anew_where_its_file_cannot_be_read(tmp_path: Path, torn: bytes) -> None:
    (tmp_path / "counter_0.db").write_bytes(torn)
    assert worker(tmp_path, inc("/one"))[0] == {ONE: 1}
