"""References, wherever they lead: what is behind them is compared, and no circle is walked twice."""

from typing import Any

import pytest

from tests.codegen.report.scenes import rows, told

JSON = Any

TEXT, COUNT = {"type": "string"}, {"type": "integer"}


def to(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def an_object(**fields: JSON) -> JSON:
    return {"type": "object", "properties": fields}


def answering(**schemas: JSON) -> dict[str, JSON]:
    """A document with `schemas`, whose one operation answers with `A`."""
    content = {"application/json": {"schema": to("A")}}
    return {
        "paths": {"/a": {"get": {"operationId": "getA", "responses": {"200": {"content": content}}}}},
        "components": {"schemas": schemas},
    }


def test_what_lies_inside_a_component_is_compared() -> None:
    inside = {"B": an_object(text=TEXT), "C": an_object(text=TEXT), "D": an_object(text=COUNT)}
    states = [answering(A=an_object(inner=to(f"{name}/properties/text")), **inside) for name in "BCD"]
    elsewhere = ("schema", "refers elsewhere", False)
    assert rows(told(states[0], states[1])) == [elsewhere]
    assert rows(told(states[0], states[2])) == [elsewhere, ("type", "retyped", True)]
    assert told(states[0], states[2])[0].detail == "B/properties/text → D/properties/text"


def test_a_reference_out_of_the_schemas_cannot_be_judged() -> None:
    states = [answering(A={"$ref": one}) for one in ("#/paths/~1a", "#")]
    assert rows(told(*states)) == [("schema", "refers elsewhere", True)]


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_schemas_made_of_each_other_are_compared(keyword: str) -> None:
    circle = {"B": {keyword: [to("C")]}, "C": {keyword: [to("B")]}, "D": TEXT}
    before, after = (answering(A={keyword: [to(name)]}, **circle) for name in "BD")
    assert any(breaking for _, _, breaking in rows(told(before, after)))
    assert any(breaking for _, _, breaking in rows(told(after, before)))


def test_a_field_that_leaves_a_circle_of_mixtures_is_gone() -> None:
    before, after = (
        answering(A={"allOf": [to("B")], **fields}, B={"allOf": [to("A")]})
        for fields in ({"properties": {"x": TEXT}}, {})
    )
    assert ("field", "removed", True) in rows(told(before, after))


def test_a_member_that_is_a_plain_value_surprises_readers_behind_a_reference_too() -> None:
    before, after = (answering(A={"anyOf": members}, B=TEXT) for members in ([COUNT], [COUNT, to("B")]))
    assert rows(told(before, after)) == [("member", "added", True)]
    assert rows(told(after, before)) == [("member", "removed", True)]


@pytest.mark.parametrize("kind", ["responses", "headers", "requestBodies", "parameters"])
def test_a_component_that_refers_to_another_one_is_told(kind: str) -> None:
    """Of two that say the same, which nothing but the name tells apart."""
    said = {"name": "a", "in": "query"} if kind == "parameters" else {}
    two = {"Two": said, "Three": said}
    states = [{"components": {kind: {"One": {"$ref": f"#/components/{kind}/{name}"}, **two}}} for name in two]
    (change,) = told(*states)
    assert (change.subject, change.what) == ("reference", "refers elsewhere")
    assert (change.detail, change.breaking) == ("Two → Three", False)


def test_a_reference_that_is_no_component_is_told() -> None:
    before, after = answering(A=TEXT), answering(A=TEXT)
    before["paths"]["/a"]["get"]["parameters"] = [{"$ref": "#"}]
    after["paths"]["/a"]["get"]["parameters"] = [{"$ref": "#/paths/~1a"}]
    assert rows(told(before, after)) == [("reference", "refers elsewhere", False)]


OWN, OTHER, THIRD = (
    {"name": "a", "in": "query", "schema": {"type": name}} for name in ("string", "integer", "null")
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"parameters": [OTHER], "get": [OWN]}, {"parameters": [THIRD], "get": [OWN]}),
        ({"parameters": [OWN], "get": []}, {"get": [OWN]}),
        ({"parameters": [OWN]}, {"parameters": [OTHER]}),
        ({"get": [OTHER, OWN]}, {"get": [THIRD, OWN]}),
    ],
    ids=["overridden", "moved to the operation", "of no operation", "twice there"],
)
def test_parameters_that_change_nothing_are_told(before: dict[str, JSON], after: dict[str, JSON]) -> None:
    def document(given: dict[str, JSON]) -> dict[str, JSON]:
        item = {key: value for key, value in given.items() if key == "parameters"}
        if "get" in given:
            item["get"] = {"operationId": "getA", "parameters": given["get"], "responses": {}}
        return {"paths": {"/a": item}}

    assert ("parameters", "written otherwise", False) in rows(told(document(before), document(after)))
    assert all(not breaking for _, _, breaking in rows(told(document(after), document(before))))


