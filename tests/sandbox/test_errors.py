import json
import socket
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from sandbox.bodies import MAX_BYTES
from sandbox.server import SandboxServer
from tests.sandbox.conftest import Contract

CHAT = "/chat/completions"
ASKED = [{"role": "user", "content": "Hello"}]
VALID: dict[str, dict[str, Any]] = {
    CHAT: {"model": "m", "messages": ASKED},
    "/responses": {"model": "m", "input": "Hello"},
    "/embeddings": {"model": "m", "input": "Hello"},
}
FUNCTION = {"type": "function", "name": "f"}
ENDLESS = {
    "$ref": "#/$defs/node",
    "$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}, "required": ["next"]}},
}


def refused(answer: httpx.Response, status: int, contract: Contract) -> Any:
    assert answer.status_code == status, answer.text
    contract.judge("ErrorResponse", answer.json())
    assert answer.json()["error"]["type"] == "invalid_request_error"
    return answer.json()["error"]


@pytest.mark.parametrize("given", [None, "", "Bearer", "Basic c2s6", "sk-any"])
def test_without_a_bearer_token_nothing_is_answered(
    sandbox: SandboxServer, contract: Contract, given: str | None
) -> None:
    headers = {} if given is None else {"authorization": given}
    answer = httpx.post(sandbox.base_url + CHAT, json=VALID[CHAT], headers=headers)
    error = refused(answer, 401, contract)
    assert (error["param"], error["code"]) == (None, None)
    assert answer.headers["www-authenticate"]


def test_the_client_raises_for_a_missing_key(sandbox: SandboxServer) -> None:
    with OpenAI(api_key="sk-any", base_url=sandbox.base_url, max_retries=0) as client:
        headers = {"Authorization": openai.Omit()}
        with pytest.raises(openai.AuthenticationError):
            client.models.list(extra_headers=headers)


@pytest.mark.parametrize("path", ["/x", "/models/a/b", "/models/", "/responses/resp_1/x", ""])
def test_an_unknown_path_is_named(http: httpx.Client, contract: Contract, path: str) -> None:
    error = refused(http.get(http.base_url.join(str(http.base_url).rstrip("/") + path)), 404, contract)
    assert f"GET /v1{path}" in error["message"]
    assert error["code"] == "unknown_url"


def test_the_client_raises_for_an_unknown_id(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_1")


@pytest.mark.parametrize(("method", "path"), [("PUT", CHAT), ("DELETE", "/responses"), ("POST", "/models")])
def test_a_wrong_method_is_refused(http: httpx.Client, contract: Contract, method: str, path: str) -> None:
    answer = http.request(method, path)
    assert refused(answer, 405, contract)["code"] == "method_not_supported"
    assert answer.headers["allow"] in ("POST", "GET, HEAD", "GET, HEAD, POST")


@pytest.mark.parametrize("path", VALID)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'\xef\xbb\xbf{"model": "m"}',
        b'{"model": NaN}',
        b'{"model": -Infinity}',
        b'{"model": 1e999}',
        b'{"model": ' + b"9" * 5000 + b"}",
        b'{"model": "\\ud800"}',
        b"[" * 200_000,
        b'{"model": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"model": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"model": "m"} x',
    ],
)
def test_what_is_no_json_is_refused(http: httpx.Client, contract: Contract, path: str, body: bytes) -> None:
    assert "could not parse the JSON" in refused(http.post(path, content=body), 400, contract)["message"]


@pytest.mark.parametrize("path", VALID)
@pytest.mark.parametrize("body", [None, [], "text", 1, 1.5, True])
def test_what_is_no_object_is_refused(
    http: httpx.Client, contract: Contract, path: str, body: object
) -> None:
    answer = http.post(path, content=json.dumps(body))
    assert refused(answer, 400, contract)["code"] == "invalid_type"


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, body in VALID.items() for name in body])
@pytest.mark.parametrize("null", [False, True])
def test_a_required_field_is_missed(
    http: httpx.Client, contract: Contract, path: str, name: str, *, null: bool
) -> None:
    body = {key: value for key, value in VALID[path].items() if key != name} | ({name: None} if null else {})
    error = refused(http.post(path, json=body), 400, contract)
    assert (error["param"], error["code"]) == (name, "missing_required_parameter")


