"""JSON, event streams, multipart and binary cross the relay byte for byte, in both directions."""

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.relay import bodies
from tests.relay.wire import CHAT, LAST_CHUNK, STREAM_BODY, Answer, ask, chunk
from tests.servers import Recorder, Seen, recording, relay_over

JSON = "content-type: application/json"
FILES = "/v1/files"
CONTENT = "/v1/containers/c/files/f/content"
OCTETS = "application/octet-stream"
Fields = list[tuple[bytes, bytes]]

any_example = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
framings = st.none() | bodies.cuts
media_types = st.sampled_from(['multipart/form-data; boundary="{}"', "Multipart/Form-Data;boundary={}"])


def replying(pieces: Iterable[bytes], headers: Fields, status: int = 200) -> ASGIApp:
    """An upstream that answers in these pieces; chunked where no field tells their length."""

    async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return application


def sent(
    root: str, recorder: Recorder, target: str, body: bytes, framing: list[int] | None, *lines: str
) -> tuple[Seen, Answer]:
    """What reached the upstream of a body with a length, or in chunks cut at `framing`, and the answer."""
    recorder.seen.clear()
    if framing is None:
        answer = ask(root, "POST", target, *lines, f"content-length: {len(body)}", body=body)
    else:
        chunks = b"".join(map(chunk, bodies.pieces(body, framing))) + LAST_CHUNK
        answer = ask(root, "POST", target, *lines, "transfer-encoding: chunked", body=chunks)
    [seen] = recorder.seen
    return seen, answer


def assert_framed(seen: Seen, body: bytes, framing: list[int] | None) -> None:
    """A body keeps its framing: where it was chunked the relay knew no length either."""
    length = [str(len(body)).encode()] if framing is None else []
    assert seen.header(b"content-length") == length
    assert seen.header(b"transfer-encoding") == ([] if framing is None else [b"chunked"])


def text(lines: Fields) -> list[str]:
    return [f"{name.decode()}: {value.decode()}" for name, value in lines]


