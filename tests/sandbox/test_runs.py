import json
from typing import Any

import httpx
import pytest
from openai import AssistantEventHandler, BadRequestError, NotFoundError, OpenAI
from openai.types.beta.threads import Run

from sandbox.contract import operations, target
from sandbox.events import DELAY_HEADER
from sandbox.render import valid
from tests.sandbox.conftest import events
from tests.sandbox.test_streams import wait_for

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

CLOCK: Any = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}
TEXT_EVENTS = [
    "thread.run.created",
    "thread.run.queued",
    "thread.run.in_progress",
    "thread.run.step.created",
    "thread.run.step.in_progress",
    "thread.message.created",
    "thread.message.in_progress",
    "thread.message.delta",
    "thread.message.delta",
    "thread.message.completed",
    "thread.run.step.completed",
    "thread.run.completed",
]
TOOL_EVENTS = [
    *TEXT_EVENTS[:5],
    "thread.run.step.delta",
    "thread.run.requires_action",
]


@pytest.fixture(scope="module")
def assistant(client: OpenAI) -> str:
    with pytest.warns(DeprecationWarning, match="deprecated"):
        return client.beta.assistants.create(model="m", instructions="Be brief.").id


@pytest.fixture
def thread(client: OpenAI) -> str:
    return client.beta.threads.create(messages=[{"role": "user", "content": "Say exactly: one two"}]).id


def judged(body: str) -> list[str]:
    """Return the names of a stream's events, each of them valid by the contract."""
    *found, last = events(body)
    assert last == ("done", "[DONE]")
    for name, data in found:
        event = {"event": name, "data": json.loads(data)}
        assert valid(target("#/components/schemas/AssistantStreamEvent"), event), event
    return [str(name) for name, _ in found]


def text_of(client: OpenAI, thread: str) -> str:
    """Return the text of a thread's newest message."""
    [part] = next(iter(client.beta.threads.messages.list(thread))).content
    assert part.type == "text"
    return part.text.value


def test_a_run_advances_when_it_is_looked_at(client: OpenAI, assistant: str, thread: str) -> None:
    runs = client.beta.threads.runs
    made = runs.create(thread, assistant_id=assistant)
    assert (made.status, made.model, made.instructions) == ("queued", "m", "Be brief.")
    assert (made.usage, made.required_action, made.last_error) == (None, None, None)
    assert [one.status for one in runs.list(thread)] == ["queued"]
    seen = [runs.retrieve(made.id, thread_id=thread) for _ in range(3)]
    assert [one.status for one in seen] == ["in_progress", "completed", "completed"]
    assert seen[-1].usage is not None
    assert seen[-1].usage.total_tokens == seen[-1].usage.prompt_tokens + 2
    assert (seen[-1].started_at or 0) < (seen[-1].completed_at or 0)


def test_a_completed_run_has_said_something(
    client: OpenAI, http: httpx.Client, assistant: str, thread: str
) -> None:
    run = client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant)
    assert run.status == "completed"
    assert text_of(client, thread) == "one two"
    [message] = client.beta.threads.messages.list(thread, run_id=run.id)
    assert (message.role, message.assistant_id, message.run_id) == ("assistant", assistant, run.id)
    [step] = client.beta.threads.runs.steps.list(run.id, thread_id=thread)
    assert (step.type, step.status) == ("message_creation", "completed")
    assert step.to_dict()["usage"] == run.to_dict()["usage"]
    assert step.to_dict()["step_details"]["message_creation"] == {"message_id": message.id}  # type: ignore[index]
    found = client.beta.threads.runs.steps.retrieve(step.id, thread_id=thread, run_id=run.id)
    assert found.to_dict() == step.to_dict()
    place = f"/threads/{thread}/runs/{run.id}"
    assert valid(operations()["getRun"].answer or {}, http.get(place).json())
    assert valid(operations()["listRunSteps"].answer or {}, http.get(f"{place}/steps").json())


def test_a_thread_and_its_run_are_made_at_once(client: OpenAI, assistant: str) -> None:
    run = client.beta.threads.create_and_run_poll(
        assistant_id=assistant, thread={"messages": [{"role": "user", "content": "Say exactly: here"}]}
    )
    assert run.status == "completed"
    assert text_of(client, run.thread_id) == "here"


