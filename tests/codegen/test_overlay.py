from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.errors import CodegenError
from codegen.overlay import apply
from tests.codegen.shapes import steady

JSON = Any


def overlay(*actions: JSON, **members: JSON) -> dict[str, JSON]:
    told = [
        {"description": "a reason", **action} if isinstance(action, dict) else action for action in actions
    ]
    return {"overlay": "1.1.0", "info": {"title": "t", "version": "1"}, "actions": told, **members}


def document() -> dict[str, JSON]:
    return {
        "info": {"title": "API", "version": "1"},
        "tags": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
        "paths": {
            "/a": {
                "get": {"tags": ["a"], "parameters": [{"name": "x", "in": "query"}]},
                "post": {"tags": ["a"]},
            },
            "/b": {"get": {"tags": ["b", "a"], "parameters": []}},
        },
    }


def fault(*actions: JSON, **members: JSON) -> str:
    with pytest.raises(CodegenError) as caught:
        apply(document(), overlay(*actions, **members), "o.yaml")
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_objects_merge_arrays_concatenate_primitives_replace() -> None:
    update = {"get": {"tags": ["n"], "deprecated": True}, "put": {}, "summary": None}
    changed = apply(document(), overlay({"target": "$.paths['/a']", "update": update}), "o")
    assert changed["paths"]["/a"] == {
        "get": {"tags": ["a", "n"], "parameters": [{"name": "x", "in": "query"}], "deprecated": True},
        "post": {"tags": ["a"]},
        "put": {},
        "summary": None,
    }


@pytest.mark.parametrize(
    ("update", "added"),
    [({"name": "d"}, [{"name": "d"}]), ([1, [2]], [1, [2]]), ("d", ["d"]), (None, [None]), ([], [])],
)
def test_an_update_of_an_array_appends_or_concatenates(update: JSON, added: list[JSON]) -> None:
    changed = apply(document(), overlay({"target": "$.tags", "update": update}), "o")
    assert changed["tags"] == document()["tags"] + added


def test_an_update_of_a_primitive_replaces_every_match() -> None:
    changed = apply(document(), overlay({"target": "$.paths.*.*.tags[?@ == 'a']", "update": "z"}), "o")
    assert changed["paths"]["/a"]["get"]["tags"] == ["z"]
    assert changed["paths"]["/b"]["get"]["tags"] == ["b", "z"]


def test_filters_with_functions_select() -> None:
    target = "$.paths.*.get[?length(@) == 1 && match(@[0].name, '[x-z]')]"
    changed = apply(document(), overlay({"target": target, "update": {"name": "y"}}), "o")
    assert changed["paths"]["/a"]["get"]["parameters"] == [{"name": "x", "in": "query"}, {"name": "y"}]
    assert changed["paths"]["/b"] == document()["paths"]["/b"]


def test_remove_takes_every_match_from_arrays_and_objects() -> None:
    changed = apply(document(), overlay({"target": "$.tags[?@.name != 'b']", "remove": True}), "o")
    assert changed["tags"] == [{"name": "b"}]
    changed = apply(document(), overlay({"target": "$..tags", "remove": True}), "o")
    assert "tags" not in str(changed)


def test_remove_of_nested_and_repeated_matches() -> None:
    nested = {"a": [[1, 2], {"a": [3]}, 4]}
    assert apply(nested, overlay({"target": "$.a[0,0,-1]", "remove": True}), "o") == {"a": [{"a": [3]}]}
    assert apply(nested, overlay({"target": "$..[?@ != null]", "remove": True}), "o") == {}


def test_copy_merges_a_copy_of_one_node_into_each_match() -> None:
    source = "$.paths['/a'].get"
    changed = apply(document(), overlay({"target": "$.paths.*.post", "copy": source}), "o")
    post = changed["paths"]["/a"]["post"]
    assert post == {"tags": ["a", "a"], "parameters": [{"name": "x", "in": "query"}]}
    post["parameters"][0]["name"] = "changed"
    assert changed["paths"]["/a"]["get"] == document()["paths"]["/a"]["get"]


def test_copy_of_a_node_into_its_own_parent_ends() -> None:
    changed = apply({"a": {"b": {"c": 1}}}, overlay({"target": "$", "copy": "$.a"}), "o")
    assert changed == {"a": {"b": {"c": 1}}, "b": {"c": 1}}


def test_copy_of_a_parent_into_its_child_takes_it_as_it_was() -> None:
    changed = apply({"x": 1, "a": {}}, overlay({"target": "$.a", "copy": "$"}), "o")
    assert changed == {"x": 1, "a": {"x": 1, "a": {}}}


