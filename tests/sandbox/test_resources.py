import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI

from sandbox.instance import minimal
from sandbox.server import SandboxServer
from tests.surface.contract import DOCUMENT, UPSTREAM, Described, errors
from tests.surface.driver import Driver
from tests.surface.needs import FIELDS, PATHS

BY_PATH = {(one.method, one.path): one for one in UPSTREAM.values() if one.query is None}


def item_of(collection: str) -> str | None:
    """The path of one of a collection's resources, if the contract has one."""
    items = (path for _, path in BY_PATH if re.fullmatch(re.escape(collection) + r"/\{\w+\}", path))
    return next(items, None)


def makes_items(one: Described) -> bool:
    item = item_of(one.path)
    return one.method == "POST" and item is not None and ("GET", item) in BY_PATH


# Kept only when that is asked for, or several at once.
NOT_KEPT = {"createChatCompletion", "createResponse", "createConversationItems"}
MADE = [one.operation_id for one in UPSTREAM.values() if one.query is None and makes_items(one)]
FAMILIES = sorted(set(MADE) - NOT_KEPT)
DELETED = [name for name in FAMILIES if ("DELETE", item_of(UPSTREAM[name].path)) in BY_PATH]
LISTED = [name for name in FAMILIES if ("GET", UPSTREAM[name].path) in BY_PATH]


# What the relay fills in for its clients.
FILLED = {name: {"model": "m"} for name in ("Compactconversation", "beta_Compactconversation")}
# What clients branch on: nothing that a request of the driver says.
WORDS = {"code", "currency", "finish_reason", "interval", "object", "resource_type", "status"}


@pytest.fixture(scope="module")
def driver(http: httpx.Client) -> Driver:
    return Driver(http, FIELDS, PATHS)


@pytest.fixture(scope="module")
def alone() -> Iterator[Driver]:
    """Return a driver of a sandbox in which little is kept."""
    with SandboxServer() as server:
        headers = {"authorization": "Bearer sk-any"}
        with httpx.Client(base_url=server.base_url, headers=headers, timeout=30) as made:
            yield Driver(made, FIELDS, PATHS)


def made(driver: Driver, name: str, collection: str) -> dict[str, Any]:
    """A new resource at a collection's path, whose template's operation is `name`."""
    one = UPSTREAM[name]
    body = driver.body(one, one.request_types()[0], collection)
    answer = driver.client.post(collection, **body)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def id_of(name: str, answer: dict[str, Any]) -> str:
    parameter = str(item_of(UPSTREAM[name].path)).rpartition("{")[2].rstrip("}")
    inner = answer.get(parameter.removesuffix("_id"))
    nested = inner.get("id") if isinstance(inner, dict) else None
    return str(answer.get(parameter) or answer.get("id") or nested or answer.get("name"))


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """Every field of every object within a value."""
    for name, member in value.items() if isinstance(value, dict) else ():
        yield name, member
        yield from members(member)
    for item in value if isinstance(value, list) else ():
        yield from members(item)


@pytest.mark.parametrize("name", UPSTREAM)
def test_no_placeholder_stands_where_clients_look(driver: Driver, name: str) -> None:
    answer = driver.call(name, **FILLED.get(name, {})).raise_for_status()
    if answer.headers.get("content-type") == "application/json":
        found = [field for field, value in members(answer.json()) if value == minimal({}, "answer")]
        assert not WORDS & set(found)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_made_is_found(driver: Driver, name: str) -> None:
    collection = driver.path(UPSTREAM[name])
    answer = made(driver, name, collection)
    found = driver.client.get(f"{collection}/{id_of(name, answer)}")
    assert found.status_code == 200, found.text
    one = BY_PATH["GET", str(item_of(UPSTREAM[name].path))]
    assert not errors(one.answers()[200]["application/json"]["schema"], found.json())
    assert id_of(name, found.json()) == id_of(name, answer)


@pytest.mark.parametrize("name", DELETED)
def test_what_is_deleted_is_gone(driver: Driver, name: str) -> None:
    collection = driver.path(UPSTREAM[name])
    path = f"{collection}/{id_of(name, made(driver, name, collection))}"
    one = BY_PATH["DELETE", str(item_of(UPSTREAM[name].path))]
    gone = driver.client.delete(path)
    assert gone.is_success, gone.text
    assert gone.status_code in one.answers()
    for method in ("GET", "HEAD", "DELETE"):
        assert driver.client.request(method, path).status_code == 404


@pytest.mark.parametrize("name", [name for name in LISTED if name in DELETED])
def test_what_is_listed_is_what_is_there(alone: Driver, name: str) -> None:
    collection = alone.path(UPSTREAM[name])
    before = listed(alone, name, collection)
    kept, lost = [id_of(name, made(alone, name, collection)) for _ in range(2)]
    assert {kept, lost} <= listed(alone, name, collection)
    assert alone.client.delete(f"{collection}/{lost}").is_success
    # Where the request says the id, both have the same one.
    assert listed(alone, name, collection) == (before | {kept}) - {lost}


def listed(driver: Driver, name: str, collection: str) -> set[str]:
    answer = driver.client.get(collection, params={"limit": 100}).json()
    assert not answer.get("has_more")
    return {id_of(name, item) for item in answer["data"]}


def parents(path: str) -> Iterator[str]:
    """The items that a path goes through or ends with."""
    for match in re.finditer(r"\}", path):
        yield path[: match.end()]


INSIDE = [
    one.operation_id
    for one in UPSTREAM.values()
    if any(("GET", path) in BY_PATH for path in parents(one.path))
    and one.request_types()[0] in ("", "application/json")
]