def test_a_run_says_what_its_request_says(client: OpenAI, assistant: str, thread: str) -> None:
    run = client.beta.threads.runs.create(
        thread,
        assistant_id=assistant,
        model="n",
        additional_instructions="Hurry.",
        additional_messages=[{"role": "user", "content": "Say exactly: more"}],
        metadata={"a": "b"},
    )
    assert (run.model, run.instructions, run.metadata) == ("n", "Be brief.\nHurry.", {"a": "b"})
    assert client.beta.threads.runs.poll(run.id, thread_id=thread).status == "completed"
    assert text_of(client, thread) == "more"
    changed = client.beta.threads.runs.update(run.id, thread_id=thread, metadata={"c": "d"})
    assert (changed.metadata, changed.status) == ({"c": "d"}, "completed")


def test_a_limit_leaves_a_run_incomplete(client: OpenAI, assistant: str) -> None:
    said = "x" * 2_000
    thread = client.beta.threads.create(messages=[{"role": "user", "content": f"Say exactly: {said}"}]).id
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread, assistant_id=assistant, max_completion_tokens=256
    )
    assert run.status == "incomplete"
    assert run.incomplete_details is not None
    assert run.incomplete_details.reason == "max_completion_tokens"
    assert text_of(client, thread) == said[: 256 * 4]


def forced(client: OpenAI, assistant: str, thread: str) -> tuple[Run, str]:
    """Return a run that waits for its tool, and the id of the call."""
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread, assistant_id=assistant, tools=[CLOCK], tool_choice="required"
    )
    assert run.status == "requires_action"
    assert run.required_action is not None
    [call] = run.required_action.submit_tool_outputs.tool_calls
    assert (call.function.name, call.function.arguments) == ("clock", "{}")
    return run, call.id


def test_a_forced_function_waits_for_its_output(client: OpenAI, assistant: str, thread: str) -> None:
    run, call = forced(client, assistant, thread)
    done = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread, tool_outputs=[{"tool_call_id": call, "output": "noon"}]
    )
    assert (done.status, done.required_action) == ("completed", None)
    assert text_of(client, thread) == "one two"
    called, said = client.beta.threads.runs.steps.list(run.id, thread_id=thread, order="asc")
    assert (called.type, called.status, said.type) == ("tool_calls", "completed", "message_creation")
    [one] = called.to_dict()["step_details"]["tool_calls"]  # type: ignore[index]
    assert one["function"] == {"name": "clock", "arguments": "{}", "output": "noon"}


def test_only_the_output_that_is_waited_for_is_taken(client: OpenAI, assistant: str, thread: str) -> None:
    runs = client.beta.threads.runs
    run, call = forced(client, assistant, thread)
    twice = [{"tool_call_id": call, "output": "x"}, {"tool_call_id": call, "output": "y"}]
    for given in ([], [{"tool_call_id": "call_0", "output": "x"}], twice):
        with pytest.raises(BadRequestError, match="Expected tool outputs for call_ids"):
            runs.submit_tool_outputs(run.id, thread_id=thread, tool_outputs=given)  # type: ignore[arg-type]
    runs.submit_tool_outputs(run.id, thread_id=thread, tool_outputs=[{"tool_call_id": call, "output": "x"}])
    with pytest.raises(BadRequestError, match='Runs in status "queued" do not accept tool outputs'):
        runs.submit_tool_outputs(run.id, thread_id=thread, tool_outputs=[])


def test_a_run_is_cancelled_when_it_is_next_looked_at(client: OpenAI, assistant: str, thread: str) -> None:
    runs = client.beta.threads.runs
    run, _ = forced(client, assistant, thread)
    assert runs.cancel(run.id, thread_id=thread).status == "cancelling"
    with pytest.raises(BadRequestError, match="Cannot cancel run with status 'cancelling'"):
        runs.cancel(run.id, thread_id=thread)
    seen = runs.retrieve(run.id, thread_id=thread)
    assert seen.status == "cancelled"
    assert seen.cancelled_at is not None
    assert [step.status for step in runs.steps.list(run.id, thread_id=thread)] == ["cancelled"]
    with pytest.raises(BadRequestError, match="Cannot cancel run with status 'cancelled'"):
        runs.cancel(run.id, thread_id=thread)


