"""A number without a fraction is an integer wherever it stands in a body (JSON Schema 2020-12, 6.1.1)."""

import json
import sys
from collections import Counter
from types import FrameType

import pytest

import relay.judge
from generated.operations import OPERATIONS
from relay.errors import InvalidBody
from relay.judge import Judge


@pytest.mark.parametrize(("number", "deviates"), [(b"3600.0", False), (b"3.6e3", False), (b"3600.5", True)])
def test_in_depth_too_a_number_without_a_fraction_is_an_integer(number: bytes, *, deviates: bool) -> None:
    upload = b'{"purpose": "batch", "filename": "a", "bytes": 1, "mime_type": "b", "expires_after": %b}'
    judged = upload % (b'{"anchor": "created_at", "seconds": %b}' % number)
    assert (Judge("structural").judge(OPERATIONS["createUpload"], judged) is not None) == deviates


def test_the_longest_integer_that_is_read_may_stand_beside_one_with_a_point() -> None:
    body = b'{"session_id": "s", "expires_at": 1.0, "x": %b}' % (b"9" * 4300)
    with pytest.raises(InvalidBody, match="unknown field"):
        Judge("structural").insist("RelaySessionQuestion", body)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        (
            "createResponse",
            b'{"tools": [{"type": "image_generation", "image_generation": {}, "partial_images": 1.0}]}',
        ),
        (
            "createAssistant",
            b'{"model":"m","tools":[{"type":"file_search","file_search":{"max_num_results":5.0}}]}',
        ),
    ],
)
def test_a_number_is_found_though_a_field_is_called_as_the_union_member_is(
    operation: str, body: bytes
) -> None:
    judge = Judge("structural")
    assert judge.judge(OPERATIONS[operation], body) is None
    assert judge.judge(OPERATIONS[operation], body.replace(b".0", b".5")) is not None


def calls_for(messages: int) -> int:
    """How many functions of the judge a chat of so many messages calls, with one number like 1.0."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}] * messages, "n": 1.0})
    judge, calls = Judge("structural"), Counter[str]()

    def count(frame: FrameType, event: str, _: object) -> None:
        calls[frame.f_code.co_filename] += event == "call"

    sys.setprofile(count)
    try:
        assert judge.judge(OPERATIONS["createChatCompletion"], body.encode()) is None
    finally:
        sys.setprofile(None)
    return calls[relay.judge.__file__]


def test_a_long_body_is_not_walked_through_for_one_number_with_a_point() -> None:
    assert calls_for(1_000) == calls_for(1)
