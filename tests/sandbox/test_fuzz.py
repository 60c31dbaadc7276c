import json
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.instance import minimal
from sandbox.render import properties
from tests.sandbox.conftest import events
from tests.surface.contract import DOCUMENT, UPSTREAM, Described

PATHS = [
    "/chat/completions", "/responses", "/embeddings", "/conversations", "/responses/compact",
    "/responses/input_tokens", "/threads", "/threads/runs",
]  # fmt: skip
FIELDS = [
    "assistant_id", "background", "conversation", "dimensions", "encoding_format", "input", "instructions",
    "items", "max_completion_tokens", "max_output_tokens", "max_tokens", "messages", "metadata", "model", "n",
    "previous_response_id", "prompt", "reasoning", "response_format", "service_tier", "stop", "store",
    "stream", "stream_options", "temperature", "text", "thread", "tool_choice", "tools", "top_logprobs",
    "top_p", "truncation", "user",
]  # fmt: skip
WORDS = [
    *FIELDS, "$defs", "$ref", "#", "#/properties/name", "allOf", "allowed_tools", "anyOf", "array",
    "base64", "const", "content", "custom", "default", "enum", "format", "function", "function_call_output",
    "id", "include_usage", "input_text", "integer", "items", "json_object", "json_schema", "maxLength",
    "message", "minItems", "minimum", "mode", "multipleOf", "name", "none", "null", "number", "object",
    "oneOf", "output", "parameters", "properties", "required", "role", "schema", "strict", "string",
    "system", "tool", "type", "user", "variables",
]  # fmt: skip

# Without lone surrogates, which cannot be sent but as escapes: those are among EXTREMES.
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TEXT = st.sampled_from(WORDS) | ANY_TEXT
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)
MESSAGES = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "name": "f", "function": {"name": "f", "parameters": {}}, "parameters": {}}
RUN = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def answered(http: httpx.Client, path: str, body: bytes) -> None:
    """Send a body; the answer is one of OpenAI's refusals, or whole: a stream is read to its end."""
    answer = http.post(path, content=body)
    if answer.status_code != 200:
        # 404 is for a conversation or an assistant that does not exist.
        assert answer.status_code in (400, 404), answer.text
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    elif answer.headers["content-type"].startswith("text/event-stream"):
        name, data = events(answer.text)[-1]
        assert data == "[DONE]" or name in ("response.completed", "response.incomplete")
    else:
        assert answer.json()["object"]


@RUN
@given(path=st.sampled_from(PATHS), body=JSON)
def test_any_json_is_answered(http: httpx.Client, path: str, body: Any) -> None:
    answered(http, path, json.dumps(body).encode())


@RUN
@given(path=st.sampled_from(PATHS), fields=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_a_request_with_any_fields_is_answered(http: httpx.Client, path: str, fields: dict[str, Any]) -> None:
    body = {"model": "m", "messages": MESSAGES, "input": "Hello", **fields}
    answered(http, path, json.dumps(body).encode())


@RUN
@given(
    path=st.sampled_from(PATHS[:2]),
    schema=st.dictionaries(st.sampled_from(WORDS), JSON, max_size=6),
    stream=st.booleans(),
    call=st.booleans(),
)
def test_a_request_with_any_schema_is_answered(
    http: httpx.Client, path: str, schema: dict[str, Any], *, stream: bool, call: bool
) -> None:
    named = {"name": "n", "schema": schema}
    form = {"type": "json_schema", **named, "json_schema": named}
    tool = {**TOOL, "parameters": schema, "function": {"name": "f", "parameters": schema}}
    forced = {"tools": [tool], "tool_choice": "required"} if call else {}
    body = {"model": "m", "messages": MESSAGES, "input": "Hello", "stream": stream, **forced}
    answered(http, path, json.dumps({**body, "response_format": form, "text": {"format": form}}).encode())


@RUN
@given(path=st.sampled_from(PATHS), body=st.binary(max_size=60) | ANY_TEXT.map(str.encode))
def test_any_bytes_are_answered(http: httpx.Client, path: str, body: bytes) -> None:
    answered(http, path, body)


EXTREMES = [
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e308", "-0", "0.1e-400"),
    *("9" * 4300, "9" * 4301, "-" + "9" * 4300),
    *('"\\ud800"', '"\\udfff\\ud800"', '{"\\ud800": 1}', '["\\ud83d\\ude00"]', f'"{"x" * 100_000}"'),
    *("[" * depth + "]" * depth for depth in (127, 128, 900, 2000)),
    *('{"a":' * depth + "1" + "}" * depth for depth in (126, 127, 990)),
]


@RUN
@given(path=st.sampled_from(PATHS), field=st.sampled_from(FIELDS), value=st.sampled_from(EXTREMES))
def test_what_json_can_just_say_is_answered(http: httpx.Client, path: str, field: str, value: str) -> None:
    body = {"model": "m", "messages": MESSAGES, "input": "Hello", field: "VALUE"}
    answered(http, path, json.dumps(body).replace('"VALUE"', value).encode())


BODIES = [one for one in UPSTREAM.values() if "application/json" in one.request_types()]


def known(one: Described) -> list[str]:
    return sorted(properties(one.request_schema("application/json"))) or FIELDS


@settings(RUN, max_examples=500)
@given(one=st.sampled_from(BODIES), data=st.data(), least=st.booleans())
def test_any_operation_answers_any_fields(
    http: httpx.Client, one: Described, data: st.DataObject, *, least: bool
) -> None:
    made = minimal(one.request_schema("application/json"), "body", DOCUMENT) if least else {}
    fields = data.draw(st.dictionaries(st.sampled_from(known(one)), JSON, max_size=3))
    body = {**made, **fields} if isinstance(made, dict) else made
    path = path_of(http, one)
    answer = http.request(one.method, path, json=body)
    assert answer.status_code < 500, (one.operation_id, body)
    if answer.status_code >= 400:
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@settings(RUN, max_examples=300)
@given(
    one=st.sampled_from(BODIES),
    body=st.binary(max_size=60) | JSON.map(json.dumps) | st.sampled_from(EXTREMES),
)
def test_any_operation_answers_any_bytes(http: httpx.Client, one: Described, body: bytes | str) -> None:
    headers = {"content-type": "application/json"}
    answer = http.request(one.method, path_of(http, one), content=body, headers=headers)
    assert answer.status_code < 500, (one.operation_id, body)


def path_of(http: httpx.Client, one: Described) -> str:
    """The path of an operation, in which what can be had without more is there."""
    path = one.path
    for collection in ("/assistants", "/vector_stores", "/threads"):
        if path.startswith(f"{collection}/{{"):
            made = http.post(collection, json={"model": "m"}).json()["id"]
            path = path.replace(path.split("/")[2], made)
    path = path.replace("{", "no-").replace("}", "")
    return path + (f"?{one.query}" if one.query else "")
