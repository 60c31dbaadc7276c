from typing import Any

import httpx
import pytest
from openai import OpenAI

from sandbox.prompt import from_messages

ASKED = "Tell me about tides."


def say(http: httpx.Client, messages: list[Any], reply: bytes | None = None) -> str:
    headers = {} if reply is None else {b"x-sandbox-reply": reply}
    answer = http.post("/chat/completions", json={"model": "m", "messages": messages}, headers=headers)
    return str(answer.json()["choices"][0]["message"]["content"])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("Return exactly: pong", "pong"),
        ("Please SAY  exactly :  A b\n c ", "A b\n c"),
        ("return exactly: “é🙂”", "“é🙂”"),
    ],
)
def test_says_exactly_what_it_is_told(http: httpx.Client, asked: str, said: str) -> None:
    assert say(http, [{"role": "user", "content": asked}]) == said


@pytest.mark.parametrize("asked", ["Return exactly:", "Return exactly pong", "essay exactly: pong"])
def test_quotes_what_only_looks_like_it(http: httpx.Client, asked: str) -> None:
    assert f"“{asked}”" in say(http, [{"role": "user", "content": asked}])


def test_the_header_is_said_before_anything_else(http: httpx.Client) -> None:
    asked = [{"role": "user", "content": "Return exactly: pong"}]
    assert say(http, asked, "“header” é".encode()) == "“header” é"
    assert say(http, asked, b"") == ""


def test_the_last_user_text_counts(http: httpx.Client) -> None:
    messages = [
        {"role": "user", "content": "Return exactly: first"},
        {"role": "assistant", "content": "Return exactly: second", "tool_calls": []},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Return"}, {"type": "text", "text": "exactly: third"}],
        },
        {"role": "assistant", "content": None},
        {"role": "tool", "tool_call_id": "c", "content": "Return exactly: fourth"},
    ]
    assert say(http, messages) == "third"


def test_parts_without_text_are_passed_over(http: httpx.Client) -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": "data:"}},
        {"type": "text", "text": "Say exactly: seen"},
    ]
    assert say(http, [{"role": "user", "content": parts}]) == "seen"


def test_instructions_are_followed_when_the_user_asks_for_nothing(client: OpenAI) -> None:
    told = "Return exactly: as instructed"
    assert client.responses.create(model="m", instructions=told, input=ASKED).output_text == "as instructed"
    asked = client.responses.create(model="m", instructions=told, input="Say exactly: as asked")
    assert asked.output_text == "as asked"


def test_a_system_message_is_an_instruction(http: httpx.Client) -> None:
    messages = [{"role": "developer", "content": "Say exactly: so"}, {"role": "user", "content": ASKED}]
    assert say(http, messages) == "so"


def test_a_long_question_is_shortened(http: httpx.Client) -> None:
    said = say(http, [{"role": "user", "content": "wave " * 1000}])
    assert "wave wave…" in said
    assert len(said) < 150


def test_without_a_question_it_says_so(http: httpx.Client) -> None:
    assert say(http, [{"role": "user", "content": " "}]) == "The sandbox heard nothing."


def test_every_text_counts_as_tokens() -> None:
    messages: list[Any] = [
        {"role": "system", "content": "1234"},
        {"role": "tool", "content": [{"text": "12345"}]},
    ]
    assert from_messages(messages).tokens == (1 + 4) + (2 + 4)
