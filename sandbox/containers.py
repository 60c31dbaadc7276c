"""Containers, and the files in them: copies of what is sent or of files that there are."""

import posixpath

from starlette.responses import Response

from sandbox import errors, files, resources
from sandbox.call import Call, Handler
from sandbox.content import Content, download
from sandbox.errors import ApiError
from sandbox.families import family
from sandbox.requests import check
from sandbox.store import Resource

_FILES = "/containers/{container_id}/files"
_FOLDER = "/mnt/data"


def create(call: Call) -> Response:
    """Answer ``CreateContainer``, with copies of the files of ``file_ids`` in it."""
    check(call)
    given = enumerate(call.given.get("file_ids") or [])
    sources = [files.file_of(call, name, f"file_ids[{index}]") for index, name in given]
    container = resources.made(call, status="running")
    container.facts["last_active_at"] = container.facts["created_at"]
    for source in sources:
        _keep(call, container, source.facts["filename"], _content(source))
    return call.answer(container.facts)


def delete(call: Call) -> Response:
    """Answer ``DeleteContainer`` and ``DeleteContainerFile``: the id of what was deleted."""
    resource = resources.found(call)
    call.store.remove(call.collection, resource.id)
    kind = f"{resource.facts['object']}.deleted"
    return call.answer({"id": resource.id, "object": kind, "deleted": True})


def create_file(call: Call) -> Response:
    """Answer ``CreateContainerFile``: of the form's ``file``, or of the file that ``file_id`` names."""
    container = resources.ancestors(call)[0]
    if call.form is not None and call.form.files.get("file"):
        file = call.file("file")
        return call.answer(_keep(call, container, file.filename, file.content).facts)
    if call.given.get("file_id") is None:
        raise errors.missing("file")
    source = files.file_of(call, call.given["file_id"], "file_id")
    return call.answer(_keep(call, container, source.facts["filename"], _content(source)).facts)


def content(call: Call) -> Response:
    """Answer ``RetrieveContainerFileContent``: the bytes, or the range of them that is asked for."""
    file = resources.ancestors(call)[-1]
    name = posixpath.basename(file.facts["path"])
    return download(_content(file), "application/octet-stream", name, call.headers)


def _keep(call: Call, container: Resource, filename: str, data: Content) -> Resource:
    name = posixpath.basename(filename.replace("\\", "/"))
    if name in ("", ".", ".."):
        raise ApiError(400, f"Invalid file name: '{filename[:100]}'.", param="file")
    kind = family(_FILES)
    file = resources.resource_of(call, kind, call.fresh().made(kind.prefix, kind.length))
    file.facts |= {"container_id": container.id, "path": f"{_FOLDER}/{name}", "bytes": data.size}
    file.content = data
    return call.store.add(f"/containers/{container.id}/files", file)


def _content(file: Resource) -> Content:
    assert file.content is not None
    return file.content


HANDLERS: dict[str, Handler] = {
    "CreateContainer": create,
    "DeleteContainer": delete,
    "CreateContainerFile": create_file,
    "DeleteContainerFile": delete,
    "RetrieveContainerFileContent": content,
}
