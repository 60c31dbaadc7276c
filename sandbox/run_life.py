"""The life of a run, status by status, and the events that tell of it."""

from collections.abc import Iterator
from typing import TypeAlias

from sandbox import events, resources, threads, tokens
from sandbox.bodies import JsonObject
from sandbox.call import Call
from sandbox.contract import target
from sandbox.families import family
from sandbox.ids import Ids
from sandbox.prompt import Prompt
from sandbox.render import render
from sandbox.reply import Reply
from sandbox.store import Resource

Event: TypeAlias = tuple[str, JsonObject]

DONE = b"event: done\n" + events.DONE

_STEPS = "/threads/{thread_id}/runs/{run_id}/steps"
_SCHEMAS = {
    "thread": "ThreadObject",
    "thread.message": "MessageObject",
    "thread.message.delta": "MessageDeltaObject",
    "thread.run": "RunObject",
    "thread.run.step": "RunStepObject",
    "thread.run.step.delta": "RunStepDeltaObject",
}


def frame(event: Event) -> bytes:
    """Return an event as a frame: its name, and its object by the contract's schema."""
    name, facts = event
    schema = target(f"#/components/schemas/{_SCHEMAS[facts['object']]}")
    return events.frame(render(schema, facts), name)


def queue(run: Resource, prompt: Prompt, said: Reply) -> None:
    """Put a run in the queue, on its way to say something or to wait for a function's output."""
    last = "requires_action" if said.function else "incomplete" if said.truncated else "completed"
    run.facts |= {"status": "queued", "required_action": None}
    run.steps = ["in_progress", last]
    run.hidden |= {"said": said, "prompt_tokens": prompt.tokens}
    run.size = len(said.text)


def advance(call: Call, run: Resource) -> list[Event]:
    """Move a run to its next status and return what happened on the way, the run itself last."""
    status = run.steps.pop(0)
    happened: list[Event] = []
    if status == "in_progress":
        run.facts["started_at"] = call.store.now()
    elif status == "requires_action":
        happened = list(_call_function(call, run))
    elif status == "cancelled":
        run.facts["cancelled_at"] = call.store.now()
        happened = _end_steps(call, run, "cancelled")
    else:
        happened = list(_say(call, run, status))
    run.facts["status"] = status
    return [*happened, (f"thread.run.{status}", dict(run.facts))]


def tool_calls(run: Resource) -> list[JsonObject]:
    """Return the calls whose output a run waits for."""
    calls: list[JsonObject] = run.facts["required_action"]["submit_tool_outputs"]["tool_calls"]
    return calls


def take_outputs(call: Call, run: Resource, outputs: dict[str, str]) -> list[Event]:
    """Complete the step that called functions with their outputs, by the ids of the calls."""
    for step in _open_steps(call, run):
        calls = [
            {**one, "function": {**one["function"], "output": outputs[one["id"]]}}
            for one in step.facts["step_details"]["tool_calls"]
        ]
        step.facts["step_details"] = {"type": "tool_calls", "tool_calls": calls}
    return _end_steps(call, run, "completed")


def _say(call: Call, run: Resource, status: str) -> Iterator[Event]:
    """Add the assistant's message, and the step that made it."""
    said: Reply = run.hidden["said"]
    ids = _ids(call, run)
    name = ids.made(family(threads.MESSAGES).prefix)
    step = _step(call, run, ids, {"type": "message_creation", "message_creation": {"message_id": name}})
    yield from _created(step)
    author = {"assistant_id": run.facts["assistant_id"], "run_id": run.id}
    given = {"role": "assistant", "content": said.text}
    message = threads.new_message(call, run.facts["thread_id"], given, ids, **author)
    begun = {**message.facts, "status": "in_progress", "content": []}
    yield "thread.message.created", begun
    yield "thread.message.in_progress", begun
    for index, word in enumerate(tokens.words(said.text)):
        text = {"value": word} if index else {"value": word, "annotations": []}
        content = [{"index": 0, "type": "text", "text": text}]
        yield "thread.message.delta", _delta(name, "thread.message", {"content": content})
    _end_message(call, message, status)
    yield f"thread.message.{status}", dict(message.facts)
    yield from _end_steps(call, run, "completed")
    run.facts["usage"] = _usage(run)
    if status == "completed":
        run.facts["completed_at"] = call.store.now()
    else:
        run.facts["incomplete_details"] = {"reason": "max_completion_tokens"}


def _end_message(call: Call, message: Resource, status: str) -> None:
    message.facts |= {"status": status, f"{status}_at": call.store.now()}
    if status == "incomplete":
        message.facts["incomplete_details"] = {"reason": "max_tokens"}


def _call_function(call: Call, run: Resource) -> Iterator[Event]:
    """Make the call that is forced, and the step that waits for its output."""
    said: Reply = run.hidden["said"]
    ids = _ids(call, run)
    called = {
        "id": ids.call(),
        "type": "function",
        "function": {"name": said.function, "arguments": said.text},
    }
    pending = {**called, "function": {"name": said.function, "arguments": said.text, "output": None}}
    step = _step(call, run, ids, {"type": "tool_calls", "tool_calls": []})
    yield from _created(step)
    step.facts["step_details"] = {"type": "tool_calls", "tool_calls": [pending]}
    details = {"type": "tool_calls", "tool_calls": [{"index": 0, **pending}]}
    yield "thread.run.step.delta", _delta(step.id, "thread.run.step", {"step_details": details})
    run.facts["required_action"] = {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {"tool_calls": [called]},
    }


def _created(step: Resource) -> Iterator[Event]:
    yield "thread.run.step.created", dict(step.facts)
    yield "thread.run.step.in_progress", dict(step.facts)


def _delta(name: str, kind: str, delta: JsonObject) -> JsonObject:
    return {"id": name, "object": f"{kind}.delta", "delta": delta}


def _collection(run: Resource) -> str:
    return f"{threads.THREADS}/{run.facts['thread_id']}/runs/{run.id}/steps"


def _ids(call: Call, run: Resource) -> Ids:
    """The ids of what a run makes next: they follow from its own."""
    return Ids(f"{run.id}/{len(call.store.all(_collection(run)))}", b"")


def _step(call: Call, run: Resource, ids: Ids, details: JsonObject) -> Resource:
    kind = family(_STEPS)
    step = resources.resource_of(call, kind, ids.made(kind.prefix))
    step.facts |= {name: run.facts[name] for name in ("assistant_id", "thread_id")}
    step.facts |= {
        "object": "thread.run.step",
        "run_id": run.id,
        "type": details["type"],
        "step_details": details,
    }
    return call.store.add(_collection(run), step)


def _open_steps(call: Call, run: Resource) -> list[Resource]:
    return [step for step in call.store.all(_collection(run)) if step.facts["status"] == "in_progress"]


def _end_steps(call: Call, run: Resource, status: str) -> list[Event]:
    ended = _open_steps(call, run)
    for step in ended:
        step.facts |= {"status": status, f"{status}_at": call.store.now(), "usage": _usage(run)}
    return [(f"thread.run.step.{status}", dict(step.facts)) for step in ended]


def _usage(run: Resource) -> JsonObject:
    asked, said = run.hidden["prompt_tokens"], run.hidden["said"].tokens
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
