"""Two answers to one request, compared."""

from acceptance.diff import events, fields, values
from acceptance.diff.exchange import Exchange
from acceptance.diff.finding import Finding

_EVENTS = "text/event-stream"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BOTH_BROKEN = "both were broken off"


def differences(method: str, direct: Exchange, relayed: Exchange) -> list[Finding]:
    """Every difference in status, header fields and body, the expected ones with their reasons.

    Ids and times of a request that only reads are not of each answer, and have to be the same.
    """
    found = []
    if direct.status != relayed.status:
        found.append(Finding("status", str(direct.status), str(relayed.status)))
    within = _within(direct, relayed, makes=method not in _SAFE)
    explained = direct.body != relayed.body and all(finding.expected for finding in within)
    return [*found, *fields.differing(direct, relayed, bodies_differ=explained), *within]


def _within(direct: Exchange, relayed: Exchange, *, makes: bool) -> list[Finding]:
    kinds = {direct.media_type, relayed.media_type}
    if kinds == {_EVENTS}:
        found = list(events.differing(direct, relayed, makes=makes))
    else:
        is_json = all(kind == "application/json" or kind.endswith("+json") for kind in kinds)
        found = [*_ends(direct, relayed), *_bodies(direct, relayed, makes=makes, is_json=is_json)]
    if not found and direct.body != relayed.body:
        found.append(Finding("body, the same by value", direct.digest, relayed.digest))
    return found


def _bodies(direct: Exchange, relayed: Exchange, *, makes: bool, is_json: bool) -> list[Finding]:
    if direct.body == relayed.body:
        return []
    if is_json:
        try:
            here, there = values.parsed(direct.body), values.parsed(relayed.body)
            return list(values.differing("", here, there, makes=makes))
        except values.NoJSON:
            pass  # then it is compared as bytes
    begin = direct.body.startswith(relayed.body) or relayed.body.startswith(direct.body)
    reason = _BOTH_BROKEN if direct.broken and relayed.broken and begin else ""
    return [Finding("body", direct.digest, relayed.digest, reason)]


def _ends(direct: Exchange, relayed: Exchange) -> list[Finding]:
    if bool(direct.broken) == bool(relayed.broken):
        return []
    return [Finding("end of the body", direct.broken or "whole", relayed.broken or "whole")]