def test_an_active_run_has_its_thread_for_itself(client: OpenAI, assistant: str, thread: str) -> None:
    run = client.beta.threads.runs.create(thread, assistant_id=assistant)
    with pytest.raises(BadRequestError, match=f"Thread {thread} already has an active run {run.id}."):
        client.beta.threads.runs.create(thread, assistant_id=assistant)
    with pytest.raises(BadRequestError, match=f"Can't add messages to {thread} while a run {run.id}"):
        client.beta.threads.messages.create(thread, role="user", content="Hello")
    client.beta.threads.runs.poll(run.id, thread_id=thread)
    client.beta.threads.messages.create(thread, role="user", content="Hello")
    assert client.beta.threads.runs.create(thread, assistant_id=assistant).id != run.id


def test_what_a_run_names_has_to_be_there(client: OpenAI, assistant: str, thread: str) -> None:
    with pytest.raises(NotFoundError, match="No assistant found with id 'asst_0'"):
        client.beta.threads.runs.create(thread, assistant_id="asst_0")
    with pytest.raises(NotFoundError, match="No thread found with id 'thread_0'"):
        client.beta.threads.runs.create("thread_0", assistant_id=assistant)
    with pytest.raises(NotFoundError, match="No run found with id 'run_0'"):
        client.beta.threads.runs.retrieve("run_0", thread_id=thread)


class Heard(AssistantEventHandler):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.calls: list[str] = []

    def on_event(self, event: Any) -> None:
        self.names.append(event.event)

    def on_tool_call_created(self, tool_call: Any) -> None:
        self.calls.append(tool_call.function.name)


def test_openais_client_reads_the_stream_of_a_run(client: OpenAI, assistant: str, thread: str) -> None:
    heard = Heard()
    with client.beta.threads.runs.stream(
        thread_id=thread, assistant_id=assistant, event_handler=heard
    ) as stream:
        assert "".join(stream.text_deltas) == "one two"
        [message] = stream.get_final_messages()
        assert stream.get_final_run().status == "completed"
    assert heard.names == TEXT_EVENTS
    assert client.beta.threads.messages.retrieve(message.id, thread_id=thread) == message
    assert client.beta.threads.runs.retrieve(message.run_id or "", thread_id=thread).status == "completed"


def test_openais_client_reads_the_stream_of_a_call(client: OpenAI, assistant: str, thread: str) -> None:
    heard, more = Heard(), Heard()
    with client.beta.threads.runs.stream(
        thread_id=thread, assistant_id=assistant, tools=[CLOCK], tool_choice=CLOCK, event_handler=heard
    ) as stream:
        run = stream.get_final_run()
    assert (heard.names, heard.calls, run.status) == (TOOL_EVENTS, ["clock"], "requires_action")
    assert run.required_action is not None
    [call] = run.required_action.submit_tool_outputs.tool_calls
    with client.beta.threads.runs.submit_tool_outputs_stream(
        run_id=run.id,
        thread_id=thread,
        tool_outputs=[{"tool_call_id": call.id, "output": "noon"}],
        event_handler=more,
    ) as stream:
        assert stream.get_final_run().status == "completed"
    assert more.names == ["thread.run.step.completed", *TEXT_EVENTS[1:]]


def test_every_event_is_valid(http: httpx.Client, assistant: str) -> None:
    asked: dict[str, Any] = {
        "assistant_id": assistant,
        "stream": True,
        "thread": {"messages": [{"role": "user", "content": "Say exactly: one two"}]},
    }
    answer = http.post("/threads/runs", json=asked)
    assert judged(answer.text) == ["thread.created", *TEXT_EVENTS]
    answer = http.post("/threads/runs", json={**asked, "tools": [CLOCK], "tool_choice": "required"})
    assert judged(answer.text) == ["thread.created", *TOOL_EVENTS]
    run = json.loads(events(answer.text)[-2][1])
    [call] = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    outputs = {"tool_outputs": [{"tool_call_id": call["id"], "output": "x"}], "stream": True}
    place = f"/threads/{run['thread_id']}/runs/{run['id']}/submit_tool_outputs"
    assert judged(http.post(place, json=outputs).text)[-1] == "thread.run.completed"


def test_a_run_whose_stream_is_left_goes_on_to_its_end(client: OpenAI, assistant: str, thread: str) -> None:
    slow = {DELAY_HEADER: "10000"}
    runs = client.beta.threads.runs
    with runs.create(thread, assistant_id=assistant, stream=True, extra_headers=slow) as stream:
        first = next(iter(stream))
    assert first.event == "thread.run.created"
    # Other than retrieving it, listing does not move a run.
    wait_for(lambda: [run.status for run in runs.list(thread)] == ["completed"])
    assert text_of(client, thread) == "one two"
    assert len(list(client.beta.threads.messages.list(thread))) == 2