@pytest.mark.parametrize(
    ("path", "fields", "param", "code"),
    [
        (CHAT, {"model": 1}, "model", "invalid_type"),
        (CHAT, {"model": ""}, "model", "empty_string"),
        (CHAT, {"messages": "Hello"}, "messages", "invalid_type"),
        (CHAT, {"messages": []}, "messages", "empty_array"),
        (CHAT, {"messages": ["Hello"]}, "messages[0]", "invalid_type"),
        (CHAT, {"messages": [{}]}, "messages[0].role", "missing_required_parameter"),
        (CHAT, {"messages": [{"role": 1}]}, "messages[0].role", "invalid_type"),
        (CHAT, {"messages": [{"role": "boss"}]}, "messages[0].role", "invalid_value"),
        (CHAT, {"messages": [{"role": "user", "content": 1}]}, "messages[0].content", "invalid_type"),
        (CHAT, {"messages": [{"role": "user", "content": [1]}]}, "messages[0].content[0]", "invalid_type"),
        (
            CHAT,
            {"messages": [{"role": "user", "content": [{"text": 1}]}]},
            "messages[0].content[0].text",
            "invalid_type",
        ),
        (CHAT, {"stream": "yes"}, "stream", "invalid_type"),
        (CHAT, {"n": 0}, "n", "integer_below_min_value"),
        (CHAT, {"service_tier": "best"}, "service_tier", "invalid_value"),
        ("/responses", {"service_tier": ""}, "service_tier", "invalid_value"),
        (CHAT, {"n": 129}, "n", "integer_above_max_value"),
        (CHAT, {"n": True}, "n", "invalid_type"),
        (CHAT, {"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        (CHAT, {"temperature": 2.5}, "temperature", "decimal_above_max_value"),
        (CHAT, {"top_p": -0.5}, "top_p", "decimal_below_min_value"),
        (CHAT, {"stop": [1]}, "stop[0]", "invalid_type"),
        (CHAT, {"stop": ["a"] * 5}, "stop", "array_above_max_length"),
        (CHAT, {"tools": [1]}, "tools[0]", "invalid_type"),
        (CHAT, {"tools": [{}]}, "tools[0].type", "missing_required_parameter"),
        (CHAT, {"tools": [FUNCTION]}, "tools[0].function", "missing_required_parameter"),
        (
            CHAT,
            {"tools": [{"type": "function", "function": {}}]},
            "tools[0].function.name",
            "missing_required_parameter",
        ),
        (CHAT, {"tool_choice": "auto"}, "tool_choice", None),
        (CHAT, {"tools": [{"type": "custom"}], "tool_choice": "always"}, "tool_choice", "invalid_value"),
        (CHAT, {"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
        (
            CHAT,
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema",
            "missing_required_parameter",
        ),
        (
            CHAT,
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": ENDLESS}}},
            "response_format.json_schema.schema",
            "invalid_schema",
        ),
        ("/responses", {"model": {}}, "model", "invalid_type"),
        ("/responses", {"input": 1}, "input", "invalid_type"),
        ("/responses", {"input": ["Hello"]}, "input[0]", "invalid_type"),
        ("/responses", {"input": [{}]}, "input[0].role", "missing_required_parameter"),
        ("/responses", {"input": [{"role": "user", "content": {}}]}, "input[0].content", "invalid_type"),
        ("/responses", {"max_output_tokens": 15}, "max_output_tokens", "integer_below_min_value"),
        ("/responses", {"top_logprobs": 21}, "top_logprobs", "integer_above_max_value"),
        ("/responses", {"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
        ("/responses", {"prompt": {}}, "prompt.id", "missing_required_parameter"),
        ("/responses", {"conversation": {"id": 1}}, "conversation.id", "invalid_type"),
        ("/responses", {"tools": [{"type": "function"}]}, "tools[0].name", "missing_required_parameter"),
        ("/responses", {"tool_choice": "required"}, "tool_choice", None),
        ("/responses", {"tools": [FUNCTION], "tool_choice": {**FUNCTION, "name": "g"}}, "tool_choice", None),
        (
            "/responses",
            {"text": {"format": {"type": "json_schema"}}},
            "text.format.name",
            "missing_required_parameter",
        ),
        (
            "/responses",
            {"tools": [{**FUNCTION, "parameters": ENDLESS}], "tool_choice": "required"},
            "tools[0].parameters",
            "invalid_schema",
        ),
        ("/embeddings", {"input": {}}, "input", "invalid_type"),
        ("/embeddings", {"input": []}, "input", "empty_array"),
        ("/embeddings", {"input": [[]]}, "input[0]", "empty_array"),
        ("/embeddings", {"input": ["a", 1]}, "input[1]", "invalid_type"),
        ("/embeddings", {"input": [1, "a"]}, "input[1]", "invalid_type"),
        ("/embeddings", {"input": [[1], [True]]}, "input[1][0]", "invalid_type"),
        ("/embeddings", {"input": ["a"] * 2049}, "input", "array_above_max_length"),
        ("/embeddings", {"dimensions": 0}, "dimensions", "integer_below_min_value"),
        ("/embeddings", {"dimensions": 1537}, "dimensions", "integer_above_max_value"),
        ("/embeddings", {"encoding_format": "hex"}, "encoding_format", "invalid_value"),
    ],
)
def test_a_bad_field_is_named(
    http: httpx.Client, contract: Contract, path: str, fields: dict[str, Any], param: str, code: str | None
) -> None:
    error = refused(http.post(path, json=VALID[path] | fields), 400, contract)
    assert (error["param"], error["code"]) == (param, code)


def test_messages_read_like_openais(http: httpx.Client, contract: Contract) -> None:
    def said(**fields: Any) -> Any:
        return refused(http.post(CHAT, json=VALID[CHAT] | fields), 400, contract)["message"]

    assert said(messages=None) == "Missing required parameter: 'messages'."
    assert said(messages={}) == "Invalid type for 'messages': expected an array, but got an object instead."
    assert (
        said(messages=[None]) == "Invalid type for 'messages[0]': expected an object, but got null instead."
    )
    assert said(n=200) == (
        "Invalid 'n': integer above maximum value. Expected a value <= 128, but got 200 instead."
    )
    assert said(stop=1.5) == (
        "Invalid type for 'stop': expected one of a string or array, but got a decimal instead."
    )


@pytest.mark.parametrize("delay", ["-1", "1.5", "soon", "", "²"])
def test_a_pause_that_is_no_number_is_refused(http: httpx.Client, contract: Contract, delay: str) -> None:
    headers = {b"x-sandbox-delay-ms": delay.encode()}
    refused(http.post(CHAT, json=VALID[CHAT] | {"stream": True}, headers=headers), 400, contract)


def test_the_client_raises_for_a_bad_request(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="m", input=[])
    assert (caught.value.param, caught.value.code) == ("input", "empty_array")


def test_a_body_declared_too_large_is_refused_unread(sandbox: SandboxServer) -> None:
    url = httpx.URL(sandbox.base_url)
    fields = f"host: x\r\nauthorization: Bearer k\r\ncontent-length: {MAX_BYTES + 1}"
    head = f"POST /v1/responses HTTP/1.1\r\n{fields}\r\n\r\n"
    with socket.create_connection((url.host, url.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


def test_a_body_found_too_large_is_refused(http: httpx.Client, contract: Contract) -> None:
    block = b" " * (1 << 20)
    answer = http.post("/responses", content=(block for _ in range(65)))
    assert refused(answer, 413, contract)["code"] == "request_too_large"
    exact = http.post("/responses", content=(block for _ in range(64)))
    assert exact.status_code == 400
