"""Calls: session descriptions and forms cross the relay byte for byte, and so do their answers."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.relay.wire import LAST_CHUNK, ask, chunk
from tests.servers import REAL_KEY, Recorder, answering

CALLS = "/v1/realtime/calls"
SDP = "content-type: application/sdp"
OFFER = b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=\xc3\xa9\xff\r\nt=0 0\r\na=x:\x00\r\n"
ANSWER = b"v=0\r\no=- 9 2 IN IP4 127.0.0.1\r\ns=-\r\na=ice-ufrag:\xfe\r\n"
LOCATION = b"/v1/realtime/calls/rtc_u1?x=%2F"
FORM = (
    b'--b "x\r\nContent-Disposition: form-data; name="sdp"\r\nContent-Type: application/sdp\r\n\r\n'
    + OFFER
    + b'\r\n--b "x\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=session\r\n\r\n'
    b'{"type":"realtime", "model":"gpt-realtime"}\r\n--b "x--\r\n'
)
MULTIPART = 'content-type: multipart/form-data; boundary="b \\"x"'


@pytest.fixture
def answered(recorder: Recorder) -> Recorder:
    """An upstream that answers a call."""
    fields = [(b"content-type", b"application/sdp"), (b"location", LOCATION), (b"x-request-id", b"req_1")]
    recorder.reply = answering(ANSWER, 201, fields)
    return recorder


@pytest.mark.parametrize(
    ("field", "body"),
    [(SDP, OFFER), ("content-type: Application/SDP; charset=utf-8", OFFER), (MULTIPART, FORM)],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_an_offer_and_its_answer_pass_as_they_are(
    relay: str, answered: Recorder, field: str, body: bytes, *, chunked: bool
) -> None:
    sent, framing = body, [f"content-length: {len(body)}"]
    if chunked:
        sent, framing = chunk(body[:7]) + chunk(body[7:]) + LAST_CHUNK, ["transfer-encoding: chunked"]
    answer = ask(relay, "POST", f"{CALLS}?model=gpt-realtime&a=%2F", field, *framing, body=sent)
    assert (answer.status, answer.body) == (201, ANSWER)
    assert answer.all("content-type", "location") == ["application/sdp", LOCATION.decode()]
    [seen] = answered.seen
    assert (seen.method, seen.target, seen.body) == (
        "POST",
        f"{CALLS}?model=gpt-realtime&a=%2F".encode(),
        body,
    )
    assert seen.header(b"content-type") == [field.partition(": ")[2].encode()]
    assert seen.header(b"authorization") == [f"Bearer {REAL_KEY}".encode()]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=200))
def test_no_offer_is_read_on_its_way(relay: str, recorder: Recorder, body: bytes) -> None:
    recorder.seen.clear()
    recorder.reply = answering(body, 201, [(b"content-type", b"application/sdp")])
    assert ask(relay, "POST", CALLS, SDP, body=body).body == body
    assert recorder.seen[0].body == body


@pytest.mark.parametrize("field", ["content-type: application/json", "content-type: text/plain", "x-a: b"])
def test_an_offer_of_another_type_is_refused(relay: str, recorder: Recorder, field: str) -> None:
    answer = ask(relay, "POST", CALLS, field, body=OFFER)
    assert (answer.status, answer.error["code"]) == (415, "unsupported_media_type")
    assert not recorder.seen


def test_a_refusal_of_the_upstreams_passes_as_it_is(relay: str, recorder: Recorder) -> None:
    body = b'{"error": {"message": "no", "type": "invalid_request_error", "param": "sdp", "code": null}}'
    recorder.reply = answering(body, 400)
    answer = ask(relay, "POST", CALLS, SDP, body=b"hello")
    assert (answer.status, answer.body) == (400, body)


@pytest.mark.parametrize("verb", ["accept", "hangup", "refer", "reject"])
def test_what_is_done_with_a_call_is_forwarded(relay: str, recorder: Recorder, verb: str) -> None:
    bodies = {"accept": b'{"type": "realtime"}', "refer": b'{"target_uri": "tel:+1"}'}
    body = bodies.get(verb, b"")
    fields = ["content-type: application/json"] if body else []
    assert ask(relay, "POST", f"{CALLS}/rtc_%31/{verb}", *fields, body=body).status == 200
    [seen] = recorder.seen
    assert (seen.target, seen.body) == (f"{CALLS}/rtc_%31/{verb}".encode(), body)
