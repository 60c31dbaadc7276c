"""What is measured of a running contender, in groups that can be chosen; each gives figures by name."""

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks import driver, process
from benchmarks.stage import Running
from benchmarks.traffic import (
    CHAT,
    CONTENT,
    REAL_KEY,
    TRANSFER_BYTES,
    burst_body,
    chat_body,
    chat_request,
    get_request,
    upload_request,
)
from benchmarks.wrk import Load, Wrk, wrk

Figures = dict[str, float]
_MIB = 1024 * 1024
# Beyond this the driver itself would be what is measured.
_MAX_PACE = 5000.0
_SATURATED = 0.9
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


def loaded(contender: Running, tool: Wrk, seconds: float) -> tuple[Load, float]:
    """What `tool` did, and the contender's CPU seconds for it."""
    with cpu_of(contender) as used:
        load = tool.run(contender.port, seconds)
    return load, used.seconds


def start(contender: Running, _seconds: float) -> Figures:
    """From the start of the process to its first answer, and the memory then."""
    return {"start seconds": contender.start_seconds, "idle MiB": contender.idle_bytes / _MIB}


def plain(contender: Running, seconds: float) -> Figures:
    """Chat requests of 1 KB as fast as they are answered."""
    with wrk(CHAT, chat_body()) as tool:
        tool.run(contender.port, 1)
        load, used = loaded(contender, tool, seconds)
    return {
        "request µs": used / load.requests * 1e6,
        "requests/s": load.requests / load.seconds,
        "core used": used / load.seconds,
    }


def latency(contender: Running, seconds: float) -> Figures:
    """Chat requests at half of the contender's peak, less the same straight to the upstream."""
    with wrk(CHAT, chat_body()) as tool:
        peak = tool.run(contender.port, 1)
    rate = min(peak.requests / peak.seconds / 2, _MAX_PACE)
    direct = driver.paced(contender.upstream_port, chat_request(chat_body(), REAL_KEY), rate, seconds)
    through = driver.paced(contender.port, chat_request(chat_body()), rate, seconds)
    return {
        "pace/s": rate,
        "added p50 ms": _percentile(through, 50) - _percentile(direct, 50),
        "added p99 ms": _percentile(through, 99) - _percentile(direct, 99),
    }


def _percentile(taken: list[float], percent: int) -> float:
    return statistics.quantiles(taken, n=100, method="inclusive")[percent - 1]


def sse(contender: Running, seconds: float) -> Figures:
    """Bursts of events, each its own write upstream; and the wait for the first event of a short stream."""
    request = chat_request(burst_body())
    driver.burst(contender.port, request, 0.5)
    with cpu_of(contender) as used:
        events = driver.burst(contender.port, request, seconds)
    short = burst_body(_SHORT_STREAM)
    direct = driver.first_events(contender.upstream_port, chat_request(short, REAL_KEY), _FIRST_EVENTS)
    through = driver.first_events(contender.port, chat_request(short), _FIRST_EVENTS)
    return {
        "event µs": used.seconds / events * 1e6,
        "first event ms": statistics.median(through) - statistics.median(direct),
    }


def transfers(contender: Running, _seconds: float) -> Figures:
    """512 MiB up, then 512 MiB down: CPU seconds, and how far memory grew over what it was before."""
    found = _transfer(contender, "upload", lambda: driver.upload(contender.port, *_uploaded()))
    return found | _transfer(contender, "download", lambda: _download(contender.port))


def _transfer(contender: Running, name: str, transfer: Callable[[], None]) -> Figures:
    before = process.resident_bytes(contender.pid)
    process.forget_peak(contender.pid)
    with cpu_of(contender) as used:
        transfer()
    growth = process.peak_bytes(contender.pid) - before
    return {f"{name} s": used.seconds, f"{name} MiB": max(growth, 0) / _MIB}


def _uploaded() -> tuple[bytes, int, bytes]:
    head, end = upload_request(TRANSFER_BYTES)
    return head, TRANSFER_BYTES, end


def _download(port: int) -> None:
    size = driver.download(port, get_request(CONTENT))
    if size != TRANSFER_BYTES:
        raise driver.Refused(f"{size} of {TRANSFER_BYTES} bytes arrived")


GROUPS: dict[str, Callable[[Running, float], Figures]] = {
    "start": start,
    "plain": plain,
    "latency": latency,
    "sse": sse,
    "transfers": transfers,
}