@pytest.mark.parametrize("name", INSIDE)
def test_an_unknown_parent_is_not_found(http: httpx.Client, name: str) -> None:
    one = UPSTREAM[name]
    path = one.path.replace("{", "no-").replace("}", "") + (f"?{one.query}" if one.query else "")
    media_type = one.request_types()[0]
    body = minimal(one.request_schema(media_type), "body", DOCUMENT) if media_type else None
    answer = http.request(one.method, path, json=body)
    assert answer.status_code == 404, answer.text
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_children_go_with_their_parent(client: OpenAI, http: httpx.Client) -> None:
    store, file = client.vector_stores.create(), client.files.create(file=("a", b"x"), purpose="assistants")
    client.vector_stores.files.create(vector_store_id=store.id, file_id=file.id)
    client.vector_stores.delete(store.id)
    assert http.get(f"/vector_stores/{store.id}/files").status_code == 404
    assert http.get(f"/vector_stores/{store.id}/files/{file.id}").status_code == 404
    assert client.files.retrieve(file.id).id == file.id


def test_equal_requests_make_two(client: OpenAI) -> None:
    assert client.vector_stores.create(name="a").id != client.vector_stores.create(name="a").id


def test_equal_sequences_get_equal_bytes() -> None:
    assert sequence() == sequence()


def sequence() -> list[bytes]:
    with SandboxServer() as server:
        headers = {"authorization": "Bearer sk-any"}
        with httpx.Client(base_url=server.base_url, headers=headers) as http:
            driver = Driver(http, FIELDS, PATHS)
            return [driver.call(name).content for name in FAMILIES[::4]]


@pytest.mark.parametrize("fields", [{"id": "x"}, {"object": "x", "created_at": 1}, {"unknown": 1}])
def test_a_field_that_the_contract_lacks_changes_nothing(http: httpx.Client, fields: dict[str, Any]) -> None:
    made = http.post("/assistants", json={"model": "m", **fields}).json()
    assert made["id"].startswith("asst_")
    assert http.post(f"/assistants/{made['id']}", json={"name": "n", **fields}).json() == {
        **made,
        "name": "n",
    }
    assert http.get(f"/assistants/{made['id']}").json()["object"] == "assistant"


def test_metadata_is_changed_and_removed(client: OpenAI) -> None:
    store = client.vector_stores.create(name="first", metadata={"a": "1"})
    changed = client.vector_stores.update(store.id, name="second", metadata={"b": "2"})
    assert (changed.name, changed.metadata) == ("second", {"b": "2"})
    assert client.vector_stores.update(store.id, metadata=None).metadata in (None, {})
    assert client.vector_stores.retrieve(store.id).name == "second"


PAGED = 7
ORDERS = st.sampled_from(["asc", "desc"])


@pytest.fixture(scope="module")
def paged() -> Iterator[tuple[httpx.Client, list[str]]]:
    with SandboxServer() as server:
        headers = {"authorization": "Bearer sk-any"}
        with httpx.Client(base_url=server.base_url, headers=headers) as http:
            yield http, [http.post("/assistants", json={"model": "m"}).json()["id"] for _ in range(PAGED)]


def page(http: httpx.Client, **query: Any) -> tuple[list[str], bool]:
    answer = http.get("/assistants", params=query).json()
    ids = [item["id"] for item in answer["data"]]
    assert (answer["first_id"], answer["last_id"]) == ((ids[0], ids[-1]) if ids else ("", ""))
    return ids, answer["has_more"]


@settings(max_examples=25, deadline=None)
@given(limit=st.integers(1, 9), order=ORDERS)
def test_pages_forwards_give_each_once(paged: tuple[httpx.Client, list[str]], limit: int, order: str) -> None:
    http, kept = paged
    found, more = page(http, limit=limit, order=order)
    while more:
        ids, more = page(http, limit=limit, order=order, after=found[-1])
        assert len(ids) == limit or not more
        found += ids
    assert found == (kept if order == "asc" else kept[::-1])


@settings(max_examples=25, deadline=None)
@given(limit=st.integers(1, 9), order=ORDERS)
def test_pages_backwards_give_each_once(
    paged: tuple[httpx.Client, list[str]], limit: int, order: str
) -> None:
    http, kept = paged
    expected = kept if order == "asc" else kept[::-1]
    found, more = [expected[-1]], True
    while more:
        ids, more = page(http, limit=limit, order=order, before=found[0])
        found = ids + found
    assert found == expected


@settings(max_examples=25, deadline=None)
@given(first=st.integers(0, PAGED - 1), last=st.integers(0, PAGED - 1), order=ORDERS)
def test_after_and_before_bound_a_page(
    paged: tuple[httpx.Client, list[str]], first: int, last: int, order: str
) -> None:
    http, kept = paged
    ordered = kept if order == "asc" else kept[::-1]
    if first < last:
        assert (
            page(http, order=order, after=ordered[first], before=ordered[last])[0]
            == ordered[first + 1 : last]
        )
    else:
        query = {"order": order, "after": ordered[first], "before": ordered[last]}
        assert http.get("/assistants", params=query).status_code == 400


LIMITS = ["0", "-1", "1000000001", "abc", "1e9", "", "²", "9" * 5000]


@pytest.mark.parametrize("name", LISTED)
def test_a_limit_that_cannot_be_is_refused(driver: Driver, name: str) -> None:
    parameters = BY_PATH["GET", UPSTREAM[name].path].described.get("parameters", [])
    known = [part["schema"] for part in parameters if part.get("name") == "limit"]
    path = driver.path(UPSTREAM[name])
    for limit in LIMITS[known[0].get("minimum") == 0 :] if known else []:
        answer = driver.client.get(path, params={"limit": limit})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "limit"), limit
