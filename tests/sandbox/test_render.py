from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import render as module
from sandbox.contract import Operation, operations
from sandbox.render import flattened, kinds, properties, render, valid
from tests.sandbox.test_fuzz import JSON
from tests.surface.contract import UPSTREAM, errors

# Every longer form of these answers is an instance of the shortest one as well, and so, by the letter of
# `oneOf`, of none.
OVERLAPPING = {"createTranscription", "createTranslation"}
ANSWERS = {
    one.operation_id: one
    for operation in operations().values()
    for one in (operation, *operation.variants.values())
    if one.answer is not None
}
RUN = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def schema_of(operation: Operation) -> dict[str, Any]:
    assert operation.answer is not None
    return operation.answer


def facts_for(schema: dict[str, Any], level: int = 0) -> st.SearchStrategy[Any]:
    """Facts by the names that a schema knows: some of them fit, others do not."""
    known = properties(schema) if level < 3 else {}
    if not known:
        flat = flattened(schema)
        words = [*flat.get("enum", []), *([flat["const"]] if "const" in flat else [])]
        return st.sampled_from(words) | JSON if words else JSON
    parts = st.sampled_from(sorted(known)).flatmap(
        lambda name: facts_for(known[name], level + 1).map(lambda fact: (name, fact))
    )
    return st.lists(parts, max_size=6).map(dict)


@RUN
@given(data=st.data())
def test_any_facts_make_an_answer(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(ANSWERS)))
    schema = schema_of(ANSWERS[name])
    made = render(schema, data.draw(facts_for(schema) | JSON))
    assert name in OVERLAPPING or valid(schema, made)


@pytest.mark.parametrize("name", ANSWERS)
def test_nothing_known_makes_an_answer(name: str) -> None:
    made = render(schema_of(ANSWERS[name]), {})
    described = UPSTREAM[name].answers()[ANSWERS[name].status]["application/json"]["schema"]
    assert not errors(described, made)


@pytest.mark.parametrize("name", sorted(set(ANSWERS) - OVERLAPPING))
def test_an_answer_made_again_is_the_same(name: str) -> None:
    schema = schema_of(ANSWERS[name])
    made = render(schema, {"id": "x_1", "metadata": {"key": "value"}, "data": [{"id": "x_2"}]})
    assert render(schema, made) == made


def test_facts_that_fit_are_said_and_others_are_not() -> None:
    schema = schema_of(operations()["retrieveFile"])
    known = {"id": "file-1", "bytes": 7, "purpose": "batch", "expires_at": 9}
    said = render(schema, {**known, "filename": 1, "object": "other", "unknown": True})
    assert {name: said[name] for name in known} == known
    assert said["object"] == "file"
    assert isinstance(said["filename"], str)
    assert "unknown" not in said


def test_the_option_with_room_for_most_is_taken() -> None:
    schema = schema_of(operations()["createTranscription"])
    assert set(render(schema, {"text": "a"})) == {"text"}
    verbose = render(schema, {"text": "a", "language": "english", "duration": 1.5})
    assert (verbose["language"], verbose["duration"]) == ("english", 1.5)


def test_schemas_are_compiled_once() -> None:
    def all_made() -> list[int]:
        for operation in ANSWERS.values():
            for facts in ({"id": "x", "data": [{"id": "y"}], "metadata": {}}, "text", None):
                render(schema_of(operation), facts)
        caches = (module._validator, module._flat, module._narrowed)
        return [cache.cache_info().currsize for cache in caches]

    assert all_made() == all_made()


def test_kinds_are_those_of_every_option() -> None:
    assert kinds({"type": "string"}) == {"string"}
    assert kinds({"type": ["string", "null"]}) == {"string", "null"}
    assert kinds({"anyOf": [{"type": "integer"}, {"oneOf": [{"type": "null"}]}]}) == {"integer", "null"}
    assert kinds({"anyOf": [{"type": "integer"}, {}]}) == frozenset()
    assert kinds({}) == frozenset()
