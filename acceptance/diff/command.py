"""What `relay diff` does: asks both sides, compares their answers, and prints what differs."""

import json
from dataclasses import asdict

from acceptance.client import Target
from acceptance.diff.compare import differences
from acceptance.diff.exchange import Exchange, Fields, Request, exchanged
from acceptance.diff.finding import Finding, told
from acceptance.exits import Exit, Unreachable
from acceptance.report import echo, safe
from acceptance.table import show

_MOST_SHOWN = 40
_ID, _RELAY_ID = "x-request-id", "x-relay-request-id"


def run(asked: Request, upstream: Target, own: Fields, relay: Target, *, repeat: int, as_json: bool) -> int:
    """Send `asked` direct `repeat` times and once through the relay, and print what differs.

    `own` are the fields that the relay sends upstream of itself; the direct requests have them too. Raises
    Unreachable where one side did not answer.
    """
    keys = (upstream.key, relay.key)
    try:
        first, *others = [exchanged("the upstream", upstream, asked, own) for _ in range(repeat)]
        relayed = exchanged("the relay", relay, asked, [])
    except Unreachable as error:
        raise Unreachable(safe(keys, str(error))) from None
    noise = {
        finding.pattern
        for other in others
        for finding in differences(asked.method, first, other)
        if not finding.expected
    }
    found = told(differences(asked.method, first, relayed), noise)
    meant = [finding for finding in found if finding.expected]
    wrong = [finding for finding in found if not finding.expected]
    if as_json:
        _print_json(keys, wrong, meant, [first, *others, relayed])
    else:
        _print(keys, asked, wrong, meant, [first, *others, relayed])
    return Exit.FOUND if wrong else Exit.DONE


def _print(
    keys: tuple[str, ...], asked: Request, wrong: list[Finding], meant: list[Finding], came: list[Exchange]
) -> None:
    echo(f"{asked.method} /v1{asked.path}")
    head = ("side", "status", "media type", "bytes", "seconds", "end")
    show(head, [[safe(keys, cell) for cell in _summary(exchange)] for exchange in came])
    if wrong or meant:
        echo("")
        cells = [("expected", finding) for finding in meant]
        cells += [("difference", finding) for finding in wrong[:_MOST_SHOWN]]
        rows = ((kind, one.place, one.direct, one.relayed, one.expected) for kind, one in cells)
        show(
            ("", "place", "direct", "through the relay", "why"),
            ([safe(keys, cell) for cell in row] for row in rows),
        )
    if len(wrong) > _MOST_SHOWN:
        echo(f"… and {len(wrong) - _MOST_SHOWN} differences more: --json tells all")
    if came[0].values(_ID) and came[-1].values(_ID) == came[-1].values(_RELAY_ID):
        echo("the relay answered this itself: what came through it has no request id of the upstream's")
    number = {0: "no difference", 1: "1 difference"}.get(len(wrong), f"{len(wrong)} differences")
    echo(f"{number}, {len(meant)} expected")


def _summary(exchange: Exchange) -> tuple[str, ...]:
    ended = exchange.broken or "whole"
    size, seconds = f"{len(exchange.body):,}", f"{exchange.seconds:.2f}"
    return (exchange.side, str(exchange.status), exchange.media_type, size, seconds, ended)


def _print_json(
    keys: tuple[str, ...], wrong: list[Finding], meant: list[Finding], came: list[Exchange]
) -> None:
    sides = [
        {
            "side": one.side,
            "status": one.status,
            "bytes": len(one.body),
            "seconds": round(one.seconds, 3),
            "broken": one.broken,
        }
        for one in came
    ]
    made = {
        "differences": [asdict(finding) for finding in wrong],
        "expected": [asdict(finding) for finding in meant],
        "answers": sides,
    }
    echo(json.dumps(_redacted(keys, made), indent=1))


def _redacted(keys: tuple[str, ...], value: object) -> object:
    if isinstance(value, dict):
        return {name: _redacted(keys, item) for name, item in value.items()}
    if isinstance(value, list):
        return [_redacted(keys, item) for item in value]
    return safe(keys, value) if isinstance(value, str) else value
