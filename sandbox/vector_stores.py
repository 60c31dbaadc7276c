"""Vector stores: what is in them is counted whenever they are looked at, and searched by its words."""

from collections.abc import Iterator

from starlette.responses import Response

from sandbox import errors, fields, resources, vector_files, vector_search
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.requests import check
from sandbox.store import Resource
from sandbox.vector_files import attached, check_whole

MAX_FILES = 500
MAX_RESULTS = 50
_USUAL_RESULTS = 10
_DAY_SECONDS = 86_400


def create(call: Call) -> Response:
    """Answer ``createVectorStore``, with the files of ``file_ids`` in it."""
    check(call)
    check_whole(call, "chunking_strategy", "expires_after", "metadata")
    names = vector_files.check_files(call, call.given.get("file_ids") or [], "file_ids", MAX_FILES)
    store = resources.made(call)
    store.facts["last_active_at"] = store.facts["created_at"]
    for name in names:
        vector_files.attach(call, store, name, {"chunking_strategy": call.given.get("chunking_strategy")})
    return call.answer(_counted(call, store))


def index(call: Call) -> Response:
    """Answer ``listVectorStores``, which moves no file on."""
    for store in call.store.all(vector_files.STORES):
        _counted(call, store)
    return resources.index(call)


def retrieve(call: Call) -> Response:
    """Answer ``getVectorStore``."""
    store = resources.found(call)
    vector_files.process(call, attached(call, store))
    return call.answer(_counted(call, store))


def modify(call: Call) -> Response:
    """Answer ``modifyVectorStore``: ``null`` removes what there was."""
    check(call)
    check_whole(call, "expires_after", "metadata")
    store = resources.found(call)
    store.facts |= {name: call.given[name] for name in ("expires_after", "metadata") if name in call.given}
    if "name" in call.given:
        store.facts["name"] = call.given["name"] or ""
    return call.answer(_counted(call, store))


def search(call: Call) -> Response:
    """Answer ``searchVectorStore``: pieces of the files by how many of the query's words they have."""
    check(call)
    fields.bounded(call.given, "max_num_results", 1, MAX_RESULTS)
    check_whole(call, "filters", "ranking_options")
    store = resources.ancestors(call)[0]
    queries = _queries(call)
    vector_files.process(call, attached(call, store))
    found = _found(call, store, vector_search.words(" ".join(queries)))
    limit = call.given.get("max_num_results") or _USUAL_RESULTS
    threshold = (call.given.get("ranking_options") or {}).get("score_threshold", 0)
    results = vector_search.best(found, limit, threshold)
    return call.answer({"search_query": queries, "data": results, "has_more": False, "next_page": None})


def _queries(call: Call) -> list[str]:
    query = call.given["query"]
    fields.check(call.given, {"query": fields.STRING_OR_ARRAY})
    if not query:
        raise errors.empty("query", "array" if isinstance(query, list) else "string")
    queries = query if isinstance(query, list) else [query]
    for number, text in enumerate(queries):
        if not isinstance(text, str):
            raise errors.wrong_type(f"query[{number}]", fields.STRING.name, text)
    return queries


def _found(call: Call, store: Resource, wanted: set[str]) -> Iterator[vector_search.Found]:
    """Every piece of the store's files that the request's filters let through, with its score."""
    for file in attached(call, store):
        attributes = file.facts["attributes"]
        if file.facts["status"] != "completed":
            continue
        if not vector_search.matches(call.given.get("filters"), attributes):
            continue
        known = {"file_id": file.id, "filename": vector_files.source(call, file)[0]}
        for text in vector_files.chunks(call, file):
            score = vector_search.score(wanted, text)
            content = [{"type": "text", "text": text}]
            yield score, {**known, "attributes": attributes, "score": score, "content": content}


def _counted(call: Call, store: Resource) -> JsonObject:
    """The facts of a store as its files are now."""
    inside = attached(call, store)
    counts = vector_files.counts(inside)
    expiry = store.facts.get("expires_after")
    store.facts |= {
        "file_counts": counts,
        "status": "in_progress" if counts["in_progress"] else "completed",
        "usage_bytes": sum(file.facts["usage_bytes"] for file in inside),
        "expires_at": store.facts["last_active_at"] + expiry["days"] * _DAY_SECONDS if expiry else None,
    }
    return store.facts


HANDLERS: dict[str, Handler] = {
    "createVectorStore": create,
    "listVectorStores": index,
    "getVectorStore": retrieve,
    "modifyVectorStore": modify,
    "searchVectorStore": search,
}
