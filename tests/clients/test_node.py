"""OpenAI's Node library over WebSockets: what it hears through the relay is what the upstream said."""

import json
from typing import Any

import pytest

from tests.clients.stage import paired
from tests.clients.talk import TALKS
from tests.clients.tls import Fronts
from tests.evidence import record
from tests.parity.npm import installed, run
from tests.servers import RELAY_KEY

# By class of the library: the conversation that is held with it.
CLIENTS = {
    "OpenAIRealtimeWS": "realtime",
    "OpenAIRealtimeWebSocket": "realtime",
    "OpenAIRealtimeTranslationWS": "realtime.translations",
    "ResponsesWS": "responses",
}
# The others know of a refusal that there was one.
TOLD_THE_STATUS = {"OpenAIRealtimeWS", "ResponsesWS"}
Line = dict[str, Any]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Line]:
    """What the script said of each client and each way to the upstream; one process for all of them."""
    installed()
    fronts = Fronts(tmp_path_factory.mktemp("tls"))
    told = {
        name: {"opening": talk.opening, "first": talk.first, "turns": talk.turns}
        for name, talk in TALKS.items()
    }
    # Of this library, all but one class open nothing but TLS.
    with paired() as pair, fronts.before(pair.direct) as direct, fronts.before(pair.relay) as relay:
        said = run(
            "node",
            "--experimental-websocket",
            "talk.mjs",
            direct,
            relay,
            RELAY_KEY,
            told=json.dumps(told),
            NODE_EXTRA_CA_CERTS=str(fronts.certificate),
        )
    found = [json.loads(line) for line in said.splitlines()]
    return {(line["name"], line["side"]): line for line in found}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_conversation_is_the_one_that_the_upstream_held(
    client: str, lines: dict[tuple[str, str], Line]
) -> None:
    direct, relayed = lines[client, "direct"], lines[client, "relay"]
    assert {**direct, "side": "relay"} == relayed
    talk = TALKS[CLIENTS[client]]
    talk.check(relayed["heard"])
    assert relayed["closed"] == 1000
    record(talk.operation, "openai-node", 101)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_wrong_key_is_the_librarys_error(client: str, lines: dict[tuple[str, str], Line]) -> None:
    line = lines[client, "a wrong key"]
    assert line["heard"] == []
    [error] = line["errors"]
    assert client not in TOLD_THE_STATUS or error == "Unexpected server response: 401"


@pytest.mark.parametrize("client", ["OpenAIRealtimeWS", "OpenAIRealtimeWebSocket"])
def test_a_client_secret_opens_the_session_that_it_was_made_for(
    client: str, lines: dict[tuple[str, str], Line]
) -> None:
    TALKS["realtime"].check(lines[client, "a secret"]["heard"])
