"""Header fields of two answers: which differ, and which of them may."""

from collections.abc import Iterator

from acceptance.diff.exchange import Exchange
from acceptance.diff.finding import NOTHING, Finding

_HOP = "belongs to one connection (RFC 9110, 7.6.1)"
_EACH = "is of each answer"
_ADDED = "the relay adds it"
_CORS = "which origins may read an answer is for the relay to say"
_BODY = "follows from the body"
# RFC 9110, 7.6.1, and what RFC 2616, 13.5.1 names besides.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What servers and the networks before them say anew each time.
_OF_EACH_ANSWER = (
    "date",
    "age",
    "x-request-id",
    "openai-processing-ms",
    "cf-ray",
    "set-cookie",
    "server-timing",
)
_COUNTING = ("x-ratelimit-remaining-", "x-ratelimit-reset-", "x-envoy-")
_RELAYS = "x-relay-"
_WHERE_LACKING = frozenset({"date", "x-request-id"})


def differing(direct: Exchange, relayed: Exchange, *, bodies_differ: bool) -> Iterator[Finding]:
    """The fields that are not the same in number, order and value; `bodies_differ` explains their lengths."""
    named = {
        part.strip().lower()
        for side in (direct, relayed)
        for value in side.values("connection")
        for part in value.split(",")
    }
    names = dict.fromkeys(name for side in (direct, relayed) for name, _ in side.fields)
    for name in names:
        here, there = direct.values(name), relayed.values(name)
        if here != there:
            reason = _HOP if name in named else _reason(name, here, there, bodies_differ=bodies_differ)
            yield Finding(f"header {name}", _shown(here), _shown(there), reason)


def _reason(name: str, here: list[str], there: list[str], *, bodies_differ: bool) -> str:
    both = bool(here) and bool(there)
    reasons = (
        (name in _HOP_BY_HOP, _HOP),
        (name.startswith("access-control-"), _CORS),
        (name.startswith(_RELAYS) and not here, _ADDED),
        (name in _WHERE_LACKING and not here, f"{_ADDED} where the upstream sends none"),
        (both and (name in _OF_EACH_ANSWER or name.startswith(_COUNTING)), _EACH),
        (both and name == "content-length" and bodies_differ, _BODY),
    )
    return next((reason for holds, reason in reasons if holds), "")


def _shown(values: list[str]) -> str:
    return ", ".join(values) if values else NOTHING
