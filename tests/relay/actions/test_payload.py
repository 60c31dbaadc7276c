"""Files are cut out of JSON whatever stands around them, and nothing else changes."""

import json
from base64 import b64encode, urlsafe_b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.actions.payload import REST_BYTES, Number, Payload
from relay.errors import InvalidBody, InvalidJSON, RequestTooLarge

LIMIT = 1024 * 1024
SIZES = st.sampled_from([0, 1, 24_573, 24_576, 24_579, 60_000])
FILES = st.builds(
    lambda size, salt: (bytes([salt]) + bytes(range(256)) * 300)[:size], SIZES, st.integers(0, 255)
)
TEXTS = st.text(max_size=20) | st.sampled_from(['"', "\\", '\\"', "/", ",", "data:"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS | FILES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def encoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, list):
        return [encoded(part) for part in value]
    if isinstance(value, dict):
        return {key: encoded(part) for key, part in value.items()}
    return value


def restored(payload: Payload, value: Any) -> Any:
    if isinstance(value, Number):
        return int(value)
    if isinstance(value, str):
        return payload.text_of(value)
    if isinstance(value, list):
        return [restored(payload, part) for part in value]
    if isinstance(value, dict):
        return {key: restored(payload, part) for key, part in value.items()}
    return value


@given(st.dictionaries(TEXTS, VALUES, max_size=4), st.booleans(), st.booleans())
def test_what_is_cut_out_can_be_put_back(members: dict[str, Any], slashes: bool, spaces: bool) -> None:  # noqa: FBT001
    members = {name: value for name, value in members.items() if value is not None}
    text = json.dumps(encoded(members), indent=1 if spaces else None)
    payload = Payload.of((text.replace("/", "\\/") if slashes else text).encode())
    assert restored(payload, payload.value()) == encoded(members)
    assert len(payload.text) < len(text) + 200


# Eight of the longest are under the limit of what is left of a body.
PIECES = (b'"', b"\\", b"{", b"a" * 32_000, b"=", b":")


@given(st.binary(max_size=40), st.lists(st.integers(0, len(PIECES) - 1), max_size=8))
def test_text_that_is_no_json_stays_none(start: bytes, numbers: list[int]) -> None:
    body = start + b"".join(PIECES[number] for number in numbers)

    def parsed(text: bytes) -> bool:
        try:
            json.loads(text)
        except ValueError:
            return False
        return True

    assert parsed(Payload.of(body).text) == parsed(body)


@given(FILES.filter(bool), st.booleans())
def test_a_file_is_read(content: bytes, padded: bool) -> None:  # noqa: FBT001
    text = b64encode(content).decode()
    payload = Payload.of(json.dumps({"a": text if padded else text.rstrip("=")}).encode())
    assert payload.file(payload.value()["a"], len(content), "a") == content
    with pytest.raises(RequestTooLarge):
        payload.file(payload.value()["a"], len(content) - 1, "a")


@given(st.text(alphabet="AQgw=+/-_ \n%$é\x00", max_size=12))
def test_what_is_not_base64_is_refused(text: str) -> None:
    try:
        content = Payload(b"", {}).file(text, LIMIT, "a")
    except InvalidBody as error:
        said = (error.param, error.code)
    else:
        plain = "".join(text.split()).rstrip("=")
        assert content == urlsafe_b64decode(plain.replace("+", "-").replace("/", "_") + "==")
        return
    assert said in {("a", "invalid_base64"), ("a", "empty_file")}


@pytest.mark.parametrize("unit", [b'"', b'"a",', b'\\"', b'"' + b"A" * 30_000, b"[", b'"data:' + b"A" * 128])
def test_much_besides_files_is_refused(unit: bytes) -> None:
    with pytest.raises(RequestTooLarge):
        Payload.of(unit * (REST_BYTES // len(unit) + 2))


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"b": {"a": 1, "a": 2}}',
        b'["\\ud800"]',
        b"[" * 9_999,
        b"\xff",
    ],
)
def test_json_that_has_no_one_reading_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidJSON):
        Payload.of(text).value()


def test_numbers_stay_as_they_are_written() -> None:
    text = b"[1.10, 12345678901234567890.123456789, 1e999, -0]"
    assert Payload.of(text).value() == ["1.10", "12345678901234567890.123456789", "1e999", "-0"]


@pytest.mark.parametrize("odd", [b"\\q", b"\\u002b", b"\\\\n", b"\\"])
def test_what_says_more_than_base64_is_not_cut_out(odd: bytes) -> None:
    assert Payload.of(b'{"a": "' + b"A" * 40_000 + odd + b'", "b": 1}').blobs == {}
