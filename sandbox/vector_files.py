"""Files attached to a vector store, alone or in batches.

An attached file is ``in_progress`` until it, its batch or its store is looked at. A file that is deleted
leaves every store that it was in.
"""

import mimetypes
from collections import Counter
from collections.abc import Iterable, Iterator

from starlette.responses import Response

from sandbox import errors, fields, files, pages, resources, vector_search
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.content import Content
from sandbox.errors import ApiError
from sandbox.render import properties, valid
from sandbox.requests import check
from sandbox.store import Resource

STORES = "/vector_stores"
MAX_BATCH_FILES = 2_000
_STATUSES = ("in_progress", "completed", "failed", "cancelled")
_CHUNKS = {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}
_WITHOUT_TEXT = frozenset({"audio", "image", "video"})
# Its own tables, not the machine's, which would make answers differ.
_TYPES = mimetypes.MimeTypes()


def create(call: Call) -> Response:
    """Answer ``createVectorStoreFile``; a file that is there already is attached anew."""
    check(call)
    check_whole(call, "attributes", "chunking_strategy")
    store = resources.ancestors(call)[0]
    file = files.file_of(call, call.given["file_id"], "file_id")
    return call.answer(attach(call, store, file.id, call.given).facts)


def index(call: Call) -> Response:
    """Answer ``listVectorStoreFiles``, which moves no file on."""
    return _page(call, attached(call, resources.ancestors(call)[0]))


def retrieve(call: Call) -> Response:
    """Answer ``getVectorStoreFile``."""
    file = _file(call)
    process(call, [file])
    return call.answer(file.facts)


def update(call: Call) -> Response:
    """Answer ``updateVectorStoreFileAttributes``: those given replace all that there were."""
    file = _file(call)
    if "attributes" not in call.given:
        raise errors.missing("attributes")
    check_whole(call, "attributes")
    file.facts["attributes"] = call.given["attributes"] or {}
    return call.answer(file.facts)


def delete(call: Call) -> Response:
    """Answer ``deleteVectorStoreFile``: the file leaves the store and stays a file."""
    _file(call)
    return resources.delete(call)


def content(call: Call) -> Response:
    """Answer ``retrieveVectorStoreFileContent``: the file's text in pieces."""
    parts = [{"type": "text", "text": text} for text in chunks(call, _file(call))]
    return call.answer({"data": parts, "has_more": False, "next_page": None})


def create_batch(call: Call) -> Response:
    """Answer ``createVectorStoreFileBatch``: files that have all else in common, or each its own."""
    check(call)
    check_whole(call, "attributes", "chunking_strategy", "files")
    store = resources.ancestors(call)[0]
    members = _batch_members(call)
    batch = resources.made(call, status="in_progress")
    for member in members:
        attach(call, store, member["file_id"], member)
    batch.hidden["files"] = {member["file_id"] for member in members}
    return call.answer(_batch_facts(call, store, batch))


def retrieve_batch(call: Call) -> Response:
    """Answer ``getVectorStoreFileBatch``."""
    store, batch = resources.ancestors(call)
    process(call, _of_batch(call, store, batch))
    return call.answer(_batch_facts(call, store, batch))


def cancel_batch(call: Call) -> Response:
    """Answer ``cancelVectorStoreFileBatch``: files in progress are given up."""
    store, batch = resources.ancestors(call)
    _batch_facts(call, store, batch)
    for file in _of_batch(call, store, batch):
        if file.facts["status"] == "in_progress":
            file.facts["status"] = "cancelled"
    batch.facts["file_counts"] = counts(_of_batch(call, store, batch))
    return resources.act(call)


def list_batch(call: Call) -> Response:
    """Answer ``listFilesInVectorStoreBatch``."""
    return _page(call, _of_batch(call, *resources.ancestors(call)))


def check_whole(call: Call, *names: str) -> None:
    """Refuse a field of the body that is not, down to its last member, as the contract says."""
    known = properties(call.operation.body or {})
    for name in names:
        value = call.given.get(name)
        if value is not None and not valid(known[name], value):
            raise ApiError(400, f"Invalid value for '{name}'.", param=name, code="invalid_value")


def check_files(call: Call, names: list[object], param: str, limit: int) -> list[str]:
    """Return the ids of files, each once; 400 for one that is not there, and for more than ``limit``."""
    if len(names) > limit:
        raise errors.too_many(param, limit, len(names))
    checked = [files.file_of(call, name, f"{param}[{index}]").id for index, name in enumerate(names)]
    return list(dict.fromkeys(checked))


