"""A plain measure of text: four characters to a token, begun tokens counted whole."""

import re
from collections.abc import Iterator

CHARACTERS_PER_TOKEN = 4

_WORD = re.compile(r"\s?\S{1,24}|\s{1,24}")


def count(text: str) -> int:
    """Return how many tokens a text is."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def head(text: str, limit: int | None) -> str:
    """Return the text cut to ``limit`` tokens; ``None`` cuts nothing."""
    return text if limit is None else text[: limit * CHARACTERS_PER_TOKEN]


def words(text: str) -> Iterator[str]:
    """Yield a text in the pieces a stream sends: words with the space before them, 25 characters at most."""
    return (match.group() for match in _WORD.finditer(text))
