"""Realtime over HTTP: calls that are offered and answered, and the secrets of clients."""

from starlette.responses import Response

from sandbox import resources
from sandbox.call import Call, Handler
from sandbox.errors import ApiError, missing
from sandbox.families import family
from sandbox.requests import check

COLLECTION = "/realtime/calls"
SDP = "application/sdp"
# The year 2100. By the sandbox's own clock, which stands still between requests, a secret would have expired
# years ago for whoever looks at another one.
_EXPIRY = 4_102_444_800


def offer(call: Call) -> Response:
    """Answer ``create-realtime-call``: an SDP answer, and in ``Location`` where the call is."""
    if call.form is not None:
        check(call)
    sdp = call.given.get("sdp") if call.form else call.body.decode(errors="replace")
    if not isinstance(sdp, str) or not sdp.strip():
        raise missing("sdp")
    if not sdp.lstrip().startswith("v="):
        raise ApiError(400, "Invalid SDP offer: a session description begins with 'v='.", param="sdp")
    kind = family(COLLECTION)
    resource = resources.resource_of(call, kind, call.fresh().made(kind.prefix))
    call.store.add(COLLECTION, resource)
    number = resource.facts["created_at"]
    answer = f"v=0\r\no=- {number} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=msid-semantic: WMS\r\n"
    location = {"location": f"/v1{COLLECTION}/{resource.id}"}
    return Response(answer, call.operation.status, location, media_type=SDP)


def accept(call: Call) -> Response:
    """Answer what is done with a call: nothing but its status; a call that was ended is gone."""
    check(call)
    resource = resources.ancestors(call)[0]
    if call.path.rpartition("/")[2] in {"hangup", "reject"}:
        call.store.remove(COLLECTION, resource.id)
    return Response(status_code=call.operation.status)


def secret(call: Call) -> Response:
    """Answer what a client opens a session with: a secret of its own, and the session as it will be."""
    check(call)
    ids = call.fresh()
    value = ids.made("ek_", 32)
    session = call.given.get("session") if isinstance(call.given.get("session"), dict) else {}
    assert isinstance(session, dict)
    facts = {"id": ids.made("sess_"), "object": "realtime.session", "expires_at": _EXPIRY, "type": "realtime"}
    both = {"value": value, "client_secret": {"value": value, "expires_at": _EXPIRY}}
    return call.answer({**facts, **resources.asked(call), **both, "session": {**facts, **session}})


HANDLERS: dict[str, Handler] = {
    "create-realtime-call": offer,
    "accept-realtime-call": accept,
    "hangup-realtime-call": accept,
    "refer-realtime-call": accept,
    "reject-realtime-call": accept,
    "create-realtime-client-secret": secret,
    "create-realtime-session": secret,
    "create-realtime-transcription-session": secret,
    "create-realtime-translation-client-secret": secret,
}
