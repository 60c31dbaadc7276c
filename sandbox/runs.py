"""Runs over threads: made, watched, given what their tools put out, cancelled."""

from collections import deque
from collections.abc import Iterator

from starlette.responses import Response

from sandbox import fields, formats, reply, resources, run_life, threads, tools
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.errors import ApiError
from sandbox.families import family
from sandbox.ids import Ids
from sandbox.prompt import from_messages
from sandbox.reply import Format
from sandbox.requests import check
from sandbox.store import Resource

ASSISTANTS = "/assistants"
RUNS = "/threads/{thread_id}/runs"
MIN_TOKENS = 256
POLL_MS = 20
_LIFE_SECONDS = 600

_FROM_REQUEST = (
    "instructions",
    "max_completion_tokens",
    "max_prompt_tokens",
    "metadata",
    "model",
    "parallel_tool_calls",
    "response_format",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
    "truncation_strategy",
)
_FROM_ASSISTANT = ("instructions", "model", "response_format", "temperature", "tools", "top_p")


def create(call: Call) -> Response:
    """Answer ``createRun``: a queued run, or with ``stream`` all that happens in it."""
    check(call)
    [thread] = resources.ancestors(call)
    if run := threads.active_run(call.store, thread):
        raise ApiError(400, f"Thread {thread.id} already has an active run {run.id}.")
    assistant = _assistant(call)
    more = threads.checked(call.given.get("additional_messages"), "additional_messages")
    ids = call.fresh()
    threads.add_messages(call, thread, more, ids.made("messages_"))
    return _answer(call, _new(call, thread, assistant, ids), ["thread.run.created", "thread.run.queued"])


def create_with_thread(call: Call) -> Response:
    """Answer ``createThreadAndRun``."""
    check(call)
    assistant = _assistant(call)
    thread = threads.new_thread(call, call.given.get("thread") or {}, "thread")
    run = _new(call, thread, assistant, Ids(thread.id, b"run"))
    if call.given.get("tool_resources"):
        thread.facts["tool_resources"] = call.given["tool_resources"]
    created = ["thread.created", "thread.run.created", "thread.run.queued"]
    return _answer(call, run, created, thread)


def retrieve(call: Call) -> Response:
    """Answer ``getRun``: a run one step further on its way, and when to ask again."""
    run = resources.found(call)
    if run.steps and not call.head:
        run_life.advance(call, run)
    response = call.answer(run.facts)
    response.headers["openai-poll-after-ms"] = str(POLL_MS)
    return response


def submit(call: Call) -> Response:
    """Answer ``submitToolOuputsToRun``: the run goes on when every call has its output, and only these."""
    check(call)
    run = resources.found(call)
    status = run.facts["status"]
    if status != "requires_action":
        raise ApiError(400, f'Runs in status "{status}" do not accept tool outputs.')
    outputs = _outputs(call)
    expected = [one["id"] for one in run_life.tool_calls(run)]
    if sorted(name for name, _ in outputs) != sorted(expected):
        message = f"Expected tool outputs for call_ids {expected}, got {[name for name, _ in outputs]}"
        raise ApiError(400, message, param="tool_outputs")
    completed = run_life.take_outputs(call, run, dict(outputs))
    _decide(call, run, forced=False)
    return _answer(call, run, ["thread.run.queued"], before=completed)


def cancel(call: Call) -> Response:
    """Answer ``cancelRun``: the run is cancelled when it is next looked at."""
    run = resources.found(call)
    status = run.facts["status"]
    if status not in threads.ACTIVE or status == "cancelling":
        raise ApiError(400, f"Cannot cancel run with status '{status}'.")
    run.facts |= {"status": "cancelling", "required_action": None}
    run.steps[:] = ["cancelled"]
    return call.answer(run.facts)


def _assistant(call: Call) -> Resource:
    """The assistant of a request to run, whose numbers are judged as well."""
    fields.bounded(call.given, "max_completion_tokens", MIN_TOKENS)
    name = fields.named(call.given, "assistant_id")
    assistant = call.store.find(ASSISTANTS, name)
    if assistant is None:
        raise family(ASSISTANTS).unknown(name)
    return assistant


def _new(call: Call, thread: Resource, assistant: Resource, ids: Ids) -> Resource:
    kind = family(RUNS)
    run = resources.resource_of(call, kind, ids.made(kind.prefix))
    run.facts |= {"object": "thread.run", "thread_id": thread.id, "assistant_id": assistant.id}
    run.facts["expires_at"] = run.facts["created_at"] + _LIFE_SECONDS
    for source, names in ((assistant.facts, _FROM_ASSISTANT), (call.given, _FROM_REQUEST)):
        run.facts |= {name: source[name] for name in names if source.get(name) is not None}
    if more := call.given.get("additional_instructions"):
        run.facts["instructions"] = "\n".join(filter(None, [run.facts["instructions"], more]))
    _decide(call, run, forced=True)
    return call.store.add(f"{threads.THREADS}/{thread.id}/runs", run)


def _decide(call: Call, run: Resource, *, forced: bool) -> None:
    """Put a run in the queue, with what it will say; a function is forced once, not after its output."""
    facts = run.facts
    guide = [{"role": "system", "content": facts["instructions"]}]
    prompt = from_messages([*guide, *threads.turns(call.store, facts["thread_id"])])
    function = None
    if forced and facts["tool_choice"] != "auto":
        function = tools.forced(facts, wrapped=True)
    said = reply.decide(prompt, call.headers, function, _format(facts)).limited(
        facts["max_completion_tokens"]
    )
    run_life.queue(run, prompt, said)


def _format(facts: JsonObject) -> Format:
    form = facts.get("response_format")
    return formats.of_chat({"response_format": form if isinstance(form, dict) else None})


def _outputs(call: Call) -> list[tuple[str, str]]:
    given = fields.objects(call.given["tool_outputs"], "tool_outputs")
    for index, one in enumerate(given):
        within = f"tool_outputs[{index}]"
        fields.require(one, ["tool_call_id"], within=within)
        fields.check(one, {"tool_call_id": fields.STRING, "output": fields.STRING}, within=within)
    return [(one["tool_call_id"], one.get("output") or "") for one in given]


def _answer(
    call: Call,
    run: Resource,
    opening: list[str],
    thread: Resource | None = None,
    before: list[run_life.Event] | None = None,
) -> Response:
    if call.given.get("stream") is not True:
        return call.answer(run.facts)
    made = [
        (name, thread.facts if thread and name == "thread.created" else dict(run.facts)) for name in opening
    ]
    frames = _frames(call, run, [*(before or []), *made])
    stream = call.stream(frames)
    # A run goes on when its client has left: the thread would else be blocked.
    stream.ended = lambda: deque(frames, maxlen=0).clear()
    return stream


def _frames(call: Call, run: Resource, first: list[run_life.Event]) -> Iterator[bytes]:
    """What happened first, and then what happens until the run ends or waits for its tools."""
    # Outputs that are submitted queue new steps, which another answer tells, however late this one ends.
    steps = run.steps
    yield from map(run_life.frame, first)
    while steps:
        yield from map(run_life.frame, run_life.advance(call, run))
    yield run_life.DONE


HANDLERS: dict[str, Handler] = {
    "createRun": create,
    "createThreadAndRun": create_with_thread,
    "getRun": retrieve,
    "submitToolOuputsToRun": submit,
    "cancelRun": cancel,
}
