"""The real key is a canary, everything goes wrong, and nobody hears it sing."""

import re
import socket
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from generated.operations import OPERATIONS
from relay.setting_table import describe
from relay.setting_types import SettingsError
from relay.settings import load_settings
from tests.faulty import Connection, Faulty, misbehaving
from tests.relay.telemetry.collector import collecting
from tests.relay.wire import CHAT, CHAT_BODY, dialled
from tests.reliability.canary import JSON, REAL, RELAY, hits, requests, says
from tests.reliability.plugin import Figure
from tests.servers import Running, exchange, run_relay, running_relay, until

# There is a document of this name, and nothing else of it.
OWN = {
    re.sub(r"\{\w+\}", "default.json", found.path): found.public
    for found in OPERATIONS.values()
    if found.upstream_path is None and found.method == "GET"
}
CODES = {
    "group_not_found",
    "internal_error",
    "invalid_api_key",
    "invalid_head",
    "invalid_json",
    "invalid_path",
    "invalid_type",
    "method_not_allowed",
    "operation_blocked",
    "operation_not_allowed",
    "request_too_large",
    "tool_not_found",
    "unknown_url",
    "unsupported_media_type",
    "upstream_invalid_response",
    "upstream_timeout",
    "upstream_unreachable",
}
# A bug that has both keys at hand, in a route and in its local variables.
PROGRAM = """
import handlers.health
from relay.commands import main

async def get_ready(relay, scope, receive, send):
    local = relay.upstream_key.text, relay.settings.relay_key, relay.forwarder, relay.settings, scope
    raise RuntimeError("a bug of the handler")

handlers.health.get_ready = get_ready
main()
"""


@contextmanager
def relay_with_canaries(folder: Path, upstream: str, style: str, **more: str) -> Iterator[Running]:
    """A relay that logs all it can, with canaries for keys."""
    variables = {"OPENAI_API_KEY": REAL, "RELAY_KEY": RELAY, "OPENAI_API_BASE": upstream, "RELAY_PORT": "0"}
    variables |= {"LOG_LEVEL": "debug", "LOG_FORMAT": style, "RELAY_TIMEOUT": "1", "RELAY_MAX_BODY_MB": "1"}
    with running_relay("serve", directory=folder, program=PROGRAM, **variables, **more) as relay:
        yield relay


def leave(root: str) -> None:
    """Leave before an answer, and within a stream."""
    for case, marker in (("silent", b""), ("silent stream", b"data: ")):
        head = [f"POST {CHAT} HTTP/1.1", "host: r", f"x-relay-key: {RELAY}", JSON, f"x-case: {case}"]
        raw = "\r\n".join([*head, f"content-length: {len(CHAT_BODY)}", "", ""]).encode() + CHAT_BODY
        with dialled(root, raw) as line:
            line.until(marker)


def assert_no_canary(scanned: dict[str, bytes], figure: Figure, where: str) -> None:
    """Fail when a key is anywhere in what was said, and publish how much that was."""
    found = {what: hits(raw) for what, raw in scanned.items() if hits(raw)}
    figure(f"bytes scanned for the keys, {where}", f"{sum(map(len, scanned.values())):,}, {len(found)} hits")
    assert found == {}


@pytest.mark.row("d22")
@pytest.mark.parametrize("style", ["console", pytest.param("json", marks=pytest.mark.slow)])
def test_d22_no_error_tells_a_key(tmp_path: Path, figure: Figure, style: str) -> None:
    faulty = Faulty(says)
    asked = requests(OWN)
    with (
        misbehaving(faulty),
        collecting() as collector,
        relay_with_canaries(
            tmp_path,
            faulty.base_url,
            style,
            ERROR_LOG_PATH="errors.log",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.root,
            OTEL_BSP_SCHEDULE_DELAY="50",
        ) as relay,
    ):
        leave(relay.root)
        scanned = {what: exchange(relay.root, raw) for what, raw in asked.items()}
        exchange(relay.root, asked["whole"])
        for word in ("unanswered", "aborted", "Traceback", "a bug of the handler"):
            until(lambda word=word: any(word in line for line in relay.lines))  # type: ignore[misc]
        until(lambda: sum("whole" in line for line in relay.lines) >= 2)
        scanned["metrics"] = exchange(relay.root, asked["/metrics"])
        relay.process.terminate()
        assert relay.process.wait(20) == 0
    assert not faulty.failures
    scanned["log"] = "\n".join(relay.lines).encode()
    scanned["error log"] = (tmp_path / "errors.log").read_bytes()
    scanned["traces"] = b"".join(collector.bodies)
    assert all(scanned[what] for what in ("metrics", "error log", "traces"))
    codes = {code.decode() for raw in scanned.values() for code in re.findall(rb'"code": "(\w+)"', raw)}
    assert codes >= CODES
    assert_no_canary(scanned, figure, f"{style} log, {len(asked)} requests")


async def speaks_plainly(connection: Connection) -> None:
    """No TLS."""
    await connection.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.row("d22")
def test_d22_no_upstream_out_of_reach_tells_a_key(tmp_path: Path, figure: Figure) -> None:
    faulty = Faulty(speaks_plainly)
    scanned: dict[str, bytes] = {}
    with misbehaving(faulty), socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: every connection is refused
        refusing = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        for upstream in (refusing, faulty.base_url.replace("http:", "https:"), "http://no-such.invalid/v1"):
            with relay_with_canaries(tmp_path, upstream, "console") as relay:
                scanned[upstream] = exchange(relay.root, requests({})["whole"])
                until(lambda lines=relay.lines: any("whole" in line for line in lines))  # type: ignore[misc]
            assert scanned[upstream].startswith(b"HTTP/1.1 502 ")
            scanned[f"log of {upstream}"] = "\n".join(relay.lines).encode()
    assert_no_canary(scanned, figure, "upstreams out of reach")


@pytest.mark.row("d22")
def test_d22_no_setting_tells_a_key(tmp_path: Path, figure: Figure) -> None:
    keys = {"OPENAI_API_KEY": REAL, "RELAY_KEY": RELAY}
    settings = load_settings(openai_api_key=REAL, relay_key=RELAY)
    told = [repr(settings), str(settings), str(settings.model_dump()), str(describe(settings))]
    commands = {
        "settings": (["settings"], keys),
        "odd real key": (["serve"], keys | {"OPENAI_API_KEY": f"{REAL} {REAL}"}),
        "odd relay key": (["serve"], keys | {"RELAY_KEY": f"{RELAY}\x7f"}),
    }
    with pytest.raises(SettingsError) as caught:
        load_settings(openai_api_key=REAL, relay_key=RELAY, relay_port="x")
    told.append("".join(traceback.format_exception(caught.value)))
    scanned = {"settings in the program": "\n".join(told).encode()}
    for what, (arguments, variables) in commands.items():
        done = run_relay(*arguments, directory=tmp_path, **variables)
        scanned[what] = (done.stdout + done.stderr).encode()
        assert done.returncode == (0 if what == "settings" else 2)
    assert_no_canary(scanned, figure, "settings")


@pytest.mark.row("d22")
def test_d22_a_key_would_be_found() -> None:
    """The judge of the tests above, judged."""
    assert hits(f"Bearer {REAL}".encode())
    assert hits(b"'" + REAL[-20:].encode()) == []
    assert hits(f"key=…{REAL[10:]}".encode())
    assert hits(RELAY.encode())
