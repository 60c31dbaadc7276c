"""Files in JSON take so much memory and no more."""

import asyncio
import json
import threading

import pytest
from starlette.types import Receive, Scope, Send

from relay.actions.room import Room
from relay.errors import RelayBusy
from tests.handlers.doors import b64, post
from tests.relay.wire import CHAT, CHAT_BODY, ask
from tests.servers import Recorder, answering, until


def test_room_is_given_back() -> None:
    room = Room(100)
    for _ in range(3):
        with room.share() as one, room.share() as other:
            one.more(60)
            other.more(40)
            one.more(-10)
            other.more(10)
        with pytest.raises(RelayBusy):
            crowd(room)
    assert room.free == 100


def crowd(room: Room) -> None:
    with room.share() as one, room.share() as other:
        one.more(60)
        other.more(60)


@pytest.mark.parametrize("size", [41, 1000])
def test_there_is_none_for_one_too_many(size: int) -> None:
    room = Room(100)
    with room.share() as one:
        one.more(60)
        with room.share() as other, pytest.raises(RelayBusy) as caught:
            other.more(size)
        assert caught.value.headers == {"Retry-After": "1"}
        assert room.free == 40
    with room.share() as one:  # by itself, even what is larger than all
        one.more(1000)
        with room.share() as other:
            other.more(0)
            with pytest.raises(RelayBusy):
                other.more(1)


def test_what_comes_after_the_end_takes_none() -> None:
    room = Room(100)
    with room.share() as one:
        one.more(10)
    one.more(50)
    assert room.free == 100


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
