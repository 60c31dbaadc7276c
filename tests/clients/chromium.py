"""A headless Chromium, driven over the DevTools protocol."""

import base64
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.servers import until

MISSING = "Chromium is not installed (Debian: chromium)"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 60  # a bound, no measurement
_SWITCHES = (
    "--headless=new",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--no-proxy-server",
    # Root has no namespaces to build its sandbox of, and all that is opened is of this project.
    "--no-sandbox",
    "--remote-debugging-port=0",
    "--window-size=900,700",
)


class Page:
    """One tab."""

    def __init__(self, devtools: Connection) -> None:
        self._devtools = devtools
        self._numbers = count(1)
        self._session: dict[str, str] = {}
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}

    def _call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._devtools.send(json.dumps({"id": number, "method": method, "params": params, **self._session}))
        while (said := json.loads(self._devtools.recv(timeout=_SECONDS))).get("id") != number:
            pass
        assert "error" not in said, said
        return said["result"]

    def open(self, address: str) -> None:
        """Load an address anew, even one that differs from the last in its fragment alone."""
        self._call("Page.navigate", url="about:blank")
        assert "errorText" not in self._call("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript, or the promise that it is, comes to."""
        done = self._call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def until(self, expression: str) -> None:
        """Return once an expression is true."""
        until(lambda: bool(self.value(expression)), _SECONDS)

    def picture(self, path: Path) -> None:
        """Write what is to be seen as a PNG file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def browsing(profile: Path) -> Iterator[Page]:
    """Run Chromium with an empty profile; skips the test where there is none."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip(MISSING)
    command = [found, *_SWITCHES, f"--user-data-dir={profile}", "about:blank"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True) as process:
        try:
            listening = profile / "DevToolsActivePort"
            until(lambda: listening.exists() and len(listening.read_text().split()) == 2, _SECONDS)
            port, path = listening.read_text().split()
            with connect(f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None) as devtools:
                yield Page(devtools)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
