"""A model works with the relay by itself: the functions that it calls are the operations of a group.

    python -m examples.function_tools files "Which files are there?"

RELAY_URL and RELAY_KEY in the environment say which relay; it serves the documents of its groups itself.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx
import openai


class Executor:
    """Makes requests of calls, by a group's document; `confirm` is asked before consequential ones."""

    def __init__(self, relay: httpx.Client, document: Any, confirm: Callable[[str, Any], bool]) -> None:
        self._relay = relay
        self._confirm = confirm
        self._operations = {
            operation["operationId"]: (method, path, operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }

    def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Make the request; the answer is the relay's, its errors too, from which a model learns."""
        method, path, operation = self._operations[name]
        if operation["x-openai-isConsequential"] and not self._confirm(name, arguments):
            return json.dumps({"error": {"message": "The user does not want this."}})
        body, query = dict(arguments), {}
        for parameter in operation.get("parameters", []):
            value = body.pop(parameter["name"], None)
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", quote(str(value), safe=""))
            elif value is not None:
                query[parameter["name"]] = value
        sent = body if "requestBody" in operation else None
        return self._relay.request(method, path, params=query, json=sent).text


def ask(client: openai.OpenAI, executor: Executor, tools: Any, question: str, choice: Any = "auto") -> str:
    """The model's answer to `question`, once it calls no more functions."""
    model = os.environ.get("DEFAULT_MODEL", "gpt-5.1")
    respond: Any = partial(client.responses.create, model=model, tools=tools)
    response = respond(input=question, tool_choice=choice)
    while calls := [item for item in response.output if item.type == "function_call"]:
        results = [
            {
                "type": "function_call_output",
                "call_id": call.call_id,
                "output": executor.call(call.name, json.loads(call.arguments)),
            }
            for call in calls
        ]
        response = respond(input=results, previous_response_id=response.id)
    return str(response.output_text)


def main(group: str, question: str) -> None:
    """Ask `question` of a model that has the functions of `group`."""
    url, key = os.environ["RELAY_URL"].rstrip("/"), os.environ["RELAY_KEY"]
    with httpx.Client(base_url=url, headers={"X-Relay-Key": key}, timeout=60) as relay:
        document = relay.get(f"/actions/groups/{group}.json").raise_for_status().json()
        tools = relay.get(f"/actions/groups/{group}/tools.json").raise_for_status().json()
        executor = Executor(relay, document, lambda name, given: input(f"{name} {given}? [y/n] ") == "y")
        with openai.OpenAI(base_url=f"{url}/v1", api_key=key) as client:
            sys.stdout.write(ask(client, executor, tools, question) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