def test_actions_see_the_result_of_the_one_before() -> None:
    actions = (
        {"target": "$.info", "update": {"x-new": {}}},
        {"target": "$.info['x-new']", "copy": "$.tags[0]"},
        {"target": "$.tags", "remove": True},
    )
    assert apply(document(), overlay(*actions, extends="openai.json"), "o")["info"]["x-new"] == {"name": "a"}


def test_matches_inside_one_another_are_all_updated() -> None:
    changed = apply({"a": {"a": {"a": {}}}}, overlay({"target": "$..a", "update": {"z": 1}}), "o")
    assert changed == {"a": {"a": {"a": {"z": 1}, "z": 1}, "z": 1}}


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"target": "$.nothing", "update": 1}, "$.nothing: the target selects nothing"),
        ({"target": "$.nothing", "remove": True}, "$.nothing: the target selects nothing"),
        ({"target": "$.info"}, "$.info: exactly one of update, copy and remove"),
        ({"target": "$.info", "update": {}, "remove": True}, "$.info: exactly one of"),
        ({"target": "$.info", "update": {}, "copy": "$.info"}, "$.info: exactly one of"),
        ({"target": "$.info", "remove": False}, "$.info: remove: true is expected"),
        ({"target": "$.info", "remove": 1}, "$.info: remove: true is expected"),
        ({"target": "$", "remove": True}, "$: remove: the root of the document cannot be removed"),
        ({"target": "$..*", "update": {}}, "$..*: the target selects objects, arrays and primitives"),
        ({"target": "$.info", "update": []}, "$.info: update: $['info'] is an object"),
        ({"target": "$.info.title", "update": {}}, "$.info.title: update: $['info']['title'] is a primitive"),
        ({"target": "$", "update": {"info": {"title": []}}}, "$: update: $['info']['title'] is a primitive"),
        ({"target": "$", "update": {"tags": {"name": "d"}}}, "$: update: $['tags'] is an array"),
        ({"target": "$.info", "copy": "$.tags"}, "$.info: copy: $['info'] is an object"),
        ({"target": "$.info", "copy": "$.none"}, "$.info: copy: $.none selects 0 nodes, not one"),
        ({"target": "$.info", "copy": "$.tags[*]"}, "$.info: copy: $.tags[*] selects 3 nodes, not one"),
        ({"target": "$.info", "copy": {}}, "$.info: copy: a JSONPath is expected"),
        ({"target": "$.info", "copy": "info"}, "$.info: JSONPath 'info': "),
        ({"target": "$.info[", "update": {}}, "$.info[: JSONPath '$.info[': "),
        ({"target": "$[?no(@)]", "update": {}}, "$[?no(@)]: JSONPath '$[?no(@)]': "),
        ({"target": "$.info", "updates": {}}, "$.info: unknown key 'updates'"),
        ({"target": "$.info", "update": {}, "x-a": 1}, "$.info: unknown key 'x-a'"),
        ({"target": "$.info", "update": {}, "description": " "}, "$.info: description: every action"),
        ({"target": "$.info", "update": {}, "description": None}, "$.info: description: every action"),
    ],
)
def test_a_fault_names_file_action_and_target(action: dict[str, JSON], message: str) -> None:
    good = {"target": "$.info", "update": {"a": 1}}
    assert fault(good, action).startswith(f"o.yaml: action 2, {message}")


@pytest.mark.parametrize("action", ["a", None, {}, {"target": 1}, {"target": ["$"], "update": 1}])
def test_an_action_without_a_target_is_named_by_its_number(action: JSON) -> None:
    assert fault(action) == "o.yaml: action 1: an object with a target is expected"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"overlay": "1.0.0"}, "#/overlay: '1.0.0' is not Overlay 1.1"),
        ({"overlay": 1.1}, "#/overlay: 1.1 is not Overlay 1.1"),
        ({"overlay": None}, "#/overlay: None"),
        ({"x-a": 1}, "#: unknown key 'x-a'"),
        ({"info": {"title": "t"}}, "#/info: an object with a title and a version"),
        ({"info": []}, "#/info: an object with a title and a version"),
        ({"info": {"title": "t", "version": "1", "contact": {}}}, "#/info: unknown key 'contact'"),
        ({"extends": 1}, "#/extends: a URI reference"),
        ({"actions": []}, "#/actions: an array of at least one action"),
        ({"actions": {}}, "#/actions: an array of at least one action"),
    ],
)
def test_a_malformed_overlay_is_refused(members: dict[str, JSON], message: str) -> None:
    assert fault({"target": "$", "update": {}}, **members).startswith(f"o.yaml: {message}")


