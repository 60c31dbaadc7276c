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
    """One tab. `events` are what Chromium told of what it was asked to watch: `{method, params}` each."""

    def __init__(self, devtools: Connection) -> None:
        self._devtools = devtools
        self._numbers = count(1)
        self._session: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}

    def _call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._devtools.send(json.dumps({"id": number, "method": method, "params": params, **self._session}))
        while (said := json.loads(self._devtools.recv(timeout=_SECONDS))).get("id") != number:
            self.events.append(said)
        assert "error" not in said, said
        return said["result"]

    def watch(self) -> None:
        """Have `events` tell of requests, of what is logged and of what is raised."""
        for domain in ("Network", "Log", "Runtime"):
            self._call(f"{domain}.enable")

    def told(self, method: str) -> list[dict[str, Any]]:
        """The parameters of each event of that name so far."""
        return [event["params"] for event in self.events if event.get("method") == method]

    def shape(self, width: int, height: int, *, dark: bool = False) -> None:
        """Make the window that large, in pixels, for somebody who prefers dark pages or light ones."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def click(self, expression: str) -> None:
        """Click with the mouse on the element that an expression of JavaScript is."""
        self.value(f"({expression}).scrollIntoView({{block: 'center', behavior: 'instant'}})")
        box = self.value(f"JSON.stringify(({expression}).getBoundingClientRect())")
        place = json.loads(box)
        at = {"x": place["x"] + place["width"] / 2, "y": place["y"] + place["height"] / 2}
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    def type(self, text: str) -> None:
        """Put text where the cursor is."""
        self._call("Input.insertText", text=text)

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

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write what is to be seen, or the whole page, as a PNG file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        taken = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(taken["data"]))


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
