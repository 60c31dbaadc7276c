"""JSON that parsers disagree about, or choke on, and bodies that are nearly JSON."""

from collections.abc import Callable

from hypothesis import strategies as st

from tests.relay import bodies

DEEP = 200_000
_DIGITS = "7" * 5_000
Wrap = Callable[[str], str]
_SPLINTERS = [
    b"[" * 3_000,
    b'{"a":' * 3_000,
    b"9" * 5_000,
    b"NaN",
    b"1e999",
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"\xff",
    b'"',
    b"\x00",
]

# Values that a JSON text can hold, or that somebody's parser takes (RFC 8259, 6 to 9).
VALUES = {
    "deep arrays": "[" * DEEP + "]" * DEEP,
    "deep objects": '{"a":' * (DEEP // 4) + "1" + "}" * (DEEP // 4),
    "unclosed arrays": "[" * DEEP,
    "unclosed objects": '{"a":' * (DEEP // 4),
    "long integer": _DIGITS,
    "long negative integer": f"-{_DIGITS}",
    "long fraction": f"0.{_DIGITS}",
    "long exponent": f"1e{_DIGITS}",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "too large": "1e999",
    "too small": "-1e-999",
    "duplicate keys": '{"a":1,"a":[],"a":null}',
    "many duplicate keys": "{" + ",".join(['"a":1'] * 20_000) + "}",
    "lone high surrogate": '"\\ud800"',
    "lone low surrogate": '"\\udc00 \\ud83d"',
    "surrogate as a key": '{"\\udfff":1}',
    "leading zero": "007",
    "single quotes": "'a'",
    "comment": "1 /* no */",
    "control character": '"\x01"',
    "nul": '"\\u0000"',
    "trailing comma": "[1,]",
}

_MEMBERS: dict[str, Wrap] = {
    "of nobody's": lambda value: f'{{"model":"m","messages":[],"input":"i","x-any":{value}}}',
    "within the contract": lambda value: (
        f'{{"model":"m","input":"i","messages":[{{"role":"user","content":{value}}}]}}'
    ),
    "of a number": lambda value: (
        f'{{"model":"m","input":"i","messages":[],"temperature":{value},"max_output_tokens":{value}}}'
    ),
    "alone": lambda value: value,
}


def _whole() -> dict[str, bytes]:
    text = '{"model":"m","messages":[],"input":"é"}'
    latin = text.encode("latin-1")
    return {
        "bad UTF-8": latin,
        "overlong UTF-8": latin.replace(b"\xe9", b"\xc0\xaf"),
        "surrogate in UTF-8": latin.replace(b"\xe9", b"\xed\xa0\x80"),
        "cut UTF-8": text.encode()[:-3],
        "BOM": b"\xef\xbb\xbf" + text.encode(),
        "UTF-16": text.encode("utf-16"),
        "UTF-32": text.encode("utf-32-le"),
        "two values": text.encode() * 2,
        "nul after it": text.encode() + b"\x00",
        "spaces": b" " * 100_000,
        "nothing but a quote": b'"',
        "duplicate model": b'{"model":"m","messages":[],"input":"i","model":[]}',
    }


ODD: dict[str, bytes] = {
    **{
        f"{name} {place}": wrap(value).encode()
        for name, value in VALUES.items()
        for place, wrap in _MEMBERS.items()
    },
    **_whole(),
}


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A body that was JSON before somebody cut it, doubled a part of it or put bytes into it."""
    body = draw(bodies.chat_bodies() | bodies.json_texts.map(str.encode) | st.binary(max_size=60))
    for _ in range(draw(st.integers(0, 3))):
        start, stop = sorted(draw(st.tuples(*[st.integers(0, len(body))] * 2)))
        inserted = draw(st.sampled_from(_SPLINTERS) | st.binary(max_size=4))
        body = body[:start] + draw(st.sampled_from([b"", inserted, body[start:stop] * 2])) + body[stop:]
    return body


def costly(size: int) -> dict[str, bytes]:
    """Requests of nearly `size` bytes that take a validator the longest: little in them is right."""
    content = b'{"model":"m","input":[{"type":"message","role":"user","content":[%b{}]}]}'
    return {
        "/v1/chat/completions": _filled(b'{"model":"m","messages":[%b{}]}', b'{"role":1},', size),
        "/v1/responses": _filled(content, b"{},", size),
        "/v1/embeddings": _filled(b'{"model":"m","input":[[%b0]]}', b"[],", size),
    }


def _filled(around: bytes, item: bytes, size: int) -> bytes:
    return around % (item * ((size - len(around)) // len(item)))
