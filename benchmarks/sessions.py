"""What WebSockets cost: CPU time and delay of frames that go there and back, memory of silent ones."""

from collections.abc import Callable

from benchmarks import process
from benchmarks.channel import channels, echo
from benchmarks.driver import CONNECTIONS, Pacer
from benchmarks.figures import Figures, added, cpu_of
from benchmarks.frames import TEXT, frame
from benchmarks.options import Options
from benchmarks.stage import Running
from benchmarks.traffic import DIRECT, delta_event

IDLE = 500
_KIB = 1024
_SMALL = frame(TEXT, delta_event(_KIB), masked=True)
# A third of a second of sound: 24,000 samples a second, two bytes each, in base64.
_AUDIO = frame(TEXT, delta_event(20 * _KIB), masked=True)
_BURST = 16
# Round trips a second: a load that holds nobody up.
_PACE = 1000.0
_WARM_SECONDS = 0.3
# Three loads that keep the contender busy tell enough in half of the time.
_SHARE = 2
_FIRST = 10


def frames(contender: Running, options: Options) -> Figures:
    """Frames on `CONNECTIONS` WebSockets: met one by one, small and large, in bursts, and at a calm pace."""
    found = {}
    kinds = {"frame µs": _SMALL, "burst frame µs": _SMALL * _BURST, "audio frame µs": _AUDIO}
    with channels(contender.port, contender.caller, CONNECTIONS) as relayed:
        for name, request in kinds.items():
            echo(relayed, request, _WARM_SECONDS)
            with cpu_of(contender) as used:
                count = echo(relayed, request, options.seconds / _SHARE)
            found[name] = used.seconds / count * 1e6
        with channels(contender.upstream_port, DIRECT, CONNECTIONS) as straight:
            p50, p99 = added(Pacer(straight, _SMALL), Pacer(relayed, _SMALL), _PACE, options.seconds)
    return found | {"frames p50 ms": p50, "frames p99 ms": p99}


def idle(contender: Running, _options: Options) -> Figures:
    """Memory of `IDLE` WebSockets that have passed a frame each, in KiB for each."""
    with channels(contender.port, contender.caller, _FIRST) as first:
        # What is loaded or made once is not theirs.
        echo(first, _SMALL, 0)
        before = process.resident_bytes(contender.pid)
        with channels(contender.port, contender.caller, IDLE) as opened:
            echo(opened, _SMALL, 0)
            after = process.resident_bytes(contender.pid)
    return {"session KiB": (after - before) / IDLE / _KIB}


GROUPS: dict[str, Callable[[Running, Options], Figures]] = {"ws": frames, "ws-idle": idle}
