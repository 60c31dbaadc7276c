from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.transport.answer import MAX_HEAD_BYTES, Answer, Malformed

NAMES = st.text("abcXYZ-09", min_size=1, max_size=12).map(lambda name: f"x{name}".encode())
VALUES = st.binary(max_size=30).map(
    lambda value: bytes(byte for byte in value if byte > 32 and byte != 127)  # visible, or above ASCII
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
BODIES = st.lists(st.binary(min_size=1, max_size=200), max_size=5)
CUTS = st.lists(st.integers(0, 2_000), max_size=12)


def head(status: int, fields: list[tuple[bytes, bytes]]) -> bytes:
    lines = b"".join(b"%s: %s\r\n" % field for field in fields)
    return b"HTTP/1.1 %d Any\r\n%s\r\n" % (status, lines)


def fed(answer: Answer, data: bytes, cuts: list[int]) -> bytes:
    """What an answer gives of its body when its bytes come in the pieces between `cuts`."""
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    taken = b""
    for start, end in pairwise(places):
        answer.feed(data[start:end])
        taken += answer.take() if answer.chunks else b""
    return taken


def lowered(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in fields]


@given(FIELDS, BODIES, CUTS, st.sampled_from([200, 404, 503]), st.sampled_from(["chunks", "length"]))
def test_a_framed_answer_is_read_whole_however_it_is_split(
    fields: list[tuple[bytes, bytes]], parts: list[bytes], cuts: list[int], status: int, framing: str
) -> None:
    body = b"".join(parts)
    if framing == "chunks":
        fields = [*fields, (b"Transfer-Encoding", b"chunked")]
        framed = (
            b"".join(b"%X\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nx-trailer: t\r\n\r\n"
        )
    else:
        fields, framed = [*fields, (b"Content-Length", b"%d" % len(body))], body
    answer = Answer(bodiless=False)
    interim = head(103, [(b"link", b"</x>")])
    assert fed(answer, interim + head(status, fields) + framed, cuts) == body
    assert (answer.status, answer.fields) == (status, lowered(fields))
    assert (answer.complete, answer.keep_alive, answer.ended_by_close) == (True, True, False)


@given(FIELDS, BODIES, CUTS)
def test_an_answer_without_framing_ends_with_its_connection_alone(
    fields: list[tuple[bytes, bytes]], parts: list[bytes], cuts: list[int]
) -> None:
    answer = Answer(bodiless=False)
    assert fed(answer, head(200, fields) + b"".join(parts), cuts) == b"".join(parts)
    assert (answer.complete, answer.ended_by_close) == (False, True)


@given(FIELDS, st.sampled_from([(True, 200), (False, 204), (False, 304)]), CUTS)
def test_an_answer_without_a_body_ends_with_its_head(
    fields: list[tuple[bytes, bytes]], kind: tuple[bool, int], cuts: list[int]
) -> None:
    bodiless, status = kind
    answer = Answer(bodiless=bodiless)
    length = (b"content-length", b"5")
    assert fed(answer, head(status, [*fields, length] if status != 204 else fields), cuts) == b""
    assert answer.complete


@given(st.binary(min_size=1, max_size=60))
def test_what_follows_a_whole_answer_costs_the_connection_and_no_more(extra: bytes) -> None:
    answer = Answer(bodiless=False)
    answer.feed(head(200, [(b"content-length", b"2")]) + b"ok" + extra)
    assert (answer.take(), answer.complete) == (b"ok", True)
    assert not answer.keep_alive or not extra.strip(b"\r\n")


@given(st.binary(max_size=300))
def test_garbage_is_malformed_or_not_yet_an_answer(data: bytes) -> None:
    answer = Answer(bodiless=False)
    try:
        answer.feed(data)
    except Malformed:
        return
    assert not answer.complete or data.startswith(b"HTTP/")


@pytest.mark.parametrize(
    "fields",
    [
        [(b"content-length", b"1"), (b"content-length", b"2")],
        [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"gzip, chunked")],
        [(b"content-length", b"two")],
    ],
)
def test_framing_with_two_readings_is_malformed(fields: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(Malformed):
        Answer(bodiless=False).feed(head(200, fields) + b"1\r\nx\r\n0\r\n\r\n")


def test_a_head_has_an_end() -> None:
    answer = Answer(bodiless=False)
    answer.feed(b"HTTP/1.1 200 OK\r\n")
    answer.feed(b"x: y\r\n" * (MAX_HEAD_BYTES // 6 - 10))
    with pytest.raises(Malformed, match="too large"):
        answer.feed(b"x: y\r\n" * 10)


def test_another_protocol_is_malformed() -> None:
    with pytest.raises(Malformed):
        Answer(bodiless=False).feed(head(101, [(b"connection", b"upgrade"), (b"upgrade", b"x")]))
