import json
import tracemalloc

import pytest

from sandbox.content import MEMORY_BYTES, Content
from sandbox.store import MAX_KEPT, MAX_KEPT_BYTES, Resource, Store, weight

HALF = MAX_KEPT_BYTES // 2


def kept(store: Store) -> list[str]:
    return [resource.id for resource in store.all("/things")]


def test_the_oldest_makes_room_for_the_newest() -> None:
    store = Store()
    for number in range(MAX_KEPT + 2):
        store.add("/things", Resource(str(number), {}))
    assert kept(store) == [str(number) for number in range(2, MAX_KEPT + 2)]


def test_large_resources_make_room_by_their_size() -> None:
    store = Store()
    for name in ("a", "b", "b", "c"):
        store.add("/things", Resource(name, {}, size=HALF - 1_000))
    assert kept(store) == ["b", "c"]
    store.remove("/things", "b")
    store.add("/things", Resource("d", {}, size=HALF - 1_000))
    assert kept(store) == ["c", "d"]
    store.add("/things", Resource("e", {}, size=3 * HALF))
    assert kept(store) == ["e"]


def test_requests_are_counted() -> None:
    store = Store()
    assert [store.repeated(request) for request in (b"a", b"a", b"b", b"a")] == [0, 1, 0, 2]


def test_all_collections_share_one_bound() -> None:
    store = Store()
    for name in ("a", "b", "c"):
        store.add("/things", Resource(name, {}, size=HALF // 2 - 1_000))
    store.add("/others", Resource("d", {}, size=HALF - 1_000))
    assert kept(store) == ["b", "c"]
    assert store.find("/others", "d")


def test_what_is_below_makes_room_and_is_counted_no_more_when_it_goes() -> None:
    store = Store()
    store.add("/things", Resource("a", {}))
    for name in ("b", "c", "d"):
        store.add("/things/a/parts", Resource(name, {}, size=HALF - 1_000))
    assert [part.id for part in store.all("/things/a/parts")] == ["c", "d"]
    store.remove("/things", "a")
    for name in ("e", "f"):
        store.add("/things", Resource(name, {}, size=HALF - 1_000))
    assert kept(store) == ["e", "f"]


def test_content_counts_as_far_as_it_lies_in_memory() -> None:
    store = Store()
    for name, size in (("a", MEMORY_BYTES), ("b", MEMORY_BYTES + 1)):
        store.add("/things", Resource(name, {}, content=Content.of(b"x" * size)))
    weights = [resource.weight for resource in store.all("/things")]
    assert weights[0] >= MEMORY_BYTES > weights[1]


def test_what_grows_is_weighed_again() -> None:
    store = Store()
    grown = store.add("/things", Resource("a", {}))
    store.add("/things", Resource("b", {}, size=HALF))
    grown.size = HALF
    store.weigh("/things", grown)
    assert kept(store) == ["a"]


@pytest.mark.parametrize(
    "value", [["x" * 2**20], ["x"] * 2**16, [{}] * 2**16, [1.5] * 2**16, ["\U0001f642" + "x" * 2**20]]
)
def test_a_weight_is_near_to_what_python_takes(value: list[object]) -> None:
    tracemalloc.start()
    text = json.dumps(value)
    before = tracemalloc.get_traced_memory()[0]
    again = json.loads(text)
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert again == value
    assert 0.99 * taken <= weight(value) <= 25 * taken
