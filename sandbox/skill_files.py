"""The files of a skill: read from a zip or from the parts of a form, and packed into a zip again."""

import base64
import io
import lzma
import posixpath
import re
import zipfile
import zlib

from sandbox import errors
from sandbox.call import Call
from sandbox.content import Content
from sandbox.errors import ApiError
from sandbox.forms import File

MAX_FILES = 500
MAX_BYTES = 50 * 1024 * 1024
MANIFEST = "SKILL.md"
# The first that a zip can say: equal skills are equal bytes.
_DATE = (1980, 1, 1, 0, 0, 0)
_UNREADABLE = (
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)
_FIELD = re.compile(r"^(name|description):(.*)$", re.MULTILINE)
_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)


def read(call: Call) -> dict[str, bytes]:
    """Return the bytes of a request's files by path: of a zip, or of the files of a folder.

    JSON can only say a zip, in base64. 400 for what is none of this, over 50 MiB or 500 files.
    """
    parts = call.form.files.get("files", []) if call.form else [_from_json(call.given.get("files"))]
    if not parts:
        raise errors.missing("files")
    if sum(part.content.size for part in parts) > MAX_BYTES:
        raise _too_large()
    if len(parts) == 1 and parts[0].content.head(4) == b"PK\x03\x04":
        return _checked(_unpacked(parts[0].content.head(MAX_BYTES)))
    return _checked([(part.filename, part.content.head(MAX_BYTES)) for part in parts])


def described(found: dict[str, bytes]) -> tuple[str, str]:
    """Return the name and the description that the front matter of the one ``SKILL.md`` says."""
    manifests = [path for path in found if posixpath.basename(path) == MANIFEST]
    if len(manifests) != 1:
        message = f"A skill has exactly one {MANIFEST}, but {len(manifests)} were found."
        raise ApiError(400, message, param="files", code="invalid_skill")
    front = _FRONT.match(found[manifests[0]].decode(errors="replace"))
    said = {name: value.strip().strip("\"'") for name, value in _FIELD.findall(front[1] if front else "")}
    for name in ("name", "description"):
        if not said.get(name):
            message = f"The front matter of {MANIFEST} has no '{name}'."
            raise ApiError(400, message, param="files", code="invalid_skill")
    return said["name"], said["description"]


def packed(found: dict[str, bytes]) -> bytes:
    """Return a zip of files, the same for the same files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in sorted(found):
            member = zipfile.ZipInfo(path, _DATE)
            # What the system is would be told else.
            member.create_system = 3
            member.external_attr = 0o644 << 16
            archive.writestr(member, found[path], zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _from_json(given: object) -> File:
    text = given[0] if isinstance(given, list) and len(given) == 1 else given
    if text is None:
        raise errors.missing("files")
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        data = b""
    if not data.startswith(b"PK\x03\x04"):
        message = "Invalid 'files': as JSON it has to be a zip in base64."
        raise ApiError(400, message, param="files", code="invalid_value")
    return File("skill.zip", "application/zip", Content.of(data))


def _unpacked(data: bytes) -> list[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            # What a zip says of its members' sizes is what they are read up to.
            if sum(member.file_size for member in members) > MAX_BYTES:
                raise _too_large()
            return [(member.filename, archive.read(member)) for member in members]
    except _UNREADABLE as error:
        raise ApiError(400, "The zip cannot be read.", param="files", code="invalid_skill") from error


def _checked(found: list[tuple[str, bytes]]) -> dict[str, bytes]:
    if len(found) > MAX_FILES:
        raise errors.too_many("files", MAX_FILES, len(found))
    for path, _ in found:
        steps = path.split("/")
        if "" in steps or ".." in steps or "." in steps or "\\" in path:
            message = f"Invalid path in the skill: '{path[:100]}'."
            raise ApiError(400, message, param="files", code="invalid_skill")
    return dict(found)


def _too_large() -> ApiError:
    return ApiError(413, f"The skill is larger than the limit of {MAX_BYTES} bytes.", param="files")
