"""The results as Markdown: medians over the rounds, how far they lay apart, and ratios to nginx."""

import statistics
from dataclasses import dataclass

Results = dict[str, dict[str, list[float]]]
REFERENCE = "nginx"


@dataclass(frozen=True)
class Column:
    """One figure: its key in the results, its heading, its decimals, and whether it is compared.

    What is compared shows its least and its most, and a ratio follows.
    """

    key: str
    heading: str
    digits: int = 1
    ratio: bool = False


TABLES: dict[str, tuple[Column, ...]] = {
    "A chat request of 1 KB": (
        Column("request µs", "CPU µs/request", 1, ratio=True),
        Column("requests/s", "requests/s", 0),
        Column("core used", "of its core", 2),
        Column("pace/s", "paced at/s", 0),
        Column("added p50 ms", "added p50 ms", 2),
        Column("added p99 ms", "added p99 ms", 2),
    ),
    "Server-sent events": (
        Column("event µs", "CPU µs/event", 2, ratio=True),
        Column("lone event µs", "CPU µs/lone event", 1, ratio=True),
        Column("first event ms", "first event added ms", 2),
    ),
    "A large file": (
        Column("upload s", "upload CPU s", 2, ratio=True),
        Column("upload MiB", "memory + MiB", 0),
        Column("download s", "download CPU s", 2, ratio=True),
        Column("download MiB", "memory + MiB", 0),
    ),
    "WebSockets": (
        Column("frame µs", "CPU µs/frame of 1 KiB", 1, ratio=True),
        Column("burst frame µs", "CPU µs/frame of a burst", 2, ratio=True),
        Column("audio frame µs", "CPU µs/frame of 20 KiB", 1, ratio=True),
        Column("frames p50 ms", "two frames added p50 ms", 2),
        Column("frames p99 ms", "p99 ms", 2),
    ),
    "WebSockets that say nothing": (Column("session KiB", "memory + KiB each", 1, ratio=True),),
    "Start": (
        Column("start seconds", "first answer after s", 2),
        Column("idle MiB", "idle MiB", 0),
    ),
    "Open streams, CPU µs/lone event": (
        Column("event µs, 1 open", "1"),
        Column("event µs, 100 open", "100"),
        Column("event µs, 1000 open", "1,000"),
    ),
    "Place in the contract, CPU µs/request": (
        Column("early µs", "GET /v1/assistants"),
        Column("late µs", "GET /v1/videos/{video_id}"),
    ),
    "Age, CPU µs/request": (
        Column("first µs", "first thousands"),
        Column("served", "then, after requests", 0),
        Column("last µs", "the last thousands"),
        Column("grown MiB", "memory since the first + MiB"),
    ),
}

NOTES = """\
- requests/s over less than a full core were held back by the driver, or by others on this machine
- events of a burst that are read together share their cost: the busier the machine, the more; lone ones never
- a frame of a WebSocket is counted each time that it passes the contender; the added delay is that of two
"""


def tables(results: Results) -> str:
    """All tables that `results` has figures for."""
    found = []
    for title, columns in TABLES.items():
        rows = {
            name: figures
            for name, figures in results.items()
            if any(column.key in figures for column in columns)
        }
        if rows:
            found.append(_table(title, columns, rows))
    return "\n".join(found)


def _table(title: str, columns: tuple[Column, ...], results: Results) -> str:
    headings = [title]
    for column in columns:
        headings += [column.heading, f"times {REFERENCE}"] if column.ratio else [column.heading]
    lines = [headings, ["---"] + ["---:"] * (len(headings) - 1)]
    lines += [[name, *_cells(columns, figures, results)] for name, figures in results.items()]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(columns: tuple[Column, ...], figures: dict[str, list[float]], results: Results) -> list[str]:
    cells = []
    for column in columns:
        own, others = figures.get(column.key, []), results.get(REFERENCE, {}).get(column.key, [])
        cells.append(_cell(column, own))
        if column.ratio:
            ratio = statistics.median(own) / statistics.median(others) if own and others else None
            cells.append("" if ratio is None else f"{ratio:.2f}")
    return cells


def _cell(column: Column, values: list[float]) -> str:
    if not values:
        return ""
    shown = [f"{value:,.{column.digits}f}" for value in (statistics.median(values), min(values), max(values))]
    return f"{shown[0]} ({shown[1]} to {shown[2]})" if column.ratio and len(values) > 1 else shown[0]
