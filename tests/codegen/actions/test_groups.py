"""What the overlay says of GPT Actions: read, checked, and found again by operation."""

from typing import Any

import pytest

from codegen.actions.groups import door_of, left_out, operations, read
from codegen.contract import load
from codegen.errors import CodegenError
from tests.codegen.actions.contracts import ACTIONS, GROUP, contract, door, routes
from tests.servers import PROJECT


def test_groups_and_words_are_read() -> None:
    actions = read(contract())
    assert [group.name for group in actions.groups] == ["things"]
    assert actions.groups[0].operations == tuple(GROUP["operations"])
    assert actions.groups_of("getThing") == ["things"]
    assert actions.groups_of("getSecret") == []
    assert actions.words["getThing"] == "Look at a thing."


def test_a_contract_that_says_nothing_of_actions_has_no_groups() -> None:
    assert read(contract(actions={})).groups == ()


def test_a_field_has_its_operations_words_before_the_words_of_its_name() -> None:
    actions = read(contract())
    assert actions.field_words("uploadThing", "name") == "Its name."
    assert actions.field_words("create-thing", "name") == "A name."
    assert actions.field_words("create-thing", "colour") is None


def test_a_reason_is_found_by_path_and_by_id() -> None:
    made = contract()
    actions, known = read(made), operations(made)
    assert actions.reason(known["getSecret"]) == "They are secret."
    assert actions.reason(known["hiddenThing"]) == "It is hidden."
    assert actions.reason(known["getThing"]) is None


def group(**members: Any) -> dict[str, Any]:
    return {"things": {**GROUP, **members}}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"groups": group(operations=["getThing"] * 2)}, "groups: things: 'getThing' stands there twice"),
        ({"groups": group(operations="getThing")}, "groups: things: operations is a list of operation ids"),
        ({"groups": group(title=1)}, "groups: things: title and description are texts"),
        ({"groups": group(more=1)}, "groups: things: title, description and operations are expected"),
        ({"groups": {"Odd name": GROUP}}, "groups: Odd name: a name is a word of small letters"),
        ({"groups": []}, "groups: groups by name are expected"),
        (
            {"groups": group(operations=["getSecret"]), "operations": {"getSecret": "Read it."}},
            "groups: things: 'getSecret' is kept from all groups by without: They are secret.",
        ),
        ({"operations": {}}, "groups: things: 'create-thing' has no words under operations"),
        ({"operations": {"getThing": 1}}, "operations: texts by name are expected"),
        ({"harmless": ["getThing"]}, "harmless: 'getThing' is no POST, so nothing has to be said"),
        ({"harmless": "all"}, "harmless: a list of names is expected"),
        ({"fields": {"name": "x" * 121}}, "fields: name: 1 characters over the limit of 120"),
    ],
)
def test_data_that_cannot_be_right_stops(parts: dict[str, Any], said: str) -> None:
    with pytest.raises(CodegenError) as caught:
        read(contract(**parts))
    assert str(caught.value) == f"spec/groups.yaml: {said}"


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"groups": group(operations=["getThing", "gone"])}, "gone"),
        ({"groups": group(operations=["getThing_door"])}, "getThing_door"),
        (
            {"operations": {**ACTIONS["operations"], "gone": "It went."}},
            "gone",
        ),
        ({"harmless": ["gone"]}, "gone"),
        ({"objects": ["gone.name"]}, "gone"),
        ({"fields": {"gone.name": "A name."}}, "gone"),
        ({"without": {"/gone/*": "It went."}}, "/gone/*"),
    ],
)
def test_what_the_contract_lacks_is_left_out_and_told(parts: dict[str, Any], name: str) -> None:
    assert left_out(contract(**parts)) == [name]
    kept = read(contract(**parts))
    assert "gone" not in repr(kept)
    assert "getThing_door" not in repr(kept)
    assert all(group.operations for group in kept.groups)


def test_all_that_is_said_is_said_of_an_operation() -> None:
    assert left_out(load(PROJECT / "spec")) == []


def test_an_action_goes_through_a_door() -> None:
    assert door_of(contract(), "create-thing").path == "/v1/actions/things"


def test_an_operation_of_the_relays_own_is_its_own_door() -> None:
    assert door_of(contract(), "getInfo").path == "/info"


def test_the_door_at_the_operations_own_path_is_the_one_that_is_used() -> None:
    create = routes()[0]
    assert door_of(contract(door(create, "/v1/actions/first")), "create-thing").path == "/v1/actions/things"
    made = contract(door(routes()[3], "/v1/actions/odd"))
    made.routes.remove(next(each for each in made.routes if each.path == "/v1/actions/things/upload"))
    assert door_of(made, "uploadThing").path == "/v1/actions/odd"
