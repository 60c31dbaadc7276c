"""What became of every method of a client, and whether the relay changed its result, as a table."""

from dataclasses import dataclass, field

HEAD = ("method", "HTTP", "path", "operation", "direct", "relay", "same")


@dataclass
class Row:
    """One method; each call of it adds its last status on either side, and whether the results agreed."""

    method: str
    http: str
    path: str
    operation: str | None
    direct: set[int] = field(default_factory=set)
    relay: set[int] = field(default_factory=set)
    verdicts: list[bool] = field(default_factory=list)

    def add(self, direct: int, relay: int, *, same: bool) -> None:
        self.direct.add(direct)
        self.relay.add(relay)
        self.verdicts.append(same)

    def cells(self) -> tuple[str, ...]:
        same = f"{sum(self.verdicts)}/{len(self.verdicts)}"
        statuses = [",".join(map(str, sorted(side))) for side in (self.direct, self.relay)]
        return (self.method, self.http, self.path, self.operation or "None", *statuses, same)


Rows = dict[str, Row]


def aligned(rows: Rows) -> str:
    """The table as text, a line for each method."""
    table = [HEAD, *(row.cells() for _, row in sorted(rows.items()))]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(cells, widths, strict=True)] for cells in table]
    return "\n".join("  ".join(cells).rstrip() for cells in padded)
