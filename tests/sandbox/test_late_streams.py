import json
from typing import Any

import httpx
from starlette.types import Message, Receive, Scope, Send

from sandbox.app import create_app

CLOCK: Any = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}


async def test_a_stream_that_ends_late_leaves_the_run_alone() -> None:
    inner = create_app()
    submitted: list[str] = []

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_submit(message: Message) -> None:
            await send(message)
            if b"thread.run.requires_action" in message.get("body", b""):
                run = json.loads(message["body"].split(b"data: ")[1])
                [call] = run["required_action"]["submit_tool_outputs"]["tool_calls"]
                place = f"/v1/threads/{run['thread_id']}/runs/{run['id']}"
                outputs = {"tool_outputs": [{"tool_call_id": call["id"], "output": "x"}]}
                answer = await plain.post(f"{place}/submit_tool_outputs", json=outputs)
                assert answer.json()["status"] == "queued"
                submitted.append(place)

        await inner(scope, receive, send_and_submit)

    key = {"authorization": "Bearer sk-any"}
    async with (
        httpx.AsyncClient(transport=httpx.ASGITransport(inner), base_url="http://s", headers=key) as plain,
        httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://s", headers=key) as late,
    ):
        made = await plain.post("/v1/assistants", json={"model": "m"})
        asked = {"assistant_id": made.json()["id"], "stream": True, "tools": [CLOCK], "tool_choice": CLOCK}
        await late.post("/v1/threads/runs", json=asked)
        [place] = submitted
        assert (await plain.get(place)).json()["status"] == "in_progress"
