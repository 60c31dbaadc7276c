"""Files: uploaded whole, listed, read back."""

from starlette.responses import Response

from sandbox import resources
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.content import Content, download
from sandbox.errors import ApiError
from sandbox.families import family
from sandbox.requests import check
from sandbox.store import Resource

COLLECTION = "/files"
MAX_BYTES = 512 * 1024 * 1024
# OpenAI keeps these to itself; batches' and fine-tuning's may be read back.
_UNREADABLE = frozenset({"assistants", "user_data"})


def create(call: Call) -> Response:
    """Answer ``createFile``: a file of the form's ``file`` and ``purpose``."""
    check(call)
    file = call.file("file")
    if file.content.size > MAX_BYTES:
        raise ApiError(413, f"The file is larger than the limit of {MAX_BYTES} bytes.", param="file")
    return call.answer(kept(call, file.content, file.filename, call.given).facts)


def kept(call: Call, content: Content, filename: str, given: JsonObject) -> Resource:
    """Keep content as a new file, with the ``purpose`` and ``expires_after`` that are given."""
    kind = family(COLLECTION)
    resource = resources.resource_of(call, kind, call.fresh().made(kind.prefix, kind.length))
    resource.content = content
    resource.facts |= {"bytes": content.size, "filename": filename, "purpose": given.get("purpose")}
    resource.facts |= _expiry(given.get("expires_after"), resource.facts["created_at"])
    return call.store.add(COLLECTION, resource)


def content(call: Call) -> Response:
    """Answer ``downloadFile``: the bytes, or the range of them that is asked for."""
    resource = resources.found(call)
    purpose = resource.facts["purpose"]
    if purpose in _UNREADABLE:
        raise ApiError(400, f"Not allowed to download files of purpose: {purpose}")
    assert resource.content is not None
    return download(resource.content, "application/octet-stream", resource.facts["filename"], call.headers)


def file_of(call: Call, name: object, param: str, purpose: str | None = None) -> Resource:
    """Return the file that a request names; 400 where it is not there or of another purpose."""
    resource = call.store.find(COLLECTION, name) if isinstance(name, str) else None
    if resource is None:
        raise ApiError(400, f"No such File object: {str(name)[:200]}", param=param, code="invalid_file_id")
    if purpose is not None and resource.facts["purpose"] != purpose:
        message = (
            f"Invalid file purpose: expected '{purpose}', but got '{resource.facts['purpose']}' instead."
        )
        raise ApiError(400, message, param=param, code="invalid_purpose")
    return resource


def _expiry(after: object, created: int) -> JsonObject:
    seconds = after.get("seconds") if isinstance(after, dict) else None
    return {"expires_at": created + seconds} if isinstance(seconds, int) else {}


HANDLERS: dict[str, Handler] = {"createFile": create, "downloadFile": content}
