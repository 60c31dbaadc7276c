"""`relay doctor` over real sockets: each thing that can be wrong, told apart from the others."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from relay.commands import main
from tests.clients.tls import NAME, Fronts
from tests.faulty import Connection, Faulty, misbehaving
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, answering, recording, relay_over, run_relay

MODELS = b'{"object": "list", "data": []}'


def doctor(**environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and what was found by what was looked at."""
    given = {"OPENAI_API_KEY": REAL_KEY, "RELAY_KEY": RELAY_KEY, "RELAY_PORT": "0", **environment}
    done = CliRunner().invoke(main, ["doctor", "--json", "--timeout", "1"], env=given)
    assert REAL_KEY not in done.output
    assert RELAY_KEY not in done.output
    return done.exit_code, {one["check"]: one for one in json.loads(done.stdout)}


def wrong(found: dict[str, dict[str, Any]]) -> list[str]:
    for one in found.values():
        assert bool(one["todo"]) == (one["state"] != "ok")
    return [check for check, one in found.items() if one["state"] == "wrong"]


def test_all_is_well_over_an_upstream_that_takes_the_key() -> None:
    with recording(Recorder(reply=answering(MODELS))) as base:
        code, found = doctor(OPENAI_API_BASE=base)
    assert (code, wrong(found)) == (0, [])
    assert found["upstream: key"]["state"] == "ok"
    assert {"settings", "real key", "relay key", "address", "open files", "upstream: name"} <= found.keys()


def test_a_name_that_nobody_has() -> None:
    code, found = doctor(OPENAI_API_BASE="https://nowhere.invalid")
    assert (code, wrong(found)) == (1, ["upstream: name"])
    assert "upstream: connection" not in found


def test_a_port_that_refuses() -> None:
    code, found = doctor(OPENAI_API_BASE="https://127.0.0.1:9")
    assert (code, wrong(found)) == (1, ["upstream: connection"])
    assert "Connection refused" in found["upstream: connection"]["told"]
    assert found["upstream: name"]["state"] == "ok"


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_that_is_silent_in_tls_and_in_http(silent: int) -> None:
    code, found = doctor(OPENAI_API_BASE=f"https://127.0.0.1:{silent}")
    assert (code, wrong(found), found["upstream: TLS"]["told"]) == (1, ["upstream: TLS"], "no answer")
    code, found = doctor(OPENAI_API_BASE=f"http://127.0.0.1:{silent}")
    assert (code, wrong(found)) == (1, ["upstream: answer"])
    assert "ReadTimeout" in found["upstream: answer"]["told"]


def test_a_connection_that_is_never_taken_is_no_answer() -> None:
    with socket.socket() as listener, closing(socket.socket()) as filler:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        others = [filler, socket.socket()]
        for other in others:
            other.settimeout(0)
            other.connect_ex(address)
        code, found = doctor(OPENAI_API_BASE=f"http://127.0.0.1:{address[1]}")
        others[1].close()
    assert (code, wrong(found)) == (1, ["upstream: connection"])
    assert "no answer" in found["upstream: connection"]["told"]


def test_tls_of_an_authority_that_is_not_trusted_and_of_one_that_is(tmp_path: Path) -> None:
    fronts = Fronts(tmp_path)
    with recording(Recorder(reply=answering(MODELS))) as base, fronts.before(base) as address:
        code, found = doctor(OPENAI_API_BASE=address)
        assert (code, wrong(found)) == (1, ["upstream: TLS"])
        assert "not trusted" in found["upstream: TLS"]["told"]
        trusted = str(fronts.certificate)
        code, found = doctor(OPENAI_API_BASE=address, SSL_CERT_FILE=trusted)
        assert (code, wrong(found)) == (0, [])
        assert "valid until" in found["upstream: TLS"]["told"]
        code, found = doctor(OPENAI_API_BASE=address.replace(NAME, "127.0.0.1"), SSL_CERT_FILE=trusted)
        assert (code, wrong(found)) == (1, ["upstream: TLS"])


def test_what_speaks_no_tls() -> None:
    with recording(Recorder()) as base:
        code, found = doctor(OPENAI_API_BASE=base.replace("http:", "https:"))
    assert (code, wrong(found)) == (1, ["upstream: TLS"])


@pytest.mark.parametrize(
    ("status", "body", "check", "state"),
    [
        (401, b"{}", "upstream: key", "wrong"),
        (403, b"{}", "upstream: key", "warning"),
        (429, b"{}", "upstream: key", "warning"),
        (404, b"{}", "upstream: answer", "warning"),
        (200, b"<html>", "upstream: answer", "warning"),
        (302, b"", "upstream: answer", "wrong"),
        (503, b"{}", "upstream: answer", "wrong"),
    ],
)
def test_what_the_upstream_says_to_the_key(status: int, body: bytes, check: str, state: str) -> None:
    with recording(Recorder(reply=answering(body, status))) as base:
        code, found = doctor(OPENAI_API_BASE=base)
    assert found[check]["state"] == state
    assert found[check]["todo"]
    assert code == (1 if state == "wrong" else 0)


