"""The example of function tools, over the sandbox, and every function called as a model would."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from examples.function_tools import Executor, ask, main
from sandbox.instance import minimal
from tests.servers import PROJECT, RELAY_KEY, relay_over

JSON = Any
FOLDER = PROJECT / "generated" / "actions"


def load(name: str) -> JSON:
    return json.loads((FOLDER / name).read_bytes())


GROUPS = sorted(path.stem for path in FOLDER.glob("*.json") if ".tools" not in path.name)
DOCUMENTS = {group: load(f"{group}.json") for group in GROUPS}
TOOLS = {group: load(f"{group}.tools.json")["tools"] for group in GROUPS}


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    """A relay over a sandbox that nobody else uses: functions change and delete things."""
    with relay_over("sandbox:") as made:
        yield made


@pytest.fixture(scope="module")
def relay(root: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=root, headers={"X-Relay-Key": RELAY_KEY}) as made:
        yield made


@pytest.fixture(scope="module")
def client(root: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{root}/v1", api_key=RELAY_KEY, max_retries=0) as made:
        yield made


def executor(relay: httpx.Client, group: str, *, confirms: bool = True) -> Executor:
    return Executor(relay, DOCUMENTS[group], lambda _name, _arguments: confirms)


def test_a_model_calls_a_function_and_answers_with_what_it_gave(
    relay: httpx.Client, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = executor(relay, "default")
    called: list[tuple[str, JSON, str]] = []

    def call(name: str, arguments: JSON) -> str:
        called.append((name, arguments, Executor.call(made, name, arguments)))
        return called[-1][2]

    monkeypatch.setattr(made, "call", call)
    choice = {"type": "function", "name": "listModels"}
    answer = ask(client, made, TOOLS["default"], "Which models are there?", choice)
    [(name, arguments, result)] = called
    assert (name, arguments) == ("listModels", {})
    assert json.loads(result)["object"] == "list"
    assert answer


def test_arguments_go_to_the_path_the_query_and_the_body(relay: httpx.Client) -> None:
    made = executor(relay, "vector_stores")
    store = json.loads(made.call("createVectorStore", {"name": "ours", "metadata": {"a": "b"}}))
    assert (store["name"], store["metadata"]) == ("ours", {"a": "b"})
    found = json.loads(made.call("getVectorStore", {"vector_store_id": store["id"]}))
    assert found["id"] == store["id"]
    made.call("createVectorStore", {"name": "theirs"})
    assert len(json.loads(made.call("listVectorStores", {"limit": 1}))["data"]) == 1


def test_the_command_asks_the_relay_for_all_that_it_needs(
    root: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RELAY_URL", root)
    monkeypatch.setenv("RELAY_KEY", RELAY_KEY)
    main("files", "Return exactly: there are none")
    assert capsys.readouterr().out == "there are none\n"


def test_what_is_consequential_is_asked_for_first(relay: httpx.Client) -> None:
    refusing = executor(relay, "vector_stores", confirms=False)
    assert "does not want" in refusing.call("createVectorStore", {})
    assert json.loads(refusing.call("listVectorStores", {}))["object"] == "list"


CALLS = [(group, tool) for group, tools in TOOLS.items() for tool in tools]
# What these need besides what their schemas require, and what the upstream names where it is missing.
NEEDS = {
    "createResponse": "input",
    "createBatch": "input_file_id",
    "createFineTuningJob": "training_file",
}


@pytest.mark.parametrize(("group", "tool"), CALLS, ids=[f"{group}-{tool['name']}" for group, tool in CALLS])
def test_every_function_makes_a_request_that_its_operation_takes(
    relay: httpx.Client, group: str, tool: JSON
) -> None:
    statuses: list[int] = []
    relay.event_hooks["response"] = [lambda response: statuses.append(response.status_code)]
    arguments: JSON = minimal(tool["parameters"], "parameters")
    answer = executor(relay, group).call(tool["name"], arguments)
    if "openaiFileIdRefs" in tool["parameters"]["properties"] and statuses == [400]:
        assert json.loads(answer)["error"]["code"] == "missing_required_parameter", (arguments, answer)
    elif statuses == [400]:
        assert json.loads(answer)["error"]["param"] == NEEDS.get(tool["name"]), (arguments, answer)
    elif tool["name"] == "proxyRequest":  # the least that it takes names no operation
        assert json.loads(answer)["error"]["code"] == "operation_not_allowed"
    else:
        assert statuses in ([200], [201], [204], [404]), (arguments, answer)
