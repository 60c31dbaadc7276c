"""Paths that try to be another one: good ones with something done to them, the same ones in each run."""

import random
from collections.abc import Iterator

from tests.fuzz.allowed import ALLOWED

BEGINNINGS = ["", "/", "v1/", "/v1/"]
IDS = ["x", "resp_0aB9", "file-1", "gpt-4.1-mini", "vs_1", "..", "compact", "content", "V1", "v1", "a" * 200]
METHODS = ["GET", "POST", "DELETE"] * 8 + ["PUT", "PATCH", "get", "HEAD", "TRACE", "CONNECT", "GET ", ""]
_OTHERS = """
v1 proxy Models models/x/y models/ files/file-1/content videos/v/content videos/generations organization/users
projects/p uploads audio/speech moderations realtime/sessions health images images/edits evals
fine_tuning/jobs threads/runs assistants brand/new skills vector_stores/v/files/f/content
containers/c/files/f/content responses:stream actions/ping tools live
"""
OTHERS = ["", *_OTHERS.split()]
_TRICKS = r"""
.. . / // \ % %2e %2E%2e %2f %5c %252e %00 %0d%0a %c0%af /../ /./ ; ;a=b : @ ? # ?stream=true & = * { } ~ + |
" ' < http:// https://api.openai.com/v1/ //evil.example/ user@ v1/ /v1/ V1/ content /content /cancel proxy
organization /../files/x/content 0 a - _
"""
# Controls, spaces, half a pair, and what some readers take for a slash, a dot or a letter.
_CHARACTERS = (
    "\r\n\0\t \x7f\x85\xa0\u200b\u2028\u202e\ufeff\ud800\uff0f\uff0e\u2024\u2044\u2215\u212a\u017f\u0131"
)
TRICKS = [*_TRICKS.split(), *_CHARACTERS, "\r\n", "\uff56\uff11", "\u0301", "\U0001f642"]
_FULL_WIDTH = 0xFEE0


def mutated(path: str, chance: random.Random) -> str:
    """`path` with one thing done to it."""
    at = chance.randrange(len(path) + 1)
    trick = chance.choice(TRICKS)
    before, letter, after = path[:at], path[at : at + 1], path[at + 1 :]
    encoded = "".join(f"%{code:02x}" for code in letter.encode("utf-8", "surrogatepass"))
    wide = "".join(chr(ord(one) + _FULL_WIDTH) for one in letter if "!" <= one <= "~")
    ways: list[str] = [
        before + trick + letter + after,
        before + trick + after,
        trick + path,
        path + trick,
        path.replace("/", trick, 1),
        path.replace("/", f"/{trick}/", 1),
        before + encoded + after,
        before + letter.swapcase() + after,
        before + wide + after,
        before + after,
        letter + after + before,
        f"{path}/../{chance.choice(OTHERS)}",
    ]
    return chance.choice(ways)


def generated(number: int, seed: int) -> Iterator[tuple[str, str]]:
    """So many methods and paths, the same ones for each seed."""
    chance = random.Random(seed)  # noqa: S311 - any numbers will do
    for _ in range(number):
        method = chance.choice(METHODS)
        open_to_it = [template for named, template in ALLOWED if named == method]
        known = open_to_it if open_to_it and chance.random() < 0.8 else OTHERS
        parts = chance.choice(known).split("/")
        path = "/".join(chance.choice(IDS) if part == "*" else part for part in parts)
        path = chance.choice(BEGINNINGS) + path
        for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
            path = mutated(path, chance)
        yield method, path
