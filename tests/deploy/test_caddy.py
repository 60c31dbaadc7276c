"""Caddy with deploy/caddy/Caddyfile, TLS included, before a relay: events and frames pass as they come."""

import json
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.deploy.fleet import DEPLOY, free_port, program, started
from tests.servers import RELAY_KEY, relay_over, until

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.skipif(program("caddy") is None, reason="caddy is not installed"),
]
KEY = {"authorization": f"Bearer {RELAY_KEY}"}


def configuration(port: int, relay: str) -> dict[str, Any]:
    """The file as Caddy reads it, on ports of the test's own and with nothing installed on this machine."""
    where = {"RELAY_DOMAIN": f"localhost:{port}", "RELAY_ADDRESSES": relay.removeprefix("http://")}
    command = [program("caddy") or "", "adapt", "--config", str(DEPLOY / "caddy" / "Caddyfile")]
    made = subprocess.run(command, env=where, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(made.stdout)
    found["admin"] = {"disabled": True}
    found["apps"]["http"]["grace_period"] = 1_000_000_000  # nanoseconds: the test's end waits for nobody
    found["apps"]["http"]["servers"]["srv0"]["automatic_https"] = {"disable_redirects": True}
    found["apps"]["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    issuers = [{"subjects": ["localhost"], "issuers": [{"module": "internal"}]}]
    found["apps"]["tls"] = {"automation": {"policies": issuers}}
    return found


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, ssl.SSLContext]]:
    """Its port, and what trusts its certificate."""
    folder: Path = tmp_path_factory.mktemp("caddy")
    port = free_port()
    with relay_over("sandbox:") as relay:
        (folder / "caddy.json").write_text(json.dumps(configuration(port, relay)))
        command = [program("caddy") or "", "run", "--config", str(folder / "caddy.json")]
        home = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
        with started(command, folder / "caddy.log", **home):
            root = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
            until(root.exists, 30)
            context = ssl.create_default_context(cafile=str(root))
            until(lambda: healthy(port, context), 30)
            yield port, context


@contextmanager
def asked(port: int, context: ssl.SSLContext, *request: Any) -> Iterator[HTTPResponse]:
    """The answer to a request; the end of the block closes its connection."""
    with closing(HTTPSConnection("localhost", port, context=context, timeout=60)) as connection:
        connection.request(*request)
        with closing(connection.getresponse()) as answer:
            yield answer


def healthy(port: int, context: ssl.SSLContext) -> bool:
    try:
        with asked(port, context, "GET", "/ready") as answer:
            return answer.status == 200
    except OSError:
        return False


def streaming(**more: str) -> tuple[str, str, str, dict[str, str]]:
    fields = {**KEY, "content-type": "application/json", **more}
    return "POST", "/v1/responses", '{"model":"m","input":"hi","stream":true}', fields


def test_an_event_passes_before_the_next_is_made(caddy: tuple[int, ssl.SSLContext]) -> None:
    # The second event is a minute away: what holds the first one back shows.
    with asked(*caddy, *streaming(**{"x-sandbox-delay-ms": "60000"})) as answer:
        assert answer.status == 200
        assert answer.readline() == b"event: response.created\n"


def test_a_whole_stream_passes(caddy: tuple[int, ssl.SSLContext]) -> None:
    with asked(*caddy, *streaming()) as answer:
        assert b"event: response.completed" in answer.read()


def test_a_client_that_leaves_ends_what_it_asked_for(caddy: tuple[int, ssl.SSLContext]) -> None:
    with closing(HTTPSConnection("localhost", caddy[0], context=caddy[1], timeout=60)) as connection:
        fields = {**KEY, "content-type": "application/json", "x-sandbox-fault": "delay-ms=60000"}
        connection.request("POST", "/v1/responses", '{"model":"m","input":"hi"}', fields)
        until(lambda: b"relay_requests_in_progress 2" in told(caddy), 30)
    # Its answer is a minute away: what Caddy does not pass on, the relay cannot count in time.
    until(lambda: b'relay_cancellations_total{operation="createResponse"}' in told(caddy), 30)


def told(caddy: tuple[int, ssl.SSLContext]) -> bytes:
    with asked(*caddy, "GET", "/metrics", None, KEY) as answer:
        return answer.read()


def test_a_websocket_passes(caddy: tuple[int, ssl.SSLContext]) -> None:
    address = f"wss://localhost:{caddy[0]}/v1/realtime?model=gpt-realtime"
    with connect(address, ssl=caddy[1], additional_headers=KEY) as line:
        assert json.loads(line.recv(30))["type"] == "session.created"
        line.send('{"type":"session.update","session":{"type":"realtime"}}')
        assert json.loads(line.recv(30))["type"] == "session.updated"