def ours(headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    return [(name, value) for name, value in headers if name.startswith(b"x-any-")]


@pytest.fixture(scope="module")
def unjudging() -> Iterator[tuple[Recorder, str]]:
    """A relay that judges no body, and its upstream."""
    recorder = Recorder()
    with recording(recorder) as base_url, relay_over(base_url, relay_validation="off") as root:
        yield recorder, root


@any_example
@given(body=bodies.chat_bodies(), framing=framings, fields=bodies.fields())
def test_a_json_request_that_is_judged(
    relay: str, recorder: Recorder, body: bytes, framing: list[int] | None, fields: Fields
) -> None:
    seen, answer = sent(relay, recorder, CHAT, body, framing, JSON, *text(fields))
    assert (answer.status, seen.body) == (200, body)
    assert ours(seen.headers) == fields
    assert_framed(seen, body, framing)


@any_example
@given(value=bodies.json_texts, space=bodies.spaces, framing=framings)
@example(value='"\\ud800"', space="\n", framing=None)
@example(value="[" * 5_000 + "]" * 5_000, space="", framing=[1])
def test_any_json_where_nothing_is_judged(
    unjudging: tuple[Recorder, str], value: str, space: str, framing: list[int] | None
) -> None:
    recorder, root = unjudging
    body = (space + value + space).encode()
    seen, answer = sent(root, recorder, CHAT, body, framing, JSON)
    assert (answer.status, seen.body) == (200, body)
    assert_framed(seen, body, framing)


@any_example
@given(value=bodies.json_texts, cuts=bodies.cuts, chunked=st.booleans(), fields=bodies.fields())
def test_a_json_answer(
    relay: str, recorder: Recorder, value: str, cuts: list[int], *, chunked: bool, fields: Fields
) -> None:
    body = value.encode()
    length = [] if chunked else [(b"content-length", str(len(body)).encode())]
    headers = [(b"content-type", b"application/json"), *length, *fields]
    recorder.reply = replying(bodies.pieces(body, cuts), headers)
    answer = ask(relay, "GET", "/v1/models")
    assert answer.body == body
    assert answer.all("content-length") == [value.decode() for _, value in length]
    assert [(n.encode(), v.encode()) for n, v in answer.fields if n.startswith("x-any-")] == fields


@any_example
@given(stream=bodies.event_streams, cuts=bodies.cuts | st.just(list(range(3_000))))
@example(stream="id: é\r\ndata: 🙂\r\n\r\n: ﬀ\rdata\r\r".encode(), cuts=list(range(40)))
@example(stream=b"data:\n\ndata: \n\n\n\n: \n\ndata: [DONE]", cuts=[])
def test_an_event_stream(relay: str, recorder: Recorder, stream: bytes, cuts: list[int]) -> None:
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
    whole = stream + b"\n\ndata: [DONE]\n\n"
    recorder.reply = replying(bodies.pieces(whole, cuts), headers)
    answer = ask(relay, "POST", CHAT, JSON, body=STREAM_BODY)
    assert (answer.status, answer.body) == (200, whole)
    assert answer.all("content-type", "cache-control") == ["text/event-stream; charset=utf-8", "no-cache"]


@any_example
@given(form=bodies.multiparts(), framing=framings, written=media_types, fields=bodies.fields())
def test_a_multipart_request(
    relay: str,
    recorder: Recorder,
    form: tuple[str, bytes],
    framing: list[int] | None,
    written: str,
    fields: Fields,
) -> None:
    boundary, body = form
    media_type = written.format(boundary)
    seen, answer = sent(relay, recorder, FILES, body, framing, f"content-type: {media_type}", *text(fields))
    assert (answer.status, seen.body) == (200, body)
    assert seen.header(b"content-type") == [media_type.encode()]
    assert ours(seen.headers) == fields
    assert_framed(seen, body, framing)


codings = st.sampled_from(["gzip", "br", "zstd", "deflate, gzip", "identity", "x-unheard-of"])


@any_example
@given(body=bodies.blobs.filter(bool), framing=framings, coding=codings)
def test_an_encoded_request(
    relay: str, recorder: Recorder, body: bytes, framing: list[int] | None, coding: str
) -> None:
    lines = ["content-type: multipart/form-data; boundary=b", f"content-encoding: {coding}"]
    seen, answer = sent(relay, recorder, FILES, body, framing, *lines)
    assert (answer.status, seen.body) == (200, body)
    assert seen.header(b"content-encoding") == [coding.encode()]
    assert_framed(seen, body, framing)


@any_example
@given(body=bodies.blobs, cuts=bodies.cuts, chunked=st.booleans(), coding=st.none() | codings)
def test_a_binary_answer(
    relay: str, recorder: Recorder, body: bytes, cuts: list[int], *, chunked: bool, coding: str | None
) -> None:
    encoding = [(b"content-encoding", coding.encode())] if coding else []
    length = [] if chunked else [(b"content-length", str(len(body)).encode())]
    recorder.reply = replying(
        bodies.pieces(body, cuts), [(b"content-type", OCTETS.encode()), *encoding, *length]
    )
    answer = ask(relay, "GET", CONTENT, "accept-encoding: gzip, x-unheard-of")
    assert (answer.status, answer.body) == (200, body)
    assert answer.all("content-type", "content-encoding") == [OCTETS, *([coding] if coding else [])]
    assert answer.all("content-length") == [value.decode() for _, value in length]
    assert recorder.seen[-1].header(b"accept-encoding") == [b"gzip, x-unheard-of"]


@any_example
@given(body=st.binary(min_size=1, max_size=500), data=st.data())
def test_a_part_of_a_binary_answer(relay: str, recorder: Recorder, body: bytes, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(body) - 1))
    last = data.draw(st.integers(first, len(body) - 1))
    part, place = body[first : last + 1], f"bytes {first}-{last}/{len(body)}"
    recorder.reply = replying(
        [part],
        [
            (b"content-type", OCTETS.encode()),
            (b"content-range", place.encode()),
            (b"content-length", str(len(part)).encode()),
            (b"etag", b'W/"1"'),
        ],
        status=206,
    )
    answer = ask(relay, "GET", CONTENT, f"range: bytes={first}-{last}", 'if-range: "1"')
    assert (answer.status, answer.body) == (206, part)
    assert answer.all("content-range", "etag") == [place, 'W/"1"']
    seen = recorder.seen[-1]
    assert seen.header(b"range") + seen.header(b"if-range") == [f"bytes={first}-{last}".encode(), b'"1"']
