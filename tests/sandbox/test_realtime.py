import time
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.surface.contract import UPSTREAM, errors

OFFER = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n"
CALLS = "/realtime/calls"
SESSION: dict[str, Any] = {"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."}


def offered(client: OpenAI) -> str:
    answer = client.realtime.calls.create(sdp=OFFER, session=SESSION)  # type: ignore[arg-type]
    assert answer.text.startswith("v=0\r\n")
    assert answer.response.headers["content-type"].startswith("application/sdp")
    return str(answer.response.headers["location"]).rpartition("/")[2]


@pytest.mark.parametrize("verb", ["hangup", "reject"])
def test_a_call_that_is_ended_is_gone(client: OpenAI, http: httpx.Client, verb: str) -> None:
    name = offered(client)
    assert name.startswith("rtc_")
    client.realtime.calls.accept(name, type="realtime")
    client.realtime.calls.refer(name, target_uri="tel:+10000000000")
    assert http.post(f"{CALLS}/{name}/{verb}").status_code == 200
    for again in ("hangup", "reject"):
        assert http.post(f"{CALLS}/{name}/{again}").status_code == 404
    with pytest.raises(openai.NotFoundError):
        client.realtime.calls.accept(name, type="realtime")


def test_an_offer_may_be_plain(http: httpx.Client) -> None:
    headers = {"content-type": "application/sdp"}
    first, second = [http.post(CALLS, content=OFFER, headers=headers) for _ in range(2)]
    assert first.status_code == 201
    assert first.headers["location"] != second.headers["location"]


@pytest.mark.parametrize("content", [b"", b" ", b"hello", b"\xff\xfe", b'{"sdp": "v=0"}'])
def test_what_is_no_offer_is_refused(http: httpx.Client, content: bytes) -> None:
    answer = http.post(CALLS, content=content, headers={"content-type": "application/sdp"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "sdp")


def test_a_secret_comes_with_its_session(client: OpenAI) -> None:
    made = client.realtime.client_secrets.create(session=SESSION)  # type: ignore[arg-type]
    other = client.realtime.client_secrets.create(session=SESSION)  # type: ignore[arg-type]
    assert made.value.startswith("ek_")
    assert made.value != other.value
    assert made.session.to_dict().items() >= SESSION.items()
    assert made.expires_at > time.time()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("create-realtime-client-secret", {"session": SESSION}),
        ("create-realtime-client-secret", {}),
        ("create-realtime-session", {"model": "gpt-realtime", "id": "x", "value": "y"}),
        ("create-realtime-transcription-session", {}),
    ],
)
def test_an_answer_is_what_the_contract_says(http: httpx.Client, name: str, body: dict[str, Any]) -> None:
    answer = http.post(UPSTREAM[name].path, json=body)
    assert answer.status_code == 200, answer.text
    assert not errors(UPSTREAM[name].answers()[200]["application/json"]["schema"], answer.json())
    assert answer.json().get("id") != "x"


def test_a_session_is_an_object(http: httpx.Client) -> None:
    answer = http.post("/realtime/client_secrets", json={"session": "x"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "session")
