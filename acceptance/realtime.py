"""Flow G: a realtime session is opened over a WebSocket, changed, answers in events, and is closed."""

from contextlib import ExitStack
from urllib.parse import urlencode

from acceptance.answer import Unmet, equal, member
from acceptance.flow import Run
from acceptance.websocket import Event, Socket

_ASKED = "Return exactly: ping pong ping pong"
_MESSAGE = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": _ASKED}]}
_TEXT = {"type": "realtime", "output_modalities": ["text"]}
_NORMAL = 1000


def run(run: Run) -> None:
    """Show the flow; raises Stopped."""
    with run.step("a client secret is made for a session"):
        secret = _secret(run)
    with ExitStack() as stack:
        with run.step("it opens a WebSocket: session.created") as row:
            path = f"/realtime?{urlencode({'model': run.realtime_model})}"
            socket = stack.enter_context(run.client.websocket(path, secret))
            created = socket.until("session.created")[-1]
            row.detail = str(member("session.created", created, "session", "model"))
        with run.step("session.update is answered by session.updated"):
            socket.send({"type": "session.update", "session": _TEXT})
            updated = socket.until("session.updated")[-1]
            modalities = member("session.updated", updated, "session", "output_modalities")
            equal("session.updated: output_modalities", modalities, ["text"])
        with run.step("response.created, output_text.delta …, response.done") as row:
            row.detail = _answered(socket)
        with run.step("it is closed with code 1000"):
            equal(f"{socket.request}: the close code", socket.close(), _NORMAL)


def _secret(run: Run) -> str:
    session = {"type": "realtime", "model": run.realtime_model}
    answer = run.client.send("POST", "/realtime/client_secrets", json={"session": session})
    return answer.succeeded().name_at("value")


def _answered(socket: Socket) -> str:
    """Ask for a response, look at its events, and tell how many there were."""
    socket.send({"type": "conversation.item.create", "item": _MESSAGE})
    socket.send({"type": "response.create"})
    events = [one for one in socket.until("response.done") if str(one["type"]).startswith("response.")]
    equal("the first event of the response", events[0]["type"], "response.created")
    equal("the response's status", member("response.done", events[-1], "response", "status"), "completed")
    deltas = _parts(events, "response.output_text.delta", "delta")
    if len(deltas) < 2:  # noqa: PLR2004 - one delta is no stream
        raise Unmet("two events response.output_text.delta or more", str(len(deltas)))
    text = "".join(deltas)
    equal("the deltas joined", [text], _parts(events, "response.output_text.done", "text"))
    if "pong" not in text.lower():
        raise Unmet("a text with pong in it", text)
    return f"{len(events)} events"


def _parts(events: list[Event], kind: str, name: str) -> list[str]:
    return [str(member(kind, event, name)) for event in events if event["type"] == kind]
