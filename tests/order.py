"""Files that take long are begun first: no process of `-n` is left with one when the others are done."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
# Those that keep a process busy for ten seconds and more, the longest first.
LONGEST = (
    "codegen/report/test_states.py",
    "benchmarks/test_bench.py",
    "relay/test_workers.py",
    "parity/python/test_python.py",
    "reliability/test_g_json.py",
    "relay/test_limits.py",
    "surface/test_every_operation.py",
    "acceptance/test_command.py",
    "relay/test_drain.py",
    "reliability/test_h_kept.py",
    "supply/test_wheel.py",
    "supply/test_audit.py",
    "supply/test_dist.py",
    "sandbox/test_resources.py",
    "sandbox/test_odd_fields.py",
    "relay/test_cli.py",
    "reliability/test_i_limits.py",
    "relay/test_loops.py",
    "test_evidence.py",
    "relay/test_events.py",
    "surface/test_every_door.py",
)
_RANKS = {FOLDER / name: rank for rank, name in enumerate(LONGEST)}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _RANKS.get(item.path, len(_RANKS)))
