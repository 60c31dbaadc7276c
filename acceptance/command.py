"""What `relay check` does with its arguments: which flows run against which relay, and how that ends."""

import re
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import click

from acceptance import batches, contents, documents, files, realtime, streams, uploads
from acceptance.answer import Unmet
from acceptance.client import Client, Observer, Target
from acceptance.exits import Exit, Unreachable, Unusable
from acceptance.flow import Run, Stopped
from acceptance.report import Report, safe

FLOWS: dict[str, Callable[[Run], None]] = {
    "A": uploads.run,
    "B": streams.run,
    "C": documents.run,
    "D": contents.run,
    "E": batches.run,
    "F": files.run,
    "G": realtime.run,
}
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here


def run(
    target: Target,
    model: str,
    realtime_model: str,
    *,
    only: str | None = None,
    wait: float,
    observer: Observer | None = None,
    reached: bool = True,
) -> int:
    """Run the flows and print their table; gives the exit code: 0, 1 when one failed, 130 interrupted.

    Raises Unusable, and Unreachable where it is not known to be `reached` and nobody answers at all. `target`
    is as `usable` takes it.
    """
    letters = _letters(only)
    _check_text("--model", model)
    _check_text("--realtime-model", realtime_model)
    target = usable(target)
    if not reached:
        _reach(target)
    report = Report(target.key)
    try:
        with Client(target, observer) as client:
            runs = (Run(letter, client, model, realtime_model, wait, report.row) for letter in letters)
            failed = [flow.letter for flow in runs if not _shown(flow)]
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return Exit.INTERRUPTED
    report.end(failed, letters)
    return Exit.FOUND if failed else Exit.DONE


def usable(target: Target, option: str = "--base-url") -> Target:
    """`target`, which may lack `/v1` and have several keys, of which the first is shown; raises Unusable.

    `option` is what its address was given by.
    """
    return Target(_base_url(target.base_url, option), _key(target.key), target.seconds)


def _reach(target: Target) -> None:
    try:
        with Client(target) as client:
            client.send("GET", "//live")
    except Unmet as unmet:
        raise Unreachable(safe(target.key, f"the relay does not answer: {unmet.came}")) from None


def _shown(flow: Run) -> bool:
    try:
        with suppress(Stopped):
            FLOWS[flow.letter](flow)
    finally:
        flow.clean()
    return not flow.failed


def listening_at(host: str, port: int) -> str:
    """The base URL of a relay that listens on `host` and `port`, seen from its own machine."""
    host = _EVERYWHERE.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"


def _check_text(option: str, model: str) -> None:
    if not model or re.search("[\ud800-\udfff]", model):
        raise Unusable(f"{option} is invalid: allowed is any text")


def _letters(only: str | None) -> list[str]:
    if only is None:
        return list(FLOWS)
    wanted = {part.strip().upper() for part in only.split(",")}
    if not wanted <= FLOWS.keys():
        raise Unusable(f"--only {only!r} is invalid: allowed is a comma list of {', '.join(FLOWS)}")
    return sorted(wanted)


def _base_url(given: str, option: str) -> str:
    message = f"{option} is invalid: allowed is an http or https address without user, query or fragment"
    try:
        parts = urlsplit(given)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        raise Unusable(message) from None
    if not usable or not re.fullmatch(r"[!-~]+", given) or re.search(r"[@?#]", given):
        raise Unusable(message)
    base = given.rstrip("/")
    return base if base.endswith("/v1") else f"{base}/v1"


def _key(given: str) -> str:
    first = re.split(r"[,\s]+", given.strip(", \t\r\n"))[0]
    if not re.fullmatch(r"[!-~]*", first):
        raise Unusable("--key (hidden) is invalid: allowed are visible ASCII characters")
    return first
