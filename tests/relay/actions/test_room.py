"""Files in JSON take so much memory and no more."""

import asyncio
import json
import threading

import pytest
from starlette.types import Receive, Scope, Send

from relay.actions.room import Room
from relay.errors import RelayBusy
from relay.headers import RawHeaders
from tests.handlers.doors import b64, post
from tests.relay.wire import CHAT, CHAT_BODY, ask
from tests.servers import Recorder, answering, until

CHUNKED: RawHeaders = [(b"transfer-encoding", b"chunked")]


def sized(size: int) -> RawHeaders:
    return [(b"content-length", str(size).encode())]


def test_room_is_given_back() -> None:
    room = Room(100)
    for _ in range(3):
        with room.taken(sized(20), 50), room.taken(sized(13), 50):
            pass
        with pytest.raises(ValueError, match="bug"), room.taken(sized(20), 50):
            raise ValueError("bug")


@pytest.mark.parametrize("headers", [sized(14), sized(1000), CHUNKED])
def test_there_is_none_for_one_too_many(headers: RawHeaders) -> None:
    room = Room(100)
    with room.taken(sized(20), 50), pytest.raises(RelayBusy) as caught, room.taken(headers, 50):
        pass
    assert caught.value.headers == {"Retry-After": "1"}
    with room.taken(CHUNKED, 50):  # by itself, even what is larger than all
        pass


@pytest.mark.parametrize("headers", [[], sized(0)])
def test_no_body_takes_none(headers: RawHeaders) -> None:
    room = Room(100)
    with room.taken(CHUNKED, 50), room.taken(headers, 50):
        pass


def test_a_door_without_room_says_so_and_other_requests_go_on(relay: str, recorder: Recorder) -> None:
    released = threading.Event()

    async def hold(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/v1/videos":
            await asyncio.to_thread(released.wait, 30)
        await answering(b"{}")(scope, receive, send)

    recorder.reply = hold
    large = json.dumps({"prompt": "p", "data_base64": b64(bytes(24 * 2**20))}).encode()
    answers: list[int] = []

    def send_one() -> None:
        answers.append(post(relay, "/videos/generations", large).status)

    threads = [threading.Thread(target=send_one) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(recorder.seen) == 2, 30)
        refused = post(relay, "/videos/generations", large)
        assert (refused.status, refused.error["code"]) == (503, "relay_busy")
        assert refused.all("retry-after") == ["1"]
        assert ask(relay, "POST", CHAT, "content-type: application/json", body=CHAT_BODY).status == 200
    finally:
        released.set()
        for thread in threads:
            thread.join(30)
    assert answers == [200, 200]
    assert post(relay, "/videos/generations", large).status == 200
