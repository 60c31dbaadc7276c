"""Whether the relay's cost grows: with open streams, with the operation's place in the contract, with age."""

from collections.abc import Callable

from benchmarks import process
from benchmarks.figures import Figures, loaded, lone_event
from benchmarks.options import Options
from benchmarks.stage import Running
from benchmarks.traffic import CHAT, chat_body
from benchmarks.wrk import wrk

OPEN_STREAMS = (1, 100, 1000)
EARLY = "/v1/assistants"
LATE = "/v1/videos/video-benchmark"
_SLICE_SECONDS = 10.0
_MIB = 1024 * 1024


def streams(contender: Running, options: Options) -> Figures:
    """CPU time of an event with ever more streams open; only one is on its way at any time."""
    found = {}
    for count in OPEN_STREAMS:
        found[f"event µs, {count} open"] = lone_event(contender, count, 1, options.seconds)
    return found


def routes(contender: Running, options: Options) -> Figures:
    """CPU time of a request for an operation early and late in the contract."""
    found = {}
    for name, path in (("early", EARLY), ("late", LATE)):
        with wrk(path, contender.caller) as tool:
            tool.warm(contender.port)
            load, used = loaded(contender, tool, options.seconds)
        found[f"{name} µs"] = used / load.requests * 1e6
    return found


def age(contender: Running, options: Options) -> Figures:
    """CPU time of a new process's first requests, and of those that follow on many others."""
    with wrk(CHAT, contender.caller, chat_body()) as tool:
        first, used = loaded(contender, tool, options.seconds)
        found = {"first µs": used / first.requests * 1e6}
        memory = process.resident_bytes(contender.pid)
        served = first.requests
        while served < options.requests:
            served += tool.run(contender.port, _SLICE_SECONDS).requests
        last, used = loaded(contender, tool, options.seconds)
    growth = process.resident_bytes(contender.pid) - memory
    return found | {
        "served": float(served),
        "last µs": used / last.requests * 1e6,
        "grown MiB": growth / _MIB,
    }


GROUPS: dict[str, Callable[[Running, Options], Figures]] = {"streams": streams, "routes": routes}
