"""What a file is called: by the host that it came from, or by its address."""

import re
from urllib.parse import unquote

from relay.actions.urls import Target
from relay.headers import RawHeaders, value_of

MAX_NAME_BYTES = 255
# RFC 6266, 4.1: `; name=token` or `; name="quoted"`.
_PARAMETER = re.compile(r';\s*([^\s;="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')
_CHARSETS = {"utf-8", "iso-8859-1"}  # RFC 8187, 3.2.1 and RFC 5987, 3.2.1
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")  # RFC 6838, 4.2


def media_type_of(fields: RawHeaders) -> str | None:
    """The media type in lower case and without parameters, None where none is told (RFC 9110, 8.3)."""
    told = (value_of(fields, b"content-type") or b"").decode("latin-1").partition(";")[0].strip().lower()
    return told if _MEDIA_TYPE.fullmatch(told) else None


def name_of(fields: RawHeaders, target: Target) -> str | None:
    """The name that Content-Disposition gives, else the path's last segment, decoded; None for odd ones.

    A name has no path separator, no control character and no invisible one, and at most MAX_NAME_BYTES. It
    may hold quotes: whoever writes it into a header field escapes them.
    """
    last = target.path.partition(b"?")[0].rpartition(b"/")[2].decode("ascii")
    candidates = [*disposed(fields), unquote(last)]
    return next((name for name in map(str.strip, candidates) if is_plain(name)), None)


def disposed(fields: RawHeaders) -> list[str]:
    """The names in Content-Disposition, the extended one first (RFC 6266, 4.3)."""
    value = value_of(fields, b"content-disposition") or b""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    given = {name.lower(): (quoted, token) for name, quoted, token in _PARAMETER.findall(text)}
    extended, plain = given.get("filename*", ("", "")), given.get("filename", ("", ""))
    charset, _, rest = extended[1].partition("'")
    names = [re.sub(r"\\(.)", r"\1", plain[0]) or plain[1]]
    if charset.lower() in _CHARSETS:
        names.insert(0, unquote(rest.partition("'")[2], charset))
    return names


def is_plain(name: str) -> bool:
    """Whether a name is printable, no path, and of at most MAX_NAME_BYTES."""
    odd = not name.isprintable() or not {"/", "\\", "\ufffd"}.isdisjoint(name) or name in {"", ".", ".."}
    return not odd and len(name.encode()) <= MAX_NAME_BYTES
