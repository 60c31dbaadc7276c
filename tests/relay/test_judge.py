import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from generated.bodies import BODIES, Body
from generated.operations import OPERATIONS
from relay.errors import InvalidBody, RelayError
from relay.judge import Judge, Report, check_structure
from tests.servers import PROJECT, RELAY_KEY, Recorder, Seen, relay_over, until

HOSTILE = {
    "deep": b'{"x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "deep objects": b'{"x":' * 200_000 + b"1" + b"}" * 200_000,
    "bare depth": b"[" * 200_000,
    "long integer": b'{"x": ' + b"9" * 5000 + b"}",
    "long typed integer": b'{"max_output_tokens": -' + b"9" * 5000 + b"}",
    "long number": b'{"top_p": 0.' + b"9" * 5000 + b"e-1}",
    "NaN": b'{"top_p": NaN, "x": [Infinity, -Infinity]}',
    "overflow": b'{"top_p": 1e999, "max_output_tokens": -1e999}',
    "overflow in a float": b'{"top_p": 1e999}',
    "duplicate keys": b'{"model": "a", "model": "b", "model": null}',
    "duplicate types": b'{"model": "a", "model": 1}',
    "bad UTF-8": b'{"x": "\xff\xfe"}',
    "overlong UTF-8": b'{"x": "\xc0\x80"}',
    "UTF-16": '{"x": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "lone surrogates": b'{"x": "\\ud800", "\\udfff": "\\udc00\\ud800"}',
    "typed surrogate": b'{"model": "\\ud800"}',
    "NUL": b'{"model": "\\u0000", "\\u0000": 1}',
    "raw NUL": b'{"model": "\x00"}\x00',
    "odd names": b'{"metadata": {"\\n\\r\\"\\\\": 1, "\xc3\xa9": 2, "": 3}}',
    "prototype": b'{"__class__": 1, "model_config": {}, "__init__": null}',
}  # fmt: skip


@pytest.fixture(scope="module", params=["off", "structural", "strict"])
def client(upstream: tuple[Recorder, str], request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    headers = {"x-relay-key": RELAY_KEY, "content-type": "application/json"}
    with (
        relay_over(upstream[1], relay_validation=request.param) as root,
        httpx.Client(base_url=root, headers=headers, timeout=30) as made,
    ):
        yield made


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", ["/v1/responses", "/v1/chat/completions"])
def test_hostile_json_goes_on_as_it_is_or_is_refused(
    client: httpx.Client, seen: list[Seen], name: str, path: str
) -> None:
    response = client.post(path, content=HOSTILE[name])
    if seen:
        assert response.status_code == 200
        assert [request.body for request in seen] == [HOSTILE[name]]
    else:
        assert response.status_code == 400
        assert response.json()["error"]["type"] == "invalid_request_error"


WRONG_ITEMS = """
import resource
from generated.operations import OPERATIONS
from relay.judge import Judge
from relay.validation import JUDGED_BYTES

judge = Judge("structural")
assert judge.judge(OPERATIONS["createResponse"], b'{"input": [1, 1]}')
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
assert judge.judge(OPERATIONS["createResponse"], b'{"input": [' + b"1," * ((JUDGED_BYTES - 20) // 2) + b"1]}")
"""


def test_a_body_of_nothing_but_wrong_items_is_judged_in_two_gigabytes() -> None:
    # A union has an error for each of its members: 400 KB of ones took 16 GB, and the event loop stood still.
    done = subprocess.run([sys.executable, "-c", WRONG_ITEMS], cwd=PROJECT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


VARIANTS = [found for found in OPERATIONS.values() if found.query]


def test_there_are_seven_variants_all_of_them_beta() -> None:
    assert [found.query for found in VARIANTS] == ["beta=true"] * 7


@pytest.mark.parametrize("operation", [found.operation_id for found in VARIANTS])
@pytest.mark.parametrize(
    ("query", "served"),
    [("beta=true", "beta"), ("a=b&beta=true&c", "beta"), ("beta=false", ""), ("beta=true2", ""), ("", "")],
)
def test_a_variant_is_served_where_the_query_names_it(
    client: httpx.Client, seen: list[Seen], operation: str, query: str, served: str
) -> None:
    variant = OPERATIONS[operation]
    plain = next(found for found in OPERATIONS.values() if ("beta=true", operation) in found.variants)
    path = f"{variant.path.replace('{response_id}', 'x')}?{query}"
    content = b'{"model": "m"}' if variant.body_model else b""
    with capture_logs() as logs:
        given = client.request(variant.method, path, content=content).headers["x-relay-request-id"]
        until(lambda: any(log["request_id"] == given for log in logs))
    found = [log["operation"] for log in logs if log["request_id"] == given]
    assert found == [variant.operation_id if served else plain.operation_id]
    assert [request.target.decode() for request in seen] == [path.rstrip("?")]


@pytest.mark.parametrize("operation", [found.operation_id for found in VARIANTS if found.body_model])
def test_a_variant_has_a_body_model_of_its_own(operation: str) -> None:
    plain = next(found for found in OPERATIONS.values() if ("beta=true", operation) in found.variants)
    assert OPERATIONS[operation].body_model != plain.body_model


def test_a_field_that_only_the_variant_knows_is_judged_there_alone() -> None:
    judge = Judge("structural")
    with pytest.raises(InvalidBody) as caught:
        judge.judge(OPERATIONS["beta_createResponse"], b'{"multi_agent": 1}')
    assert caught.value.param == "multi_agent"
    assert judge.judge(OPERATIONS["createResponse"], b'{"multi_agent": 1}') is None


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
TYPES = st.lists(
    st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"]),
    min_size=1,
    unique=True,
).map(tuple)
NAMES = st.sampled_from(["a", "b", "c"])
RULES = st.sampled_from(list(BODIES.values())) | st.builds(
    Body, types=TYPES, required=st.lists(NAMES, unique=True).map(tuple), fields=st.dictionaries(NAMES, TYPES)
)


@st.composite
def judged(draw: st.DrawFn) -> tuple[Body, Any]:
    """Rules, and a value that has to do with them."""
    rules = draw(RULES)
    if draw(st.integers(0, 9)) == 0:
        return rules, draw(VALUES)
    names = sorted({*rules.required, *rules.fields}) or ["a"]
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=4))
    must = rules.required if draw(st.booleans()) else ()
    samples = {
        "array": [],
        "boolean": True,
        "integer": 1,
        "null": None,
        "number": 0.5,
        "object": {},
        "string": "",
    }
    value = {name: samples[rules.fields.get(name, ("string",))[0]] for name in must}
    return rules, value | {name: draw(VALUES) for name in chosen} | draw(
        st.just({}) | st.just({"unknown": 1})
    )


def schema_of(rules: Body) -> dict[str, Any]:
    """The rules as JSON Schema has it: an independent reading of the same table."""
    properties = {
        name: {"type": sorted({*types, *(() if name in rules.required else ("null",))})}
        for name, types in rules.fields.items()
    }
    return {"type": list(rules.types), "required": list(rules.required), "properties": properties}


def refusal(rules: Body, value: Any) -> InvalidBody | None:
    try:
        check_structure(rules, value)
    except InvalidBody as error:
        return error
    return None


COUNT = Body(("object",), (), {"n": ("integer",)})


# A number without a fraction is an integer (JSON Schema 2020-12, 6.1.1); a boolean is none.
@settings(max_examples=400, deadline=None)
@given(judged())
@example((COUNT, {"n": 1.0}))
@example((COUNT, {"n": 1.5}))
@example((COUNT, {"n": True}))
@example((COUNT, {"n": None}))
@example((Body(("object",), ("n",), COUNT.fields), {"n": None}))
@example((Body(("array", "null"), (), {}), None))
def test_structure_is_judged_as_json_schema_judges_it(case: tuple[Body, Any]) -> None:
    rules, value = case
    valid = jsonschema_rs.Draft202012Validator(schema_of(rules)).is_valid(value)
    found = refusal(rules, value)
    assert valid == (found is None)
    if found is not None and found.param is not None:
        # The field that is named is at fault by itself.
        required = (found.param,) if found.param in rules.required else ()
        fields = {name: types for name, types in rules.fields.items() if name == found.param}
        assert not jsonschema_rs.is_valid(schema_of(Body(("object",), required, fields)), value)


OPERATION_NAMES = (
    "createResponse",
    "beta_createResponse",
    "createChatCompletion",
    "createEmbedding",
    "createVectorStore",
    "createBatch",
    "create-realtime-client-secret",
    "createEval",
)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    operation = draw(st.sampled_from(OPERATION_NAMES))
    names = sorted(BODIES[OPERATIONS[operation].body_model or ""].fields)
    objects = st.dictionaries(st.sampled_from(names) | st.text(), VALUES, max_size=6).map(json.dumps)
    text = draw(objects | VALUES.map(json.dumps) | st.text())
    return operation, draw(st.just(text.encode("utf-8", "surrogatepass")) | st.binary())


JUDGES = {strength: Judge(strength) for strength in ("structural", "strict")}


@settings(max_examples=300, deadline=None)
@given(bodies(), st.sampled_from(list(JUDGES)))
@example(("createResponse", b""), "strict")
@example(("createResponse", b'{"metadata": {"\\u2028\\n\\"": 1}}'), "structural")
def test_no_body_fails_the_judge(case: tuple[str, bytes], strength: str) -> None:
    operation, body = case
    try:
        report = JUDGES[strength].judge(OPERATIONS[operation], body)
    except RelayError as error:
        outcome: Report | int | None = error.kind.status
    else:
        outcome = report
    if isinstance(outcome, Report):
        assert strength == "structural"
        assert outcome.deviations > 0
        assert outcome.header().isascii()
        assert outcome.header().decode().isprintable()
        assert len(outcome.header()) < 200
    else:
        assert outcome in {None, 400}