def attach(call: Call, store: Resource, name: str, given: JsonObject) -> Resource:
    """Attach a file to a store, with the ``attributes`` and ``chunking_strategy`` that are given."""
    strategy = given.get("chunking_strategy") or {}
    facts = {
        "id": name,
        "vector_store_id": store.id,
        "created_at": call.store.now(),
        "status": "in_progress",
        "usage_bytes": 0,
        "last_error": None,
        "attributes": given.get("attributes") or {},
        "chunking_strategy": {"type": "static", "static": strategy.get("static", _CHUNKS)},
    }
    return call.store.add(_collection(store), Resource(name, facts))


def attached(call: Call, store: Resource) -> list[Resource]:
    """Return the files of a store; those that are files no longer leave it."""
    collection = _collection(store)
    for file in call.store.all(collection):
        if call.store.find(files.COLLECTION, file.id) is None:
            call.store.remove(collection, file.id)
    return call.store.all(collection)


def process(call: Call, attached_files: Iterable[Resource]) -> None:
    """Bring files that are in progress to their end."""
    for file in attached_files:
        if file.facts["status"] == "in_progress":
            file.facts |= _processed(*source(call, file))


def source(call: Call, file: Resource) -> tuple[str, Content]:
    """Return the name and the bytes of an attached file."""
    found = call.store.find(files.COLLECTION, file.id)
    assert found is not None
    assert found.content is not None
    return found.facts["filename"], found.content


def chunks(call: Call, file: Resource) -> Iterator[str]:
    """Yield the pieces of an attached file's text, of the size that its chunking strategy says."""
    size = file.facts["chunking_strategy"]["static"]["max_chunk_size_tokens"]
    return vector_search.chunks(source(call, file)[1], size)


def counts(attached_files: list[Resource]) -> JsonObject:
    """Return ``file_counts``: how many files are of each status, and in all."""
    found = Counter(file.facts["status"] for file in attached_files)
    return {**{status: found[status] for status in _STATUSES}, "total": found.total()}


def _collection(store: Resource) -> str:
    return f"{STORES}/{store.id}/files"


def _file(call: Call) -> Resource:
    store = call.store.find(STORES, call.parameters["vector_store_id"])
    if store is not None:
        attached(call, store)
    return resources.ancestors(call)[-1]


def _page(call: Call, attached_files: list[Resource]) -> Response:
    wanted = call.query.get("filter")
    if wanted is not None and wanted not in _STATUSES:
        raise errors.unsupported("filter", wanted, _STATUSES)
    kept = [file for file in attached_files if wanted in (None, file.facts["status"])]
    return call.answer(pages.page(call, kept))


def _processed(filename: str, data: Content) -> JsonObject:
    kind = (_TYPES.guess_type(filename)[0] or "").partition("/")[0]
    if kind in _WITHOUT_TEXT:
        error = {"code": "unsupported_file", "message": f"A file with {kind} has no text to search."}
    elif data.size == 0:
        error = {"code": "invalid_file", "message": "The file is empty."}
    else:
        return {"status": "completed", "usage_bytes": data.size}
    return {"status": "failed", "last_error": error}


def _batch_members(call: Call) -> list[JsonObject]:
    names, members = call.given.get("file_ids"), call.given.get("files")
    if names is not None and members is not None:
        raise ApiError(400, "Only one of 'file_ids' and 'files' can be given.", param="files")
    if members is not None:
        check_files(call, [member["file_id"] for member in members], "files", MAX_BATCH_FILES)
        return list(members)
    fields.require(call.given, ["file_ids"])
    if not names:
        raise errors.empty("file_ids", "array")
    common = {name: call.given.get(name) for name in ("attributes", "chunking_strategy")}
    checked = check_files(call, names, "file_ids", MAX_BATCH_FILES)
    return [{"file_id": name, **common} for name in checked]


def _of_batch(call: Call, store: Resource, batch: Resource) -> list[Resource]:
    return [file for file in attached(call, store) if file.id in batch.hidden["files"]]


def _batch_facts(call: Call, store: Resource, batch: Resource) -> JsonObject:
    found = counts(_of_batch(call, store, batch))
    if batch.facts["status"] == "in_progress" and not found["in_progress"]:
        batch.facts["status"] = "completed"
    batch.facts["file_counts"] = found
    return batch.facts


HANDLERS: dict[str, Handler] = {
    "createVectorStoreFile": create,
    "listVectorStoreFiles": index,
    "getVectorStoreFile": retrieve,
    "updateVectorStoreFileAttributes": update,
    "deleteVectorStoreFile": delete,
    "retrieveVectorStoreFileContent": content,
    "createVectorStoreFileBatch": create_batch,
    "getVectorStoreFileBatch": retrieve_batch,
    "cancelVectorStoreFileBatch": cancel_batch,
    "listFilesInVectorStoreBatch": list_batch,
}
