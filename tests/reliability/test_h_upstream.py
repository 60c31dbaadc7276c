"""h. An upstream that is not there, that refuses, that sends elsewhere, or that goes while it is kept."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import which

import pytest

from tests.faulty import Connection, Faulty, misbehaving
from tests.relay.wire import CHAT, CHAT_BODY, STREAM_BODY, Answer, ask, assert_keeps_secrets, dialled, request
from tests.servers import Recorder, answering, recording, relay_over

JSON = "content-type: application/json"
MULTIPART = "content-type: multipart/form-data; boundary=b"
OPENSSL = which("openssl")
ASKED = {
    "get": ("GET", "/v1/models", b""),
    "head": ("HEAD", "/v1/models", b""),
    "delete": ("DELETE", "/v1/files/f", b""),
    "post": ("POST", CHAT, CHAT_BODY),
    "stream": ("POST", CHAT, STREAM_BODY),
}
every_method = pytest.mark.parametrize("asked", ASKED)


def asking(root: str, asked: str) -> Answer:
    method, target, body = ASKED[asked]
    return ask(root, method, target, *([JSON] if body else []), body=body)


def assert_refused(root: str, base_url: str, asked: str, status: int, code: str) -> None:
    """The answer is this error, in OpenAI's shape, and tells neither where the upstream is nor a key."""
    answer = asking(root, asked)
    assert (answer.status, answer.all("content-type")) == (status, ["application/json"])
    if asked != "head":
        assert (answer.error["type"], answer.error["code"]) == ("server_error", code)
    assert_keeps_secrets(answer, base_url)


@pytest.mark.row("h34")
@every_method
def test_h34_a_refused_connection_is_a_502(asked: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    with relay_over(base_url) as root:
        assert_refused(root, base_url, asked, 502, "upstream_unreachable")


@pytest.mark.row("h34")
def test_h34_a_name_without_an_address_is_a_502() -> None:
    base_url = "http://no-such-host.invalid:1234/v1"
    with relay_over(base_url) as root:
        assert_refused(root, base_url, "post", 502, "upstream_unreachable")


@contextmanager
def accepting(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """An `https` upstream that does with each connection what `serve` does; gives its base address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            with suppress(OSError):  # the listener was closed
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        connection.settimeout(10)
                        serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/v1"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def speaks_plainly(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connection.recv(65_536)


def hangs_up(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.row("h34")
@pytest.mark.parametrize("serve", [speaks_plainly, hangs_up])
def test_h34_a_failed_tls_handshake_is_a_502(serve: Callable[[socket.socket], None]) -> None:
    with accepting(serve) as base_url, relay_over(base_url) as root:
        assert_refused(root, base_url, "post", 502, "upstream_unreachable")


@pytest.mark.row("h34")
@pytest.mark.skipif(OPENSSL is None, reason="the certificate is made by openssl")
def test_h34_a_certificate_that_nobody_vouches_for_is_a_502(tmp_path: Path) -> None:
    assert OPENSSL is not None
    made = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout key -out certificate"
    names = "-addext subjectAltName=IP:127.0.0.1"
    command = [OPENSSL, *made.split(), *names.split()]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    heard = bytearray()

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            heard.extend(secured.recv(65_536))

    with accepting(serve) as base_url, relay_over(base_url) as root:
        assert_refused(root, base_url, "post", 502, "upstream_unreachable")
    assert heard == b""


@contextmanager
def full() -> Iterator[str]:
    """An upstream whose queue of connections is full, so that no further one is ever made."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            with suppress(BlockingIOError):
                waiting.connect(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


@contextmanager
def mute() -> Iterator[str]:
    """An upstream that takes connections, and never says a word of TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/v1"


@pytest.mark.row("h34")
@pytest.mark.slow  # it takes the ten seconds that a connection may take
@pytest.mark.parametrize("upstream", [full, mute])
def test_h34_a_connection_that_is_not_made_in_time_is_a_504(
    upstream: Callable[[], AbstractContextManager[str]],
) -> None:
    with upstream() as base_url, relay_over(base_url) as root, dialled(root) as line:
        line.socket.settimeout(60)
        line.say(request("POST", CHAT, JSON, "connection: close", body=CHAT_BODY))
        head, _, body = line.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 504 ")
    assert b'"upstream_timeout"' in body
    assert base_url.split("/")[2].encode() not in body


@pytest.fixture(scope="module")
def impatient() -> Iterator[tuple[Faulty, str]]:
    """A relay that waits 0.3 s for a byte from its upstream."""
    upstream = Faulty()
    with misbehaving(upstream), relay_over(upstream.base_url, relay_timeout=0.3) as root:
        yield upstream, root


async def says_nothing(connection: Connection) -> None:
    await connection.request()
    await connection.rest()


@pytest.mark.row("h34")
@every_method
def test_h34_silence_is_a_504_after_one_attempt(impatient: tuple[Faulty, str], asked: str) -> None:
    faulty, root = impatient
    faulty.reset(says_nothing)
    assert_refused(root, faulty.base_url, asked, 504, "upstream_timeout")
    assert len(faulty.heads) == 1


LIMITED = [
    (b"content-type", b"application/json"),
    (b"retry-after", b"7"),
    (b"retry-after-ms", b"6543"),
    (b"x-should-retry", b"true"),
    (b"x-ratelimit-limit-requests", b"60"),
    (b"x-ratelimit-remaining-requests", b"0"),
    (b"x-ratelimit-reset-requests", b"1s"),
    (b"x-ratelimit-remaining-tokens", b"149984"),
    (b"openai-processing-ms", b"12"),
    (b"x-request-id", b"req_1"),
]
OWN = {"x-relay-request-id", "date"}


@pytest.mark.row("h35")
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("asked", ["get", "delete", "post", "stream"])
def test_h35_limits_come_down_unchanged_after_one_attempt(
    relay: str, recorder: Recorder, status: int, asked: str
) -> None:
    body = b'{"error": {"message": "slow", "type": "tokens", "param": null, "code": "rate_limit_exceeded"}}'
    recorder.reply = answering(body, status, headers=LIMITED)
    answer = asking(relay, asked)
    assert (answer.status, answer.body) == (status, body)
    told = [(name.decode(), value.decode()) for name, value in LIMITED]
    assert [one for one in answer.fields if one[0] not in OWN] == [*told, ("content-length", str(len(body)))]
    assert len(recorder.seen) == 1


@pytest.mark.row("h37")
@pytest.mark.parametrize("asked", ["get", "post", "stream"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_h37_a_redirect_is_not_followed(relay: str, recorder: Recorder, status: int, asked: str) -> None:
    other = Recorder()
    with recording(other) as elsewhere:
        recorder.reply = answering(b"moved", status, headers=[(b"location", elsewhere.encode())])
        answer = asking(relay, asked)
    assert (answer.status, answer.body, answer.all("location")) == (status, b"moved", [elsewhere])
    assert len(recorder.seen) == 1
    assert other.seen == []


@pytest.mark.row("h38")
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("asked", ["get", "delete", "post"])
def test_h38_no_status_is_asked_for_twice(relay: str, recorder: Recorder, status: int, asked: str) -> None:
    recorder.reply = answering(b"{}", status, headers=[(b"retry-after", b"0"), (b"x-should-retry", b"true")])
    assert asking(relay, asked).status == status
    assert len(recorder.seen) == 1
