"""g. JSON that is odd or huge: forwarded as it came or refused, and the relay stays as it was."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from io import BufferedReader
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.validation import JUDGED_BYTES
from tests.relay.large import BLOCK, MIB, Bulk, Memory, Sum, body_of, connected, framed, head_of, serving_bulk
from tests.relay.wire import CHAT, Answer, ask, request
from tests.reliability.odd_json import ODD, costly, mangled
from tests.reliability.plugin import Figure
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, recording, relay_over, running_relay

JSON = "content-type: application/json"
SETTINGS = {"OPENAI_API_KEY": REAL_KEY, "RELAY_KEY": RELAY_KEY, "RELAY_PORT": "0"}
STRENGTHS = ("structural", "strict", "off")
UNTOUCHED = (CHAT, "/v1/responses", "/v1/embeddings", "/v1/nobody-knows")
EDITED = ("/v1/responses:stream", "/v1/responses/compact")
TARGETS = (*UNTOUCHED, *EDITED)


@dataclass
class Relays:
    """One relay for each strength of validation, over one upstream."""

    recorder: Recorder
    roots: dict[str, str] = field(default_factory=dict)

    def fault(self, strength: str, target: str, body: bytes) -> str | None:
        """What is wrong with how `body` was taken, None where nothing is."""
        self.recorder.seen.clear()
        answer = ask(self.roots[strength], "POST", target, JSON, body=body)
        seen = [request.body for request in self.recorder.seen]
        if answer.status == 200:
            return None if _as_it_came(body, seen, target) else f"changed: {seen!r:.200}"
        if answer.status == 400:
            return _unlike_openai(answer) or ("refused, and sent on" if seen else None)
        return f"{answer.status}: {answer.body!r:.200}"


def _as_it_came(body: bytes, seen: list[bytes], target: str) -> bool:
    if target in UNTOUCHED:
        return seen == [body]
    # A member may have been added; the text of those that were there is the same.
    core = body.strip(b" \t\r\n").lstrip(b"{").rstrip(b"}")
    return len(seen) == 1 and (core in seen[0] or b'"stream"' in core)


def _unlike_openai(answer: Answer) -> str | None:
    fits = answer.error["type"] == "invalid_request_error" and answer.error["message"]
    return None if fits else f"unlike OpenAI: {answer.body!r}"


@pytest.fixture(scope="module")
def relays() -> Iterator[Relays]:
    with ExitStack() as stack:
        found = Relays(Recorder())
        base_url = stack.enter_context(recording(found.recorder))
        for strength in STRENGTHS:
            found.roots[strength] = stack.enter_context(relay_over(base_url, relay_validation=strength))
        yield found


@pytest.mark.row("g32")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("strength", STRENGTHS)
def test_g32_odd_json_is_forwarded_as_it_came_or_refused(relays: Relays, strength: str, target: str) -> None:
    faults = {name: relays.fault(strength, target, body) for name, body in ODD.items()}
    assert {name: fault for name, fault in faults.items() if fault} == {}


@pytest.mark.row("g32")
@pytest.mark.parametrize("inputs", [300, pytest.param(20_000, marks=pytest.mark.slow)])
def test_g32_mangled_json_is_forwarded_as_it_came_or_refused(
    relays: Relays, figure: Figure, inputs: int
) -> None:
    tried = 0

    @settings(max_examples=inputs, deadline=None, database=None)
    @given(st.sampled_from(STRENGTHS), st.sampled_from(TARGETS), mangled())
    def holds(strength: str, target: str, body: bytes) -> None:
        nonlocal tried
        tried += 1
        assert relays.fault(strength, target, body) is None

    holds()
    figure("fuzz inputs tried, JSON", f"{tried:,}")


@contextmanager
def pinging(root: str) -> Iterator[list[float]]:
    """How long each `GET /live` took, in seconds, asked one after the other over one connection."""
    waits: list[float] = []
    ended = threading.Event()

    def ping() -> None:
        connection = HTTPConnection(root.removeprefix("http://"), timeout=60)
        while not ended.is_set():
            start = time.perf_counter()
            connection.request("GET", "/live")
            assert connection.getresponse().read()
            waits.append(time.perf_counter() - start)
        connection.close()

    thread = threading.Thread(target=ping, daemon=True)
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join(60)


@pytest.mark.row("g32")
def test_g32_others_are_served_while_odd_json_is_judged(tmp_path: Path, figure: Figure) -> None:
    recorder = Recorder()
    asked = [*costly(JUDGED_BYTES).items(), *((target, body) for target in TARGETS for body in ODD.values())]
    with (
        recording(recorder) as base_url,
        running_relay("serve", directory=tmp_path, OPENAI_API_BASE=base_url, **SETTINGS) as relay,
        pinging(relay.root) as waits,
    ):
        statuses = {ask(relay.root, "POST", target, JSON, body=body).status for target, body in asked}
    assert statuses == {200, 400}
    assert waits
    figure("longest wait of another request while odd JSON is judged", f"{max(waits) * 1000:.0f} ms")


# What a body of 100 MB may add to the relay's memory, in KiB.
GROWTH_KIB = 32 * 1024
HUGE = 96
FRAMINGS = pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
BEGINNING = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"x-any":"'
LETTERS = BLOCK.hex().encode()[:MIB]
END = b'"}'


class Abandoned(Bulk):
    """An upstream that takes it well when a body ends in the middle."""

    def _take(self, connection: socket.socket, stream: BufferedReader, head: bytes) -> None:
        with suppress(AssertionError, ValueError, OSError):
            super()._take(connection, stream, head)


@dataclass
class Measured:
    """A relay in a process of its own, and the upstream that sums up what it is sent."""

    root: str
    memory: Memory
    upstream: Bulk


@contextmanager
def measured(directory: Path, **variables: str) -> Iterator[Measured]:
    upstream = Abandoned(0)
    with serving_bulk(upstream):
        given = {**SETTINGS, "OPENAI_API_BASE": upstream.base_url, **variables}
        with running_relay("serve", directory=directory, **given) as relay:
            # What a first request leaves behind is no part of what a body costs.
            assert ask(relay.root, "POST", CHAT, JSON, body=BEGINNING + END).status == 200
            upstream.reset(chunked=False)
            yield Measured(relay.root, Memory(relay.process.pid), upstream)


def huge(root: str, target: str = CHAT, *, chunked: bool) -> tuple[int, bytes]:
    """Status and body of the answer to about 100 MB of JSON; what is refused is sent no further."""
    size = len(BEGINNING) + HUGE * MIB + len(END)
    framing = "transfer-encoding: chunked" if chunked else f"content-length: {size}"
    with connected(root) as connection, connection.makefile("rb") as stream:
        with suppress(ConnectionError):
            connection.sendall(request("POST", target, JSON, framing))
            for piece in (BEGINNING, *[LETTERS] * HUGE, END):
                for part in framed(piece, chunked=chunked):
                    connection.sendall(part)
            connection.sendall(b"0\r\n\r\n" if chunked else b"")
        head = head_of(stream)
        return int(head.split()[1]), b"".join(body_of(stream, head))


@pytest.mark.row("g33")
@FRAMINGS
def test_g33_huge_json_is_forwarded_unread(tmp_path: Path, figure: Figure, *, chunked: bool) -> None:
    with measured(tmp_path) as relay:
        before = relay.memory.begin()
        assert huge(relay.root, chunked=chunked)[0] == 200
        growth = relay.memory.peak() - before
        assert relay.upstream.received == Sum.of(BEGINNING, *[LETTERS] * HUGE, END)
    assert growth <= GROWTH_KIB
    framing = "chunked" if chunked else "with a length"
    figure(f"memory added by {HUGE} MiB of JSON, {framing}", f"{growth / 1024:.1f} MiB")


REFUSED = {
    "strict": ({"RELAY_VALIDATION": "strict"}, 400, "unjudgeable_body"),
    "over the limit": ({"RELAY_MAX_BODY_MB": "64"}, 413, "request_too_large"),
}


@pytest.mark.row("g33")
@FRAMINGS
@pytest.mark.parametrize(("variables", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_g33_huge_json_is_refused_without_being_held(
    tmp_path: Path, variables: dict[str, str], status: int, code: str, *, chunked: bool
) -> None:
    with measured(tmp_path, **variables) as relay:
        before = relay.memory.begin()
        answered, body = huge(relay.root, chunked=chunked)
        assert (answered, json.loads(body)["error"]["code"]) == (status, code)
        assert relay.memory.peak() - before <= GROWTH_KIB
        assert relay.upstream.received.size <= 64 * MIB


@pytest.mark.row("g33")
@FRAMINGS
@pytest.mark.parametrize("door", ["files/upload", "responses", "audio/transcriptions"])
def test_g33_huge_base64_at_a_door_is_refused_before_it_is_decoded(
    tmp_path: Path, door: str, *, chunked: bool
) -> None:
    with measured(tmp_path) as relay:
        before = relay.memory.begin()
        answered, body = huge(relay.root, f"/v1/actions/{door}", chunked=chunked)
        code = json.loads(body)["error"]["code"]
        assert (answered, code) == (413, "request_too_large" if door == "responses" else "input_too_large")
        # What a door takes is held: up to 25 MiB in base64.
        assert relay.memory.peak() - before <= 2 * GROWTH_KIB
        assert relay.upstream.received.size == 0