@pytest.mark.parametrize(("seconds", "state"), [(0, "ok"), (-3600, "warning"), (3600, "warning")])
def test_a_clock_that_is_not_the_upstreams(seconds: int, state: str) -> None:
    date = formatdate(time.time() + seconds, usegmt=True).encode()
    reply = answering(MODELS, 200, [(b"content-type", b"application/json"), (b"date", date)])
    with recording(Recorder(reply=reply)) as base:
        code, found = doctor(OPENAI_API_BASE=base)
    assert (code, found["clock"]["state"]) == (0, state)


def test_what_speaks_no_http() -> None:
    async def odd(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"SSH-2.0-odd\r\n")

    faulty = Faulty(odd)
    with misbehaving(faulty):
        code, found = doctor(OPENAI_API_BASE=faulty.base_url)
    assert (code, wrong(found)) == (1, ["upstream: answer"])


def test_without_a_key_the_upstream_is_asked_without_one() -> None:
    recorder = Recorder(reply=answering(b"{}", 401))
    with recording(recorder) as base:
        code, found = doctor(OPENAI_API_BASE=base, OPENAI_API_KEY="")
    assert (code, found["real key"]["state"]) == (0, "warning")
    assert "upstream: key" not in found
    assert recorder.seen[0].header(b"authorization") == []


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "RELAY_KEY"])
def test_a_key_file_that_cannot_be_read_is_wrong_and_the_rest_is_looked_at(variable: str) -> None:
    given = {variable: "", f"{variable}_FILE": "/missing", "OPENAI_API_BASE": "http://127.0.0.1:9"}
    code, found = doctor(**given)
    check = "relay key" if variable == "RELAY_KEY" else "real key"
    assert check in wrong(found)
    assert "No such file" in found[check]["told"]
    assert code == 1
    assert "proxy" in found


def test_settings_that_cannot_be_used_are_what_is_wrong(tmp_path: Path) -> None:
    code, found = doctor(RELAY_TIMEOUT="soon")
    assert (code, list(found)) == (1, ["settings"])
    (tmp_path / ".env").write_text("what is this\n")
    done = run_relay("doctor", directory=tmp_path)
    assert done.returncode == 1
    assert ".env, line 1 is invalid" in done.stdout
    assert "1 checks, 1 wrong" in done.stdout


def test_the_address_is_this_relays_or_another_programs(silent: int) -> None:
    with relay_over("sandbox:") as root:
        code, found = doctor(OPENAI_API_BASE="sandbox:", RELAY_PORT=root.rpartition(":")[2])
        assert (code, wrong(found)) == (0, [])
        assert "served by this relay" in found["address"]["told"]
        named = {"RELAY_PORT": root.rpartition(":")[2], "RELAY_NAME": "another"}
        code, found = doctor(OPENAI_API_BASE="sandbox:", **named)
        assert (code, wrong(found)) == (1, ["address"])
    code, found = doctor(OPENAI_API_BASE="sandbox:", RELAY_PORT=str(silent))
    assert (code, wrong(found)) == (1, ["address"])
    assert "Address already in use" in found["address"]["told"]


def test_a_relay_that_is_its_own_upstream_and_a_proxy_that_is_not_used() -> None:
    code, found = doctor(
        RELAY_PORT="8765", OPENAI_API_BASE="http://127.0.0.1:8765/v1", https_proxy="http://p"
    )
    assert (code, wrong(found)) == (1, ["upstream"])
    assert found["proxy"]["state"] == "warning"
    assert "HTTPS_PROXY" in found["proxy"]["told"]


def test_more_requests_than_files_are_wrong() -> None:
    code, found = doctor(OPENAI_API_BASE="sandbox:", RELAY_MAX_REQUESTS="1000000")
    assert (code, wrong(found)) == (1, ["open files"])


def test_the_public_address_leads_to_this_relay_or_not(tmp_path: Path) -> None:
    fronts = Fronts(tmp_path)
    with relay_over("sandbox:") as root, fronts.before(f"{root}/v1") as address:
        public = {"RELAY_PUBLIC_URL": address.removesuffix("/v1"), "SSL_CERT_FILE": str(fronts.certificate)}
        port = root.rpartition(":")[2]
        code, found = doctor(OPENAI_API_BASE="sandbox:", RELAY_PORT=port, **public)
        assert (code, found["public address"]["state"]) == (0, "ok")
        public["RELAY_PUBLIC_URL"] = "https://nowhere.invalid"
        code, found = doctor(OPENAI_API_BASE="sandbox:", RELAY_PORT=port, **public)
        assert (code, found["public address"]["state"]) == (1, "wrong")
    code, found = doctor(OPENAI_API_BASE="sandbox:", **public)
    assert (code, found["public address"]["state"]) == (0, "warning")


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    real = socket.getaddrinfo

    def hanging(host: str, *arguments: Any, **named: Any) -> Any:
        if host == "slow.example":
            released.wait(30)
        return real("127.0.0.1", *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    code, found = doctor(OPENAI_API_BASE="https://slow.example")
    released.set()
    assert (code, wrong(found)) == (1, ["upstream: name"])
    assert "no answer of the resolver" in found["upstream: name"]["told"]
