"""Metrics on a port of their own."""

import socket
import struct
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.relay.processes import relaying, said
from tests.relay.telemetry.drifting import chat, counts_in
from tests.relay.wire import ask
from tests.servers import Recorder, Running, recording

SEEN = {("body_field", "createChatCompletion", "one", "accepted"): 1}


def address(running: Running) -> str:
    return said(running, "metrics  ").partition("url=")[2].split()[0]


def read(url: str, method: str = "GET") -> str:
    with urlopen(Request(url, method=method), timeout=10) as answer:  # noqa: S310 - of this machine
        text: str = answer.read().decode()
        return text


def test_it_needs_no_key_and_tells_the_same(tmp_path: Path) -> None:
    with recording(Recorder()) as base, relaying(tmp_path, base, RELAY_METRICS_PORT="0") as running:
        assert chat(running.root, ',"one":1').status == 200
        assert counts_in(read(address(running))) == SEEN
        assert "relay_requests_total" not in read(address(running) + "?name[]=relay_info")
        with pytest.raises(HTTPError, match="405"):
            read(address(running), "POST")
        running.process.terminate()
        assert running.process.wait(20) == 0


def test_whoever_breaks_off_is_no_news(tmp_path: Path) -> None:
    with recording(Recorder()) as base, relaying(tmp_path, base, RELAY_METRICS_PORT="0") as running:
        host, _, port = address(running).removeprefix("http://").partition("/")[0].rpartition(":")
        for _ in range(5):
            with socket.create_connection((host, int(port))) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert "relay_info" in read(address(running))
        running.process.terminate()
        assert running.process.wait(20) == 0
    assert not [line for line in running.lines if "Exception" in line or "Traceback" in line]


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("host", ["127.0.0.1", "no-such.invalid", "no..such"])
def test_where_it_is_not_to_be_had_traffic_goes_on(tmp_path: Path, workers: str, host: str) -> None:
    with socket.socket() as taken, recording(Recorder()) as base:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        given = {"RELAY_METRICS_PORT": str(taken.getsockname()[1]), "RELAY_METRICS_HOST": host}
        with relaying(tmp_path, base, RELAY_WORKERS=workers, **given) as running:
            assert chat(running.root).status == 200
            assert "choose another RELAY_METRICS_PORT" in said(running, "metrics have no port")
            assert ask(running.root, "GET", "/metrics").status == 200
            running.process.terminate()
            assert running.process.wait(20) == 0


def test_an_address_of_ipv6_is_told_as_one_that_can_be_opened(tmp_path: Path) -> None:
    given = {"RELAY_METRICS_PORT": "0", "RELAY_METRICS_HOST": "::1"}
    with recording(Recorder()) as base, relaying(tmp_path, base, **given) as running:
        assert "relay_info" in read(address(running))
