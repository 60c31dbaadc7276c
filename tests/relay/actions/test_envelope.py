"""The envelope of `POST /v1/proxy`: whatever is in it goes up as it was written, or nothing does."""

import json
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.actions.proxy import METHODS, opened
from relay.errors import Forbidden, InvalidBody, InvalidHead, InvalidJSON
from tests.relay.bodies import json_texts, spaces

WITH_BODY = sorted({"POST", "PUT", "PATCH"})
OBJECTS = st.lists(
    st.tuples(spaces, st.text(max_size=6).map(json.dumps), spaces, json_texts, spaces), max_size=4
).map(lambda members: "{" + ",".join(f"{a}{name}{b}:{value}{c}" for a, name, b, value, c in members) + "}")
SCALARS = (
    st.text(max_size=8) | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
)
QUERIES = st.dictionaries(st.text(max_size=8), SCALARS | st.lists(SCALARS, max_size=3), max_size=4)


@st.composite
def envelopes(draw: st.DrawFn, members: dict[str, str]) -> bytes:
    """`members`, each a JSON text, in any order and with any space between them."""
    names = draw(st.permutations(list(members)))
    said = [
        f"{draw(spaces)}{json.dumps(name)}{draw(spaces)}:{draw(spaces)}{members[name]}{draw(spaces)}"
        for name in names
    ]
    return f"{draw(spaces)}{{{','.join(said)}}}{draw(spaces)}".encode()


def asks_to_stream(body: str) -> bool:
    pairs: list[tuple[str, Any]] = json.loads(body, object_pairs_hook=lambda found: found)
    return any(name == "stream" and value is not None and value is not False for name, value in pairs)


@given(
    data=st.data(), method=st.sampled_from(WITH_BODY), body=OBJECTS, name=st.sampled_from(["body", "json"])
)
def test_a_body_is_cut_out_as_it_was_written(data: st.DataObject, method: str, body: str, name: str) -> None:
    texts = {"method": json.dumps(method), "path": '"responses"', name: body}
    envelope = data.draw(envelopes(texts))
    if asks_to_stream(body):
        with pytest.raises(Forbidden) as refused:
            opened(envelope)
        assert refused.value.param == f"{name}.stream"
    else:
        assert opened(envelope) == (method, b"/v1/responses", b"", body.encode())


def said(value: object) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else value
        if isinstance(value, str)
        else json.dumps(value)
    )


@given(data=st.data(), query=QUERIES, ascii_only=st.booleans())
def test_a_query_says_what_the_object_does(
    data: st.DataObject, query: dict[str, Any], *, ascii_only: bool
) -> None:
    query.pop("stream", None)
    texts = {"method": '"GET"', "path": '"files"', "params": json.dumps(query, ensure_ascii=ascii_only)}
    made = opened(data.draw(envelopes(texts))).query
    listed = [(name, value if isinstance(value, list) else [value]) for name, value in query.items()]
    meant = [(name, said(one)) for name, values in listed for one in values]
    assert parse_qsl(made.decode("ascii"), keep_blank_values=True, strict_parsing=bool(made)) == meant
    assert not set(made) & set(b" #\r\n\x00")


ODD = st.fixed_dictionaries(
    {
        "method": st.sampled_from(['"GET"', '"POST"', '"get"']) | json_texts,
        "path": st.just('"files"') | json_texts,
    },
    optional={"query": OBJECTS | json_texts, "body": OBJECTS | json_texts},
).flatmap(envelopes)


@given(ODD | st.binary(max_size=40) | json_texts.map(str.encode))
@example(b'{"method":"GET","path":"models","query":{"a":' + b"9" * 5_000 + b"}}")
@example(b'{"method":"GET","path":"models","query":{"a":"\\ud800"}}')
def test_nothing_makes_it_fail_otherwise(envelope: bytes) -> None:
    with suppress(InvalidJSON, InvalidBody, InvalidHead, Forbidden):
        made = opened(envelope)
        assert made.method in METHODS
        assert json.loads(envelope, parse_int=str)["method"] == made.method


NAMES = ["method", "path", "query", "params", "query_params", "body", "json", "json_body"]
TEXTS = {"method": '"POST"', "path": '"responses"'} | dict.fromkeys(NAMES[2:], "{}")
MEANINGS = [{"method"}, {"path"}, {"query", "params", "query_params"}, {"body", "json", "json_body"}]


@given(data=st.data(), names=st.lists(st.sampled_from([*NAMES, "Method", "url", "", "stream"]), max_size=5))
def test_a_member_is_known_and_said_once(data: st.DataObject, names: list[str]) -> None:
    named = ["method", "path", *names]
    text = ",".join(
        f"{json.dumps(name)}:{TEXTS.get(name, 'true')}" for name in data.draw(st.permutations(named))
    )
    once = all(sum(name in meaning for name in named) <= 1 for meaning in MEANINGS)
    if once and set(named) <= set(NAMES):
        assert opened(f"{{{text}}}".encode()).method == "POST"
    else:
        with pytest.raises(InvalidBody) as refused:
            opened(f"{{{text}}}".encode())
        assert refused.value.code in {"unknown_parameter", "duplicate_parameter"}
        assert refused.value.param in named


def test_a_long_name_is_not_echoed_whole() -> None:
    with pytest.raises(InvalidBody) as refused:
        opened(json.dumps({"n" * 100_000: 1}).encode())
    assert len(refused.value.message) < 200
    assert len(refused.value.param or "") < 100


def deep(depth: int) -> bytes:
    body = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    return b'{"method":"POST","path":"responses","body":' + body + b"}"


def test_a_body_is_as_deep_as_it_is() -> None:
    assert opened(deep(500)).body == deep(500)[43:-1]
    with pytest.raises(InvalidJSON):
        opened(deep(300_000))
