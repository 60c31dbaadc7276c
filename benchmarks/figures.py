"""What is measured of a running contender, in groups that can be chosen; each gives figures by name."""

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks import driver, process
from benchmarks.options import Options
from benchmarks.stage import Running
from benchmarks.traffic import (
    BURST_EVENTS,
    CHAT,
    DIRECT,
    burst_body,
    chat_body,
    chat_request,
    content_path,
    get_request,
    held_body,
    upload_request,
)
from benchmarks.wrk import Load, Wrk, wrk

Figures = dict[str, float]
_MIB = 1024 * 1024
# Beyond this the driver itself would be what is measured.
_MAX_PACE = 5000.0
_TURNS = 6
_FIRST_EVENTS = 300
_SHORT_STREAM = 2


class Cpu:
    """The CPU seconds that a contender used within the block of `cpu_of`."""

    seconds = 0.0


@contextmanager
def cpu_of(contender: Running) -> Iterator[Cpu]:
    """Take the CPU time of `contender` within the block."""
    used = Cpu()
    before = process.cpu_seconds(contender.pid)
    yield used
    used.seconds = process.cpu_seconds(contender.pid) - before


class Growth:
    """How far a contender's memory rose within the block of `memory_of`, in MiB."""

    mib = 0.0


@contextmanager
def memory_of(contender: Running) -> Iterator[Growth]:
    """Take the peak of the memory of `contender` within the block."""
    grown = Growth()
    before = process.resident_bytes(contender.pid)
    process.forget_peak(contender.pid)
    yield grown
    grown.mib = max(process.peak_bytes(contender.pid) - before, 0) / _MIB


def loaded(contender: Running, tool: Wrk, seconds: float) -> tuple[Load, float]:
    """What `tool` did, and the contender's CPU seconds for it."""
    with cpu_of(contender) as used:
        load = tool.run(contender.port, seconds)
    return load, used.seconds


def start(contender: Running, _options: Options) -> Figures:
    """From the start of the process to its first answer, and the memory then."""
    return {"start seconds": contender.start_seconds, "idle MiB": contender.idle_bytes / _MIB}


def plain(contender: Running, options: Options) -> Figures:
    """Chat requests of 1 KB as fast as they are answered."""
    with wrk(CHAT, contender.caller, chat_body()) as tool:
        tool.warm(contender.port)
        load, used = loaded(contender, tool, options.seconds)
    return {
        "request µs": used / load.requests * 1e6,
        "requests/s": load.requests / load.seconds,
        "core used": used / load.seconds,
    }


def latency(contender: Running, options: Options) -> Figures:
    """Chat requests at half of the contender's peak, less the same straight to the upstream."""
    with wrk(CHAT, contender.caller, chat_body()) as tool:
        peak = tool.run(contender.port, options.seconds)
    rate = min(peak.requests / peak.seconds / 2, _MAX_PACE)
    straight = driver.pacing(contender.upstream_port, chat_request(chat_body(), DIRECT))
    relayed = driver.pacing(contender.port, chat_request(chat_body(), contender.caller))
    with straight as one, relayed as other:
        p50, p99 = added(one, other, rate, options.seconds)
    return {"pace/s": rate, "added p50 ms": p50, "added p99 ms": p99}


def added(straight: driver.Pacer, relayed: driver.Pacer, rate: float, seconds: float) -> tuple[float, float]:
    """By how many milliseconds the median and the 99th percentile are longer through the contender."""
    direct, through = [], []
    for _ in range(_TURNS):
        # By turns, so that what else happens on this machine happens to both.
        direct += straight.run(rate, seconds / _TURNS)
        through += relayed.run(rate, seconds / _TURNS)
    return (
        _percentile(through, 50) - _percentile(direct, 50),
        _percentile(through, 99) - _percentile(direct, 99),
    )


def _percentile(taken: list[float], percent: int) -> float:
    return statistics.quantiles(taken, n=100, method="inclusive")[percent - 1]


def sse(contender: Running, options: Options) -> Figures:
    """Events in bursts, each its own write upstream; and the wait for the first event of a short stream."""
    request = chat_request(burst_body(), contender.caller)
    driver.burst(contender.port, request, BURST_EVENTS, 0.5)
    with cpu_of(contender) as used:
        events = driver.burst(contender.port, request, BURST_EVENTS, options.seconds)
    short = burst_body(_SHORT_STREAM)
    direct = driver.first_events(contender.upstream_port, chat_request(short, DIRECT), _FIRST_EVENTS)
    through = driver.first_events(contender.port, chat_request(short, contender.caller), _FIRST_EVENTS)
    return {
        "event µs": used.seconds / events * 1e6,
        "first event ms": statistics.median(through) - statistics.median(direct),
    }


def lone(contender: Running, options: Options) -> Figures:
    """Events that are met one by one: as many streams as connections, each with one event on its way."""
    count = driver.CONNECTIONS
    return {"lone event µs": lone_event(contender, count, count, options.seconds)}


def lone_event(contender: Running, count: int, window: int, seconds: float) -> float:
    """CPU µs of an event that is met alone: `window` of `count` open streams have one on its way."""
    request = chat_request(held_body(), contender.caller)
    with driver.held(contender.port, contender.upstream_port, request, count) as streams:
        with cpu_of(contender) as used:
            events = streams.take_turns(window, seconds)
        return used.seconds / events * 1e6


def upload(contender: Running, options: Options) -> Figures:
    """A large file up: CPU seconds, and how far memory grew over what it was before."""
    size = options.transfer_mib * _MIB
    before, after = upload_request(size, contender.caller)
    with memory_of(contender) as grown, cpu_of(contender) as used:
        driver.upload(contender.port, before, size, after)
    return {"upload s": used.seconds, "upload MiB": grown.mib}


def download(contender: Running, options: Options) -> Figures:
    """A large file down, as `upload`."""
    size = options.transfer_mib * _MIB
    request = get_request(content_path(size), contender.caller)
    with memory_of(contender) as grown, cpu_of(contender) as used:
        arrived = driver.download(contender.port, request)
    if arrived != size:
        raise driver.Refused(f"{arrived} of {size} bytes arrived")
    return {"download s": used.seconds, "download MiB": grown.mib}


GROUPS: dict[str, Callable[[Running, Options], Figures]] = {
    "start": start,
    "plain": plain,
    "latency": latency,
    "sse": sse,
    "lone": lone,
    "upload": upload,
    "download": download,
}
