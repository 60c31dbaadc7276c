"""The driver and the upstream against each other, with nobody between them."""

from collections.abc import Iterator

import pytest

from benchmarks import driver
from benchmarks.driver import Refused
from benchmarks.stage import upstream_running
from benchmarks.traffic import (
    CLIENT,
    DIRECT,
    burst_body,
    chat_body,
    chat_request,
    content_path,
    get_request,
    held_body,
    upload_request,
)

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with upstream_running() as port:
        yield port


def test_a_chat_request_is_answered(upstream: int) -> None:
    with driver.connected(upstream) as (connection,):
        connection.exchange(chat_request(chat_body(), DIRECT))
        assert 900 < len(chat_body()) < 1100
        assert 900 < connection.size < 1500


def test_another_key_than_the_real_one_is_refused(upstream: int) -> None:
    with driver.connected(upstream) as (connection,), pytest.raises(Refused, match="401"):
        connection.exchange(chat_request(chat_body(), CLIENT))


def test_a_request_in_pieces_is_one_request(upstream: int) -> None:
    request = chat_request(chat_body(), DIRECT)
    with driver.connected(upstream) as (connection,):
        connection.complete = False
        for start in range(0, len(request), 100):
            connection.socket.sendall(request[start : start + 100])
        while not connection.complete:
            connection.receive()
        assert connection.size > 900


def test_a_chunked_request_ends_with_its_last_chunk(upstream: int) -> None:
    head, _, body = chat_request(chat_body(), DIRECT).partition(b"\r\n\r\n")
    fields = [line for line in head.split(b"\r\n") if not line.startswith(b"content-length")]
    with driver.connected(upstream) as (connection,):
        connection.send(b"\r\n".join([*fields, b"transfer-encoding: chunked", b"", b""]))
        connection.socket.sendall(b"%x\r\n%b\r\n" % (len(body), body))
        connection.socket.sendall(b"0\r\n\r\n")
        while not connection.complete:
            connection.receive()
        connection.exchange(chat_request(chat_body(), DIRECT))


def test_a_burst_has_the_events_that_were_asked_for(upstream: int) -> None:
    # One more ends each stream: [DONE].
    request = chat_request(burst_body(50), DIRECT)
    assert driver.burst(upstream, request, each=51, seconds=0) == driver.STREAMS * 51
    with pytest.raises(Refused, match="408 events came"):
        driver.burst(upstream, request, each=52, seconds=0)


def test_paced_requests_are_all_answered(upstream: int) -> None:
    with driver.pacing(upstream, chat_request(chat_body(), DIRECT)) as pacer:
        for _ in range(2):
            taken = pacer.run(rate=500, seconds=0.2)
            assert len(taken) == 100
            assert min(taken) > 0


def test_first_events_are_timed_one_by_one(upstream: int) -> None:
    taken = driver.first_events(upstream, chat_request(burst_body(2), DIRECT), count=5)
    assert len(taken) == 5
    assert min(taken) > 0


@pytest.mark.parametrize("window", [1, 3])
def test_held_streams_get_events_in_turn_and_end_together(upstream: int, window: int) -> None:
    with driver.held(upstream, upstream, chat_request(held_body(), DIRECT), count=5) as streams:
        assert streams.take_turns(window, seconds=0.2) > window


def test_a_stream_that_does_not_stay_open_is_no_held_one(upstream: int) -> None:
    request = chat_request(burst_body(2), DIRECT)
    with (
        pytest.raises(Refused, match="stay open"),
        driver.held(upstream, upstream, request, count=2) as streams,
    ):
        streams.take_turns(window=1, seconds=10)


def test_what_is_uploaded_is_read_to_its_end(upstream: int) -> None:
    before, after = upload_request(4 * MIB, DIRECT)
    driver.upload(upstream, before, 4 * MIB, after)


def test_a_download_has_the_size_that_was_asked_for(upstream: int) -> None:
    assert driver.download(upstream, get_request(content_path(3 * MIB), DIRECT)) == 3 * MIB


def test_a_server_that_leaves_is_no_answer() -> None:
    with upstream_running() as port, driver.connected(port) as (connection,):
        connection.exchange(chat_request(chat_body(), DIRECT))
    with pytest.raises((Refused, OSError)):
        connection.exchange(chat_request(chat_body(), DIRECT))
