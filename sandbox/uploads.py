"""Uploads: a file sent in parts, joined in the order that the client names."""

import hashlib

from starlette.responses import Response

from sandbox import errors, fields, files, resources
from sandbox.call import Call, Handler
from sandbox.content import Content
from sandbox.errors import ApiError
from sandbox.families import family
from sandbox.requests import check
from sandbox.store import Resource

MAX_BYTES = 8 * 1024 * 1024 * 1024
MAX_PART_BYTES = 64 * 1024 * 1024
_LIFE_SECONDS = 3_600


def create(call: Call) -> Response:
    """Answer ``createUpload``: a pending upload of so many bytes."""
    check(call)
    fields.bounded(call.given, "bytes", 0, MAX_BYTES)
    resource = resources.made(call, status="pending")
    resource.facts["expires_at"] = resource.facts["created_at"] + _LIFE_SECONDS
    return call.answer(resource.facts)


def add_part(call: Call) -> Response:
    """Answer ``addUploadPart``: one part, of 64 MiB at most."""
    check(call)
    upload = _pending(call, "add parts to")
    data = call.file("data").content
    if data.size > MAX_PART_BYTES:
        raise ApiError(413, f"The part is larger than the limit of {MAX_PART_BYTES} bytes.", param="data")
    sent = data.size + sum(part.content.size for part in _parts(call, upload).values() if part.content)
    if sent > upload.facts["bytes"]:
        raise _wrong_size(upload, sent)
    part = resources.resource_of(call, family(""), call.fresh().made("part_"))
    part.facts |= {"upload_id": upload.id}
    part.content = data
    return call.answer(call.store.add(f"/uploads/{upload.id}/parts", part).facts)


def complete(call: Call) -> Response:
    """Answer ``completeUpload``: the upload with its file, the parts in the order of ``part_ids``."""
    check(call)
    upload = _pending(call, "complete")
    joined = Content.joined(_named_parts(call, upload))
    if joined.size != upload.facts["bytes"]:
        raise _wrong_size(upload, joined.size)
    _check_digest(joined, call.given.get("md5"))
    file = files.kept(call, joined, upload.facts["filename"], upload.facts)
    upload.facts |= {"status": "completed", "file": file.facts}
    return call.answer(upload.facts)


def cancel(call: Call) -> Response:
    """Answer ``cancelUpload``: no part may be added any more."""
    upload = _pending(call, "cancel")
    upload.facts["status"] = "cancelled"
    return call.answer(upload.facts)


def _pending(call: Call, verb: str) -> Resource:
    upload = resources.ancestors(call)[0]
    status = upload.facts["status"]
    if status != "pending":
        message = f"Cannot {verb} upload '{upload.id}': its status is '{status}'."
        raise ApiError(400, message, param="upload_id", code="invalid_upload_status")
    return upload


def _parts(call: Call, upload: Resource) -> dict[str, Resource]:
    return {part.id: part for part in call.store.all(f"/uploads/{upload.id}/parts")}


def _named_parts(call: Call, upload: Resource) -> list[Content]:
    parts, contents = _parts(call, upload), []
    for index, name in enumerate(call.given["part_ids"]):
        part = parts.pop(name, None) if isinstance(name, str) else None
        if part is None or part.content is None:
            message = f"Part '{str(name)[:100]}' is not, or not any more, to be had in upload '{upload.id}'."
            raise ApiError(400, message, param=f"part_ids[{index}]", code="invalid_part_id")
        contents.append(part.content)
    if not contents:
        raise errors.empty("part_ids", "array")
    return contents


def _wrong_size(upload: Resource, size: int) -> ApiError:
    message = f"Upload '{upload.id}' is of {upload.facts['bytes']} bytes, but its parts have {size} bytes."
    return ApiError(400, message, param="bytes", code="invalid_upload_size")


def _check_digest(content: Content, expected: object) -> None:
    if expected is None:
        return
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in content.read():
        digest.update(chunk)
    if digest.hexdigest() != expected:
        raise ApiError(400, "The md5 of the parts is another one.", param="md5", code="invalid_checksum")


HANDLERS: dict[str, Handler] = {
    "createUpload": create,
    "addUploadPart": add_part,
    "completeUpload": complete,
    "cancelUpload": cancel,
}
