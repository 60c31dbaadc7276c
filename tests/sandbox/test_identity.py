import re
from typing import Any

import httpx
import pytest
from openai import OpenAI

from sandbox.server import SandboxServer

CHAT = "/chat/completions"
TOOLS = [{"type": "function", "name": "f"}]
BODIES: list[tuple[str, dict[str, Any]]] = [
    (CHAT, {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}),
    (CHAT, {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "stream": True}),
    ("/responses", {"model": "m", "input": "Hello"}),
    ("/responses", {"model": "m", "input": "Hello", "stream": True}),
    ("/responses", {"model": "m", "input": "Hello", "tools": TOOLS, "tool_choice": "required"}),
    ("/embeddings", {"model": "m", "input": "Hello"}),
]


def lasting(answer: httpx.Response) -> tuple[bytes, dict[str, str]]:
    return answer.content, {name: value for name, value in answer.headers.items() if name != "date"}


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_equal_requests_get_equal_answers(
    http: httpx.Client, fresh: SandboxServer, path: str, body: dict[str, Any]
) -> None:
    here = http.post(path, json=body)
    there = httpx.post(fresh.base_url + path, json=body, headers={"authorization": "Bearer other"})
    assert here.status_code == 200
    assert lasting(here) == lasting(there)


def test_other_requests_get_other_ids(http: httpx.Client) -> None:
    answers = [http.post(path, json=body | {"user": user}) for path, body in BODIES for user in ("a", "b")]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)


def test_ids_have_openais_form(http: httpx.Client) -> None:
    answer = http.post(CHAT, json=BODIES[0][1])
    assert re.fullmatch(r"chatcmpl-[A-Za-z0-9]{29}", answer.json()["id"])
    assert re.fullmatch(r"fp_[0-9a-f]{10}", answer.json()["system_fingerprint"])
    response = http.post("/responses", json=BODIES[2][1]).json()
    assert re.fullmatch(r"resp_[0-9a-f]{48}", response["id"])
    assert re.fullmatch(r"msg_[0-9a-f]{48}", response["output"][0]["id"])
    [called] = http.post("/responses", json=BODIES[4][1]).json()["output"]
    assert re.fullmatch(r"fc_[0-9a-f]{48}", called["id"])
    assert re.fullmatch(r"call_[A-Za-z0-9]{24}", called["call_id"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", CHAT, 400), ("GET", "/models", 200), ("GET", "/x", 404), ("PUT", CHAT, 405)],
)
def test_every_answer_has_openais_headers(http: httpx.Client, method: str, path: str, status: int) -> None:
    answer = http.request(method, path, headers={"x-client-request-id": "mine"})
    assert answer.status_code == status
    assert re.fullmatch(r"req_[0-9a-f]{32}", answer.headers["x-request-id"])
    assert answer.headers["openai-processing-ms"].isdigit()
    assert answer.headers["openai-version"] == "2020-10-01"
    assert sum(name.startswith("x-ratelimit-") for name in answer.headers) == 6
    assert "x-client-request-id" not in answer.headers
    assert "server" not in answer.headers


def test_the_client_sees_the_request_id(client: OpenAI) -> None:
    request_id = client.responses.create(model="m", input="Hello")._request_id
    assert request_id is not None
    assert request_id.startswith("req_")