KEYS = st.sampled_from("abc")
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        st.none() | st.integers(0, 3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner),
    ),
)


def containers(value: JSON) -> list[JSON]:
    if not isinstance(value, (dict, list)):
        return []
    items = value.values() if isinstance(value, dict) else value
    return [value, *(inner for item in items for inner in containers(item))]


@steady
@given(TREES, TREES, st.sampled_from(["$", "$..a", "$.*", "$..[0]", "$..[?@.a]", "$..b[1:]"]))
def test_an_update_never_aliases_and_leaves_its_inputs(tree: JSON, update: JSON, target: str) -> None:
    action = overlay({"target": target, "update": update})
    before = deepcopy((tree, action))
    try:
        changed = apply(tree, action, "o")
    except CodegenError:
        changed = {}
    assert (tree, action) == before
    inside = [id(container) for container in containers(changed)]
    assert len(inside) == len(set(inside))
    assert not {id(container) for container in containers(tree) + containers(update)} & set(inside)


def merged(old: JSON, new: JSON) -> JSON:
    """The merge of Overlay 1.1.0 once more, in the words of a model: no mutation, no messages."""
    if isinstance(old, dict) and isinstance(new, dict):
        both = {key: merged(old[key], new[key]) if key in old else new[key] for key in new}
        return {**old, **both}
    if isinstance(old, list) and isinstance(new, list):
        return old + new
    if isinstance(old, (dict, list)) or isinstance(new, (dict, list)):
        raise TypeError
    return new


@steady
@given(TREES, TREES)
def test_an_update_of_the_root_merges_as_the_model_does(tree: JSON, update: JSON) -> None:
    action = overlay({"target": "$", "update": update})
    try:
        expected = merged(tree, update)
    except TypeError:
        with pytest.raises(CodegenError, match="takes in no other kind"):
            apply(tree, action, "o")
    else:
        assert apply(tree, action, "o") == expected


def test_every_name_of_a_list_has_to_select_something() -> None:
    told = fault({"target": "$.paths['/a', '/gone']", "description": "d", "remove": True})
    assert told == "o.yaml: action 1: '/gone' in its target selects nothing"


def test_an_operation_or_schema_that_is_there_already_is_not_added() -> None:
    there = {
        "paths": {"/things": {"get": {"operationId": "theirs"}}},
        "components": {"schemas": {"Thing": {"type": "object"}}},
    }
    added = [
        {"target": "$.paths", "update": {"/things": {"get": {"operationId": "ours"}}}},
        {"target": "$.paths['/things']", "update": {"get": {"operationId": "ours"}}},
        {"target": "$.components.schemas", "update": {"Thing": {"title": "T"}}},
        {
            "target": "$.paths",
            "update": {"/things": {"servers": [{"url": "/"}], "post": {"operationId": "p"}}},
        },
    ]
    with pytest.raises(CodegenError) as raised:
        apply(there, overlay(*({**one, "description": "d"} for one in added)), "o.yaml", [7, 8, 9, 10])
    places = [line.split(": ", 3)[0] for line in raised.value.lines]
    assert places == ["o.yaml:7", "o.yaml:8", "o.yaml:9", "o.yaml:10"]
    assert all("is there already" in line for line in raised.value.lines)
    assert all("'theirs' in place of 'ours'" in line for line in raised.value.lines[:2])


def test_an_action_that_lost_one_of_its_names_still_serves_the_actions_after_it() -> None:
    """Those are judged by what they say themselves: a lost name is told once."""
    paths: dict[str, JSON] = {"paths": {"/a": {"get": {}}}}
    actions = [
        {"target": "$.paths['/a', '/gone', '/lost'].get", "update": {"x-made": {}}},
        {"target": "$.paths['/a'].get['x-made']", "update": {"more": True}},
    ]
    with pytest.raises(CodegenError) as raised:
        apply(paths, overlay(*actions), "o.yaml")
    (line,) = raised.value.lines
    assert line.endswith("'/gone', '/lost' in its target selects nothing")


def test_what_is_targeted_itself_may_be_renamed() -> None:
    there = {"paths": {"/things": {"get": {"operationId": "theirs"}}}}
    renamed = {"target": "$.paths['/things'].get", "description": "d", "update": {"operationId": "ours"}}
    assert apply(there, overlay(renamed), "o.yaml")["paths"]["/things"]["get"]["operationId"] == "ours"