@pytest.mark.parametrize(
    ("holder", "keyword", "empty"),
    [
        ("get", "parameters", []),
        ("get", "responses", {}),
        ("200", "content", {}),
        ("200", "headers", {}),
        ("requestBody", "content", {}),
    ],
)
def test_what_is_empty_is_told_from_what_is_absent(holder: str, keyword: str, empty: JSON) -> None:
    def document(**given: JSON) -> dict[str, JSON]:
        operation: dict[str, JSON] = {"operationId": "getA", "requestBody": {}, "responses": {"200": {}}}
        if keyword == "responses":
            del operation["responses"]
        inner = {"get": operation, "200": operation.get("responses", {}).get("200")}
        (inner[holder] if holder in inner else operation[holder]).update(given)
        return {"paths": {"/a": {"get": operation}}}

    expected = [(keyword, "written otherwise", False)]
    assert rows(told(document(), document(**{keyword: empty}))) == expected
    assert rows(told(document(**{keyword: empty}), document())) == expected


def test_the_order_of_types_is_no_change() -> None:
    assert told(answering(A={"type": ["string", "null"]}), answering(A={"type": ["null", "string"]})) == []


def test_a_renamed_schema_is_told_once_and_harmless_however_often_it_is_used() -> None:
    before, after = (
        answering(A=an_object(**{f"field{n}": to(name) for n in range(9)}), **{name: an_object(x=TEXT)})
        for name in ("Old", "New")
    )
    (change,) = told(before, after)
    assert (change.subject, change.what, change.detail) == ("schema", "renamed", "Old → New")
    assert not change.breaking


def test_a_renamed_schema_that_changed_too_tells_both() -> None:
    before = answering(A=to("Old"), Old=an_object(x=TEXT, y=TEXT))
    after = answering(A=to("New"), New=an_object(x=TEXT))
    assert rows(told(before, after)) == [("field", "removed", True), ("schema", "renamed", False)]


def test_a_field_that_moved_into_all_that_is_made_of_its_component_is_harmless() -> None:
    def state(part: JSON, **own: JSON) -> dict[str, JSON]:
        made = {name: {"allOf": [to("Part"), an_object(**own)]} for name in ("B", "C")}
        return answering(A=an_object(b=to("B"), c=to("C")), Part=part, **made)

    before = state(an_object(x=TEXT, y=TEXT), z=TEXT)
    after = state(an_object(y=TEXT), z=TEXT, x=TEXT)
    assert not any(breaking for _, _, breaking in rows(told(before, after)))
    assert ("field", "moved", False) in rows(told(before, after))
    lacking = state(an_object(y=TEXT), z=TEXT)
    assert ("field", "removed", True) in rows(told(before, lacking))


def test_a_schema_that_nothing_uses_is_gone_for_whoever_knew_it() -> None:
    with_it, without = answering(A=TEXT, Alone=TEXT), answering(A=TEXT)
    assert rows(told(with_it, without)) == [("schema", "removed", True)]
    assert rows(told(without, with_it)) == [("schema", "added", False)]
