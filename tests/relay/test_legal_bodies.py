"""Bodies that the API takes, written by hand: the default strength must let each of them through."""

from typing import Any

import pytest
from pydantic_core import to_json

from generated.operations import OPERATIONS
from relay.judge import Judge

USER = {"role": "user", "content": "hi"}
FUNCTION = {"name": "f", "parameters": {"type": "object", "properties": {}}}
LEGAL: list[tuple[str, dict[str, Any]]] = [
    ("createChatCompletion", {"model": "any-name", "messages": [USER]}),
    ("createChatCompletion", {"model": "m", "messages": [USER], "temperature": 1, "n": 1.0, "stop": None}),
    ("createChatCompletion", {"model": "m", "messages": [USER], "stop": ["a"], "user": None, "tools": None}),
    (
        "createChatCompletion",
        {"model": "m", "messages": [USER], "tools": [{"type": "function", "function": FUNCTION}]},
    ),
    (
        "createChatCompletion",
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
    ),
    ("createChatCompletion", {"model": "m", "messages": [USER], "brand_new": {"field": [1]}}),
    ("createCompletion", {"model": "m"}),
    ("createCompletion", {"model": "m", "prompt": [1, 2, 3]}),
    ("createCompletion", {"model": "m", "prompt": None}),
    ("createResponse", {}),
    ("createResponse", {"model": "m", "input": "hi"}),
    ("createResponse", {"model": "m", "input": [USER], "tools": [{"type": "brand_new_tool"}]}),
    ("createResponse", {"prompt": {"id": "pmpt_1"}, "input": [{"id": "msg_1"}]}),
    ("beta_createResponse", {"model": "m", "input": [USER]}),
    ("createEmbedding", {"model": "m", "input": [[1, 2], [3]]}),
    ("createEmbedding", {"model": "m", "input": "x", "dimensions": 8.0, "encoding_format": "base64"}),
    ("createModeration", {"input": ["x"]}),
    ("createImage", {"prompt": "a cat"}),
    ("createSpeech", {"model": "m", "input": "x", "voice": "alloy"}),
    ("createBatch", {"input_file_id": "f", "endpoint": "/v1/responses", "completion_window": "24h"}),
    ("createFineTuningJob", {"model": "m", "training_file": "f"}),
    ("createVectorStore", {}),
    ("searchVectorStore", {"query": ["a", "b"]}),
    ("createAssistant", {"model": "m"}),
    ("createThread", {}),
    ("createMessage", {"role": "user", "content": "x"}),
    ("createRun", {"assistant_id": "a"}),
    ("createUpload", {"purpose": "batch", "filename": "f", "bytes": 3, "mime_type": "text/plain"}),
    ("completeUpload", {"part_ids": []}),
    ("createConversation", {}),
    ("create-realtime-session", {"model": "gpt-realtime"}),
    ("create-realtime-client-secret", {}),
    ("CreateContainer", {"name": "c"}),
]


@pytest.mark.parametrize(("operation", "body"), LEGAL)
def test_a_legal_body_is_let_through(operation: str, body: dict[str, Any]) -> None:
    Judge("structural").judge(OPERATIONS[operation], to_json(body))


def test_many_deviations_are_counted_though_not_looked_at() -> None:
    metadata = {str(number): number for number in range(5_000)}
    body = to_json({"model": "m", "messages": [USER], "metadata": metadata})
    report = Judge("structural").judge(OPERATIONS["createChatCompletion"], body)
    assert report is not None
    assert report.header() == b"deviations=5000"
