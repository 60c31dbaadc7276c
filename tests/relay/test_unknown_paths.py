"""Paths and methods that the contract lacks: forwarded as they came, and never a way around what it has."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from generated.operations import OPERATIONS
from tests.relay.wire import LAST_CHUNK, Line, ask, chunk, dialled, request
from tests.servers import REAL_KEY, RELAY_KEY, Recorder, Seen, exchange, relay_over

CORS = {"cors_allow_origins": "https://app.example"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.fixture(scope="module")
def rejecting(upstream: tuple[Recorder, str]) -> Iterator[str]:
    with relay_over(upstream[1], relay_unknown_paths="reject") as root:
        yield root


@pytest.fixture(scope="module")
def forwarding(upstream: tuple[Recorder, str]) -> Iterator[str]:
    with relay_over(upstream[1], **CORS) as root:
        yield root


UNKNOWN = [
    ("GET", "/v1/brand_new"),
    ("GET", "/v1/brand_new/"),
    ("GET", "/v1/brand%5Fnew/a%2Fb//c?x=%2F&y"),
    ("GET", "/v1/models/org%2Fmodel"),
    ("GET", "/v1/models/org%2fmodel/"),
    ("GET", "/v1/models/a/b"),
    ("PUT", "/v1/models"),
    ("PATCH", "/v1/files/file-1"),
    ("HEAD", "/v1/embeddings"),
    ("OPTIONS", "/v1/models"),
    ("DELETE", "/v1/responses:stream"),
    ("PROPFIND", "/v1/brand_new"),
]


@pytest.mark.parametrize(("method", "target"), UNKNOWN)
def test_what_the_contract_lacks_goes_upstream_as_it_came(
    forwarding: str, seen: list[Seen], method: str, target: str
) -> None:
    body = b"" if method in {"GET", "HEAD", "OPTIONS"} else b"\x00 any bytes"
    answer = ask(forwarding, method, target, "x-kind: new", "connection: x-hop", "x-hop: 1", body=body)
    assert (answer.status, answer.body) == (200, b"" if method == "HEAD" else b'{"ok": true}')
    [request] = seen
    assert (request.method, request.target, request.body) == (method, target.encode(), body)
    assert request.header(b"authorization") == [f"Bearer {REAL_KEY}".encode()]
    assert request.header(b"x-kind") == [b"new"]
    assert not request.header(b"x-hop")
    assert RELAY_KEY not in repr(request)


@pytest.mark.parametrize(("method", "target"), UNKNOWN)
def test_nothing_of_it_goes_upstream_where_it_is_rejected(
    rejecting: str, seen: list[Seen], method: str, target: str
) -> None:
    answer = ask(rejecting, method, target)
    known = target in {"/v1/models", "/v1/files/file-1", "/v1/embeddings", "/v1/responses:stream"}
    assert answer.status == (405 if known else 404)
    assert bool(answer.all("allow")) == known
    assert not seen


@pytest.mark.parametrize(
    ("method", "target"),
    [("PUT", "/v1/models"), ("POST", "/v1/brand_new"), ("GET", "/v1/models/a%2Fb")],
)
def test_the_relays_key_is_needed_and_so_is_the_real_one(
    upstream: tuple[Recorder, str], forwarding: str, seen: list[Seen], method: str, target: str
) -> None:
    bare = f"{method} {target} HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n".encode()
    assert exchange(forwarding, bare).startswith(b"HTTP/1.1 401 ")
    with relay_over(upstream[1], openai_api_key=None) as root:
        answer = ask(root, method, target)
    assert (answer.status, answer.error["code"]) == (424, "upstream_key_missing")
    assert not seen


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("PUT", "/v1/health", 405),
        ("OPTIONS", "/health", 405),
        ("POST", "/", 405),
        ("PATCH", "/vector_stores/vs_1", 405),
        ("GET", "/brand_new", 404),
        ("GET", "/vector_stores/", 404),
        ("GET", "/v1", 404),
        ("GET", "/V1/models", 404),
        ("GET", "/v1/health/", 404),
        ("GET", "//v1/brand_new", 404),
        ("GET", "/%761/brand_new", 404),
        ("GET", "/%761/models", 404),
        ("GET", "/v1%2Fmodels", 404),
        ("GET", "/v1%2Fbrand_new", 404),
        ("TRACE", "/v1/models", 405),
        ("TRACE", "/v1/brand_new", 405),
        ("TRACE", "/brand_new", 405),
        ("CONNECT", "/v1/brand_new", 405),
    ],
)
def test_the_relays_own_paths_and_all_outside_v1_are_refused(
    forwarding: str, seen: list[Seen], method: str, target: str, status: int
) -> None:
    answer = ask(forwarding, method, target)
    assert answer.status == status
    assert len(answer.all("allow")) == (status == 405)
    assert answer.error["code"] == ("method_not_allowed" if status == 405 else "unknown_url")
    assert not seen


@pytest.mark.parametrize(
    ("target", "arrives"),
    [
        ("/v1/mod%65ls", True),
        ("/v1/models/a%20b", True),
        ("/v1/videos/char%61cters", True),
        ("/v1/models/", False),
        ("/v1/Models", False),
        ("/v1//models", False),
        ("/v1/files%2Ffile-1", False),
        ("/v1/files\\file-1", False),
        ("/v1/files/file-1/content/", False),
        ("/v1/files/file-1/Content", False),
        ("/v1/files/file-1%2Fcontent", False),
        ("/v1/files/file-1%252Fcontent", False),
        ("/v1/files/file-1%5Ccontent", False),
        ("/v1/files/file%2F1/content", False),
        ("/v1/files/a%252F%2Fcontent", False),
        ("/v1//files/x/content", False),
        ("/v1/files//x/content", False),
        ("/v1/brand_new/%252e%252e/files/x/content", False),
        ("/v1/brand_new/..%5Cfiles", False),
        ("/v1/brand_new/%25252525252525", False),
    ],
)
def test_another_spelling_of_what_the_contract_has_is_refused(
    forwarding: str, seen: list[Seen], target: str, *, arrives: bool
) -> None:
    answer = ask(forwarding, "GET", target)
    assert answer.status == 200 if arrives else answer.status in {400, 404}
    assert [request.target for request in seen] == ([target.encode()] if arrives else [])


def test_a_preflight_is_answered_by_the_relay_and_not_forwarded(forwarding: str, seen: list[Seen]) -> None:
    origin = "origin: https://app.example"
    asked = ask(forwarding, "OPTIONS", "/v1/brand_new", origin, "access-control-request-method: POST")
    assert (asked.status, asked.all("access-control-allow-origin")) == (200, ["https://app.example"])
    assert not seen
    assert ask(forwarding, "OPTIONS", "/v1/brand_new", origin).body == b'{"ok": true}'
    assert [request.method for request in seen] == ["OPTIONS"]


def test_bodies_are_streamed_up_and_answers_down(forwarding: str, upstream: tuple[Recorder, str]) -> None:
    async def in_two(_scope: Scope, _receive: Receive, send: Send) -> None:
        head = {"type": "http.response.start", "status": 201, "headers": [(b"content-type", b"text/new")]}
        await send(head)
        for part, more in ((b"one", True), (b"two", False)):
            await send({"type": "http.response.body", "body": part, "more_body": more})

    upstream[0].reply = in_two
    upstream[0].seen.clear()
    try:
        with dialled(forwarding, request("POST", "/v1/brand_new", "transfer-encoding: chunked")) as line:
            said: Line = line
            said.say(chunk(b"a") + chunk(b"b") + LAST_CHUNK)
            assert said.until(b"two\r\n0\r\n\r\n").startswith(b"HTTP/1.1 201 ")
    finally:
        upstream[0].reply = None
    assert [found.body for found in upstream[0].seen] == [b"ab"]


# What must never arrive unhandled, in any reading; the rules are written down a second time here.
GUARDED = re.compile(
    r"/v1/(files/[^/]+/content|organization(/.*)?|projects(/.*)?|health|responses/?:stream)/?", re.IGNORECASE
)
PIECES = st.sampled_from(
    ["files", "Files", "x", "content", "CONTENT", "organization", "projects", "health", "models", "brand_new"]
)
GLUE = st.sampled_from(
    ["/", "//", "%2F", "%2f", "%252F", "%5C", "/./", "/%2e%2e/", "\\", ";a/", "%20/", "./"]
)
ODD_PATHS = st.lists(st.tuples(GLUE, PIECES, st.integers(0, 2)), min_size=1, max_size=5)


def spelled(parts: list[tuple[str, str, int]], end: str) -> str:
    """A path in which some pieces have their first letter percent-encoded, once or twice."""
    text = ""
    for glue, piece, times in parts:
        letter = piece[0]
        for _ in range(times):
            letter = letter.replace("%", "%25") if "%" in letter else f"%{ord(letter):02X}"
        text += glue + letter + piece[1:]
    return f"/v1{text}{end}"


def loosely(target: str) -> set[str]:
    """`target` as servers could read it: a slash between segments or inside one, a segment's end dropped."""
    found = set()
    for text in (target, re.sub("(?i)%2f", "x", target)):
        decoded = text
        for _ in range(9):
            decoded = unquote(decoded)
        found.add(re.sub(r"[/\\]+", "/", decoded))
        cut = re.split("[?#]", decoded, maxsplit=1)[0]
        segments = [part.partition(";")[0].rstrip(" .") for part in re.split(r"[/\\]+", cut)]
        found.add("/".join(segments))
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=ODD_PATHS,
    end=st.sampled_from(["", "/", "%2F", ";x", "%3Fx", "%23", "%20"]),
    method=st.sampled_from(METHODS),
)
def test_no_spelling_leads_around_a_guard(
    forwarding: str, upstream: tuple[Recorder, str], parts: list[tuple[str, str, int]], end: str, method: str
) -> None:
    seen = upstream[0].seen
    seen.clear()
    target = spelled(parts, end)
    ask(forwarding, method, target)
    guarded = [name for name in loosely(target) if GUARDED.fullmatch(name)]
    downloads = re.fullmatch(r"/v1/files/[^/%\\]+/content", unquote(target)) is not None
    for arrived in seen:
        assert "/.." not in unquote(unquote(arrived.target.decode()))
        if guarded and method in {"GET", "HEAD"}:
            # Only the handler asks for a file and then for its content, and only under its plain name.
            assert downloads
            assert len(seen) == 2
        elif guarded:
            assert all("/content" in name.lower() for name in guarded)


def test_the_property_above_speaks_of_operations_that_exist() -> None:
    assert OPERATIONS["downloadFile"].path == "/v1/files/{file_id}/content"
    assert OPERATIONS["downloadFile"].handler is not None
