from collections import Counter

import pytest

from tests.fuzz.contract.__main__ import LEAST, main, wrong
from tests.fuzz.contract.explained import EXPLAINED
from tests.fuzz.contract.runs import RUNS, Told

_ALL = Counter({row.name: 1 for row in EXPLAINED})


def told(code: int = 0, cases: int = LEAST, explained: Counter[str] = _ALL) -> Told:
    report = {"test_cases": {"generated": cases}, "failures": [{"title": "Server error", "count": code}]}
    return Told(RUNS[0], code, report, "", explained)


def test_nothing_is_wrong_where_every_explanation_was_needed_and_none_lacked() -> None:
    assert wrong([told()]) == []


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (told(code=2), "upstream coverage: {'Server error': 2}"),
        (told(cases=LEAST - 1), "49,999 cases, fewer than 50,000"),
        (told(explained=_ALL - Counter(["files"])), "not needed any more: files"),
    ],
)
def test_what_fails_what_lacks_and_what_is_needless_is_told(one: Told, line: str) -> None:
    assert wrong([one]) == [line]


def test_the_help_names_the_runs_and_another_name_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    options = capsys.readouterr().out.split("options:")[1]
    assert all(run.name in options for run in RUNS)
    with pytest.raises(SystemExit, match="2"):
        main(["--only", "ownn"])
