from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI

TEXTS = {
    "tides.txt": "The moon pulls the sea. Tides rise and fall.",
    "bread.md": "Flour, water, salt and time make bread rise.",
    "cats.txt": "Cats sleep.",
}
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "tides.txt": {"topic": "sea", "year": 2020, "draft": False},
    "bread.md": {"topic": "food", "year": 2024.5, "draft": True},
    "cats.txt": {},
}


@pytest.fixture(scope="module")
def library(client: OpenAI) -> Iterator[str]:
    """Return a store with the three texts in it."""
    store = client.vector_stores.create()
    for name, text in TEXTS.items():
        file = client.files.create(file=(name, text.encode()), purpose="assistants").id
        client.vector_stores.files.create(file_id=file, vector_store_id=store.id, attributes=ATTRIBUTES[name])
    yield store.id
    client.vector_stores.delete(store.id)


def found(client: OpenAI, library: str, query: Any, **more: Any) -> list[str]:
    return [one.filename for one in client.vector_stores.search(library, query=query, **more)]


def test_finds_by_shared_words_best_first(client: OpenAI, http: httpx.Client, library: str) -> None:
    assert found(client, library, "Do tides rise?") == ["tides.txt", "bread.md"]
    assert found(client, library, ["sleep", "CATS"]) == ["cats.txt"]
    assert found(client, library, "elephants") == []
    body = {"query": "cats sleep", "rewrite_query": True}
    answer = http.post(f"/vector_stores/{library}/search", json=body).json()
    (result,) = answer.pop("data")
    assert answer == {
        "object": "vector_store.search_results.page",
        "search_query": ["cats sleep"],
        "has_more": False,
        "next_page": None,
    }
    assert result.pop("file_id").startswith("file-")
    assert result == {
        "filename": "cats.txt",
        "score": 1.0,
        "attributes": {},
        "content": [{"type": "text", "text": "Cats sleep."}],
    }


def test_results_are_as_many_and_as_good_as_asked_for(client: OpenAI, library: str) -> None:
    assert found(client, library, "rise and", max_num_results=1) == ["tides.txt"]
    threshold = {"score_threshold": 0.6}
    assert found(client, library, "tides rise up", ranking_options=threshold) == ["tides.txt"]


def comparison(kind: str, key: str, value: object) -> dict[str, object]:
    return {"type": kind, "key": key, "value": value}


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (comparison("eq", "topic", "sea"), ["tides.txt"]),
        (comparison("ne", "topic", "sea"), ["bread.md", "cats.txt"]),
        (comparison("gt", "year", 2020), ["bread.md"]),
        (comparison("gte", "year", 2020), ["tides.txt", "bread.md"]),
        (comparison("lt", "year", 2024.5), ["tides.txt"]),
        (comparison("lte", "topic", "food"), ["bread.md"]),
        (comparison("gt", "topic", 1), []),
        (comparison("gt", "draft", 0), []),
        (comparison("eq", "draft", 1), []),
        ({"type": "eq", "key": "draft", "value": True}, ["bread.md"]),
        (comparison("in", "topic", ["sea", "air"]), ["tides.txt"]),
        (comparison("nin", "topic", ["sea", "air"]), ["bread.md", "cats.txt"]),
        (
            {"type": "and", "filters": [comparison("gt", "year", 1), comparison("ne", "topic", "sea")]},
            ["bread.md"],
        ),
        (
            {
                "type": "or",
                "filters": [
                    comparison("eq", "year", 2020),
                    {"type": "and", "filters": [{"type": "eq", "key": "draft", "value": True}]},
                ],
            },
            ["tides.txt", "bread.md"],
        ),
    ],
)
def test_filters_by_attributes(client: OpenAI, library: str, filters: Any, names: list[str]) -> None:
    assert sorted(found(client, library, "rise sleep", filters=filters)) == sorted(names)


def test_a_deleted_file_is_found_no_more(client: OpenAI) -> None:
    file = client.files.create(file=("a.txt", b"needle"), purpose="assistants").id
    store = client.vector_stores.create(file_ids=[file])
    assert found(client, store.id, "needle") == ["a.txt"]
    client.files.delete(file)
    assert found(client, store.id, "needle") == []
