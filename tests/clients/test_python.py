"""OpenAI's Python library over WebSockets: what it hears through the relay is what the upstream said."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import pytest
from openai import AsyncOpenAI, AuthenticationError, OpenAI
from openai.types.beta.realtime import SessionCreatedEvent as BetaSessionCreatedEvent
from openai.types.realtime import ResponseDoneEvent, SessionCreatedEvent
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Close

from tests.clients.stage import Pair, keys
from tests.clients.talk import TALKS, Event, Talk, moves
from tests.evidence import record
from tests.servers import RELAY_KEY

MODEL = "gpt-realtime"
_SECONDS = 20  # a bound, no measurement


@contextmanager
def connected(base_url: str, key: str, resource: str = "realtime", **opening: Any) -> Iterator[Any]:
    """A connection of the library's, which waits for ever: closed when it is held too long."""
    with (
        OpenAI(base_url=base_url, api_key=key, max_retries=0) as client,
        attrgetter(resource)(client).connect(**opening) as connection,
    ):
        timer = threading.Timer(_SECONDS, connection.close)
        timer.start()
        try:
            yield connection
        finally:
            timer.cancel()


def send(connection: Any, event: Event) -> Any:
    """What the library's method for an event gives; an event that it has no method for is sent as it is."""
    fields = {name: value for name, value in event.items() if name != "type"}
    try:
        method = attrgetter(event["type"])(connection)
    except AttributeError:
        return connection.send(event)
    return method(**fields)


def hold(talk: Talk, name: str, base_url: str, key: str) -> list[Any]:
    """Hold the conversation, and give the events that came."""
    events: list[Any] = []
    heard: list[Event] = []
    with connected(base_url, key, name, **talk.opening) as connection:
        for move in moves(talk, heard):
            if move is None:
                events.append(connection.recv())
                heard.append(events[-1].to_dict())
            else:
                send(connection, move)
    return events


async def hold_async(talk: Talk, name: str, base_url: str, key: str) -> list[Any]:
    """`hold`, with the other flavour of the library."""
    events: list[Any] = []
    heard: list[Event] = []
    async with (
        asyncio.timeout(_SECONDS),
        AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0) as client,
        attrgetter(name)(client).connect(**talk.opening) as connection,
    ):
        for move in moves(talk, heard):
            if move is None:
                events.append(await connection.recv())
                heard.append(events[-1].to_dict())
            else:
                await send(connection, move)
    return events


@pytest.mark.parametrize("flavour", ["sync", "async"])
async def test_a_conversation_is_the_one_that_the_upstream_held(flavour: str, fresh: Pair) -> None:
    for name, talk in TALKS.items():
        held = [
            hold(talk, name, *way) if flavour == "sync" else await hold_async(talk, name, *way)
            for way in keys(fresh)
        ]
        direct, relayed = held
        assert relayed == direct
        assert [type(event) for event in relayed] == [type(event) for event in direct]
        talk.check([event.to_dict() for event in relayed])
        record(talk.operation, "openai-python", 101)


async def test_ten_conversations_at_once_keep_apart(pair: Pair) -> None:
    talk = TALKS["realtime"]
    held = await asyncio.gather(*(hold_async(talk, "realtime", pair.relay, RELAY_KEY) for _ in range(10)))
    names = {event.response.id for events in held for event in events if isinstance(event, ResponseDoneEvent)}
    assert len(names) == 10 * 4
    for events in held:
        talk.check([event.to_dict() for event in events])


def test_a_connection_ends_as_the_client_ends_it(pair: Pair) -> None:
    with connected(pair.relay, RELAY_KEY, model=MODEL) as connection:
        connection.recv()
        connection.close(code=4001, reason="had enough")
        with pytest.raises(ConnectionClosedError) as caught:
            connection.recv()
    assert caught.value.rcvd == Close(4001, "had enough")


def test_the_earlier_interface_of_the_library_opens_the_same_session(pair: Pair) -> None:
    address = pair.relay.replace("http", "ws", 1)
    with (
        OpenAI(base_url=pair.relay, websocket_base_url=address, api_key=RELAY_KEY) as client,
        client.beta.realtime.connect(model=MODEL) as connection,
    ):
        event = connection.recv()
    assert isinstance(event, BetaSessionCreatedEvent)
    assert event.session.model == MODEL


def refused(base_url: str, key: str, **opening: Any) -> tuple[int, Any]:
    """The status and the error that a connection is refused with."""
    with pytest.raises(InvalidStatus) as caught, connected(base_url, key, **opening):
        pass
    response = caught.value.response
    return response.status_code, json.loads(bytes(response.body or b""))["error"]


@pytest.mark.parametrize("name", TALKS)
def test_a_wrong_key_is_the_librarys_error_with_401(name: str, pair: Pair) -> None:
    status, error = refused(pair.relay, f"{RELAY_KEY}x", resource=name, **TALKS[name].opening)
    assert (status, error["code"], error["message"]) == (401, "invalid_api_key", "Invalid relay key")


async def test_a_wrong_key_is_the_async_clients_error_too(pair: Pair) -> None:
    async with AsyncOpenAI(base_url=pair.relay, api_key="ek_nobody_made_this") as client:
        with pytest.raises(InvalidStatus) as caught:
            await client.realtime.connect(model=MODEL).enter()
    assert caught.value.response.status_code == 401


@pytest.mark.parametrize(
    ("opening", "status"),
    [
        ({"call_id": "rtc_that_nobody_made"}, 404),
        ({"extra_query": {"intent": "none"}}, 400),
        ({"model": MODEL, "extra_query": {"x-sandbox-fault": "status=429;retry-after=2"}}, 429),
    ],
)
def test_what_the_upstream_refuses_is_refused_in_its_words(
    opening: dict[str, Any], status: int, pair: Pair
) -> None:
    direct, relayed = (refused(*way, **opening) for way in keys(pair))
    assert relayed == direct
    assert relayed[0] == status


@pytest.mark.parametrize("kind", ["realtime", "transcription"])
def test_a_client_secret_opens_the_session_that_it_was_made_for(kind: Any, pair: Pair) -> None:
    opening: Any = {"model": MODEL} if kind == "realtime" else {"extra_query": {"intent": kind}}
    session: Any = {"type": kind} | ({"model": MODEL} if kind == "realtime" else {})
    with OpenAI(base_url=pair.relay, api_key=RELAY_KEY) as client:
        secret = client.realtime.client_secrets.create(session=session).value
    assert secret.startswith("ek_")
    with connected(pair.relay, secret, **opening) as connection:
        first = connection.recv()
    assert isinstance(first, SessionCreatedEvent)
    assert first.session.type == kind
    assert refused(pair.relay, f"{secret}x", **opening)[0] == 401


def test_a_client_secret_opens_nothing_but_realtime(pair: Pair) -> None:
    with OpenAI(base_url=pair.relay, api_key=RELAY_KEY) as client:
        secret = client.realtime.client_secrets.create().value
    with (
        OpenAI(base_url=pair.relay, api_key=secret, max_retries=0) as client,
        pytest.raises(AuthenticationError),
    ):
        client.models.list()
