"""wrk, the load driver for plain requests, steered by a script of ours (wrk's SCRIPTING.md)."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.driver import CONNECTIONS, Refused
from benchmarks.traffic import Caller

_SCRIPT = """
wrk.method = "{method}"
{steps}
done = function(summary)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration, failed))
end
"""
_RESULT = re.compile(r"^RESULT (\d+) (\d+) (\d+)$", re.MULTILINE)
_GRACE_SECONDS = 30
_TIMEOUT = "20s"


@dataclass(frozen=True)
class Load:
    """What one run of wrk did: requests answered with success, within `seconds`."""

    requests: int
    seconds: float


class Wrk:
    """Sends one kind of request over `CONNECTIONS` connections, as fast as they are answered."""

    def __init__(self, script: Path, path: str) -> None:
        self._script = script
        self._path = path

    def run(self, port: int, seconds: float) -> Load:
        """Load the server at `port` for whole `seconds`; raises Refused when any request failed."""
        address = f"http://127.0.0.1:{port}{self._path}"
        length = f"-d{max(1, round(seconds))}s"
        options = ["-t1", f"-c{CONNECTIONS}", length, "-s", str(self._script), "--timeout", _TIMEOUT]
        done = subprocess.run(
            ["wrk", *options, address],  # noqa: S607 - wherever the system keeps it
            capture_output=True,
            text=True,
            timeout=seconds + _GRACE_SECONDS,
            check=False,
        )
        found = _RESULT.search(done.stdout)
        if found is None:
            raise Refused(f"wrk ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
        requests, microseconds, failed = (int(number) for number in found.groups())
        if failed or not requests:
            raise Refused(f"{failed} requests failed, {requests} were answered")
        return Load(requests, microseconds / 1e6)

    def warm(self, port: int) -> None:
        """Load the server at `port` for a second; what comes of it does not matter yet."""
        with suppress(Refused):
            self.run(port, 1)


@contextmanager
def wrk(path: str, caller: Caller, body: bytes = b"") -> Iterator[Wrk]:
    """A `wrk` for a POST of `body` to `path`, or a GET where there is none."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "request.lua"
        fields = dict(line.split(": ", 1) for line in caller.fields.splitlines())
        fields["Authorization"] = f"Bearer {caller.key}"
        if body:
            fields["Content-Type"] = "application/json"
        steps = [f'wrk.headers["{name}"] = "{value}"' for name, value in fields.items()]
        steps += [f"wrk.body = [==[{body.decode()}]==]"] if body else []
        script.write_text(_SCRIPT.format(method="POST" if body else "GET", steps="\n".join(steps)))
        yield Wrk(script, path)
