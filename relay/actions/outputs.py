"""Files on their way to a client that reads JSON alone: `openaiFileResponse`, as GPT Actions take it."""

import mimetypes
from base64 import b64encode
from typing import Any

from relay.actions.naming import disposed, is_plain
from relay.headers import RawHeaders

FILES = 10
FILE_BYTES = 10_000_000  # of each
_ANY = "application/octet-stream"
# What base64 text of an image begins with.
_BEGINNINGS = (("iVBORw0KGgo", "image/png"), ("/9j/", "image/jpeg"), ("UklGR", "image/webp"))

Files = list[dict[str, str]]


def whole(content: bytes, headers: RawHeaders, media_type: str, path: str) -> Files:
    """An answer that is a file; `path` names one that has no name of its own."""
    name, kind = _called(headers, media_type or _ANY, path)
    return [{"name": name, "mime_type": kind, "content": b64encode(content).decode()}]


def _called(headers: RawHeaders, media_type: str, path: str) -> tuple[str, str]:
    """The name and the media type of a file, each by the other one where only that is known."""
    named = next(filter(is_plain, disposed(headers)), None)
    if named is None:
        parts = [part for part in path.split("/") if part != "content"]
        named = parts[-1] + (mimetypes.guess_extension(media_type) or ".bin")
    return named, (mimetypes.guess_type(named)[0] if media_type == _ANY else None) or media_type


def taken_out(value: Any, name: str, member: str) -> tuple[dict[str, Any], Files]:
    """The JSON `value` without the files that `member` of the items of its list `name` holds, and these."""
    items = value.get(name) if isinstance(value, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return value, []
    files, rest = [], []
    for number, item in enumerate(items, 1):
        content = item.get(member)
        if isinstance(content, str) and content:
            kind = next((kind for start, kind in _BEGINNINGS if content.startswith(start)), _ANY)
            extension = mimetypes.guess_extension(kind) or ".bin"
            files.append({"name": f"{name}-{number}{extension}", "mime_type": kind, "content": content})
            rest.append({key: part for key, part in item.items() if key != member})
        else:
            rest.append(item)
    return {**value, name: rest}, files
