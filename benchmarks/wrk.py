"""wrk, the load driver for plain requests, steered by a script of ours (wrk's SCRIPTING.md)."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.driver import CONNECTIONS, Refused
from benchmarks.traffic import CLIENT_KEY

_SCRIPT = """
wrk.method = "{method}"
wrk.headers["Authorization"] = "Bearer {key}"
wrk.headers["Content-Type"] = "application/json"
{body}
done = function(summary)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration, failed))
end
"""
_RESULT = re.compile(r"^RESULT (\d+) (\d+) (\d+)$", re.MULTILINE)
_GRACE_SECONDS = 30


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
        options = ["-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", str(self._script)]
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
            raise Refused(f"{failed} of {requests} requests failed")
        return Load(requests, microseconds / 1e6)


@contextmanager
def wrk(path: str, body: bytes = b"") -> Iterator[Wrk]:
    """A `wrk` for a POST of `body` to `path`, or a GET where there is none."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "request.lua"
        method = "POST" if body else "GET"
        text = f"wrk.body = [==[{body.decode()}]==]" if body else ""
        script.write_text(_SCRIPT.format(method=method, key=CLIENT_KEY, body=text))
        yield Wrk(script, path)
