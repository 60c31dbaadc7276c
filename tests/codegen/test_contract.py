from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from codegen import contract
from codegen.errors import CodegenError
from tests.codegen.projects import DOCUMENT, action, write_project


def routes(root: Path) -> dict[str, contract.Route]:
    return {route.operation_id: route for route in contract.load(root / "spec").routes}


def test_upstream_operations_are_mounted_below_the_path_of_their_server(tmp_path: Path) -> None:
    route = routes(write_project(tmp_path))["create-thing"]
    assert (route.path, route.upstream_path, route.method) == ("/v1/things", "/things", "post")


def test_the_relays_own_operations_stand_where_their_server_says_and_have_no_upstream(tmp_path: Path) -> None:
    route = routes(write_project(tmp_path))["getState"]
    assert (route.path, route.upstream_path) == ("/state", None)
    assert route.relay == {"handler": "state.get_state"}


def test_the_served_document_has_absolute_paths_and_nothing_of_the_generators(tmp_path: Path) -> None:
    document = contract.load(write_project(tmp_path) / "spec").document
    assert document["servers"] == [{"url": "/"}]
    assert list(document["paths"]) == ["/state", "/v1/things", "/v1/things/search", "/v1/things/{thing_id}"]
    assert "x-relay" not in str(document)


def test_parameters_of_a_path_item_belong_to_each_operation(tmp_path: Path) -> None:
    document = contract.load(write_project(tmp_path) / "spec").document
    for method in ("get", "post"):
        assert document["paths"]["/v1/things/{thing_id}"][method]["parameters"][0]["name"] == "thing_id"


def with_variant(operation: dict[str, Any]) -> dict[str, Any]:
    return action("$.paths['/things'].post", update={"x-relay": {"variants": {"beta=true": operation}}})


def test_a_variant_is_a_route_of_its_own_at_the_path_of_its_operation(tmp_path: Path) -> None:
    variant = {"operationId": "create-beta", "responses": {"200": {"description": "OK"}}}
    found = routes(write_project(tmp_path, with_variant(variant)))
    assert (found["create-beta"].path, found["create-beta"].query) == ("/v1/things", "beta=true")
    assert found["create-thing"].query is None


def test_a_variant_stands_in_the_served_document_beside_its_operation(tmp_path: Path) -> None:
    variant = {"operationId": "create-beta", "responses": {"200": {"description": "OK"}}}
    document = contract.load(write_project(tmp_path, with_variant(variant)) / "spec").document
    assert document["paths"]["/v1/things"]["post"]["x-query-variants"] == {"beta=true": variant}
    assert str(document).count("create-beta") == 1


def alias(path: str, original: str = "create-thing", method: str = "post", **more: Any) -> dict[str, Any]:
    relay = {"alias": original, **more.pop("relay", {})}
    return action("$.paths", update={path: {method: {"operationId": "other", "x-relay": relay, **more}}})


def test_an_alias_has_all_that_it_does_not_say_from_its_original(tmp_path: Path) -> None:
    found = routes(
        write_project(tmp_path, alias("/stuff", summary="Other", relay={"handler": "state.get_state"}))
    )
    route, original = found["other"], found["create-thing"]
    assert (route.path, route.upstream_path, route.alias_of) == ("/v1/stuff", "/things", "create-thing")
    assert original.alias_of is None
    assert route.operation["requestBody"] == original.operation["requestBody"]
    assert (route.operation["summary"], route.relay["handler"]) == ("Other", "state.get_state")


def test_an_alias_keeps_the_parameters_of_its_original(tmp_path: Path) -> None:
    project = write_project(tmp_path, alias("/one/{thing_id}/thing", "getThing", "get"))
    route = routes(project)["other"]
    assert [parameter["name"] for parameter in route.operation["parameters"]] == ["thing_id"]
    served = contract.load(project / "spec").document["paths"]["/v1/one/{thing_id}/thing"]["get"]
    assert served["parameters"] == route.operation["parameters"]


def test_an_operation_that_is_unprefixed_has_a_hidden_alias(tmp_path: Path) -> None:
    project = write_project(tmp_path, relayed({"unprefixed": True, "beta": "assistants"}))
    route = routes(project)["create-thing_unprefixed"]
    assert (route.path, route.upstream_path, route.alias_of) == ("/things", "/things", "create-thing")
    assert route.relay["beta"] == "assistants"
    assert "/things" not in contract.load(project / "spec").document["paths"]


def moved(old: str, new: str) -> dict[str, Any]:
    document = deepcopy(DOCUMENT)
    document["paths"][new] = document["paths"].pop(old)
    return document


def relayed(value: Any, target: str = "$.paths['/things'].post") -> dict[str, Any]:
    return action(target, update={"x-relay": value})


SEARCH = "$.paths['/things/search'].get"


@pytest.mark.parametrize(
    ("actions", "document", "said"),
    [
        ([with_variant({})], DOCUMENT, "POST /v1/things: an operation or variant without operationId"),
        ([], moved("/things/search", "/things/search?beta=true"), "'/things/search?beta=true'"),
        ([action("$..getThing", remove=True)], DOCUMENT, "selects nothing"),
        (
            [action("$.paths['/things'].post", update={"x-relay": {"handlr": "x.y"}})],
            DOCUMENT,
            "POST /v1/things: x-relay: unknown keys ['handlr']",
        ),
        ([relayed("nothing", SEARCH)], DOCUMENT, "GET /v1/things/search: x-relay: an object is expected"),
        ([relayed({"handler": 5})], DOCUMENT, "POST /v1/things: x-relay: handler is module.function"),
        ([relayed({"beta": "nonsense"})], DOCUMENT, "x-relay: beta is one of assistants, realtime"),
        ([relayed({"models": "gpt"})], DOCUMENT, "POST /v1/things: x-relay: models is true"),
        ([relayed({"ends": "done"}, SEARCH)], DOCUMENT, "search: x-relay: ends is a list of events"),
        ([relayed({"ends": [5]})], DOCUMENT, "POST /v1/things: x-relay: ends is a list of events"),
        ([relayed({"variants": {"a=b": 1}})], DOCUMENT, "x-relay: variants are operations by query"),
        ([relayed({"alias": 5})], DOCUMENT, "x-relay: alias is an id"),
        ([relayed({"websocket": True})], DOCUMENT, "POST /v1/things: x-relay: websocket is for GET"),
        ([relayed({"client_secret": 1})], DOCUMENT, "x-relay: client_secret is true"),
        ([relayed({"unprefixed": False})], DOCUMENT, "x-relay: unprefixed is true"),
        ([alias("/stuff", "nothing")], DOCUMENT, "POST /v1/stuff: x-relay: alias: 'nothing' is no operation"),
        ([alias("/stuff", "other")], DOCUMENT, "'other' is no operation of the upstream"),
        ([alias("/stuff", "getState")], DOCUMENT, "'getState' is no operation of the upstream"),
        ([alias("/stuff", method="get")], DOCUMENT, "its method and path parameters are not those of"),
        ([alias("/stuff/{id}")], DOCUMENT, "its method and path parameters are not those of /v1/things"),
        ([alias("/stuff", "getThing", "get")], DOCUMENT, "are not those of /v1/things/{thing_id}"),
        ([alias("/stuff", parameters=[{"name": "q", "in": "query"}])], DOCUMENT, "and not said again"),
        ([alias("/stuff", relay={"beta": "assistants"})], DOCUMENT, "beside handler or door"),
        (
            [action("$.paths['/state'].get", update={"x-relay": {"unprefixed": True}})],
            DOCUMENT,
            "getState: x-relay: unprefixed is for upstream operations",
        ),
        ([action("$.paths", remove=True)], DOCUMENT, "nothing is left of #/paths"),
        ([action("$.components.schemas", remove=True)], DOCUMENT, "nothing is left of"),
        (
            [action("$.components.schemas.Kind", remove=True)],
            DOCUMENT,
            "'#/components/schemas/Kind' does not",
        ),
        (
            [action("$.paths['/things'].post", update={"operationId": "getThing"})],
            DOCUMENT,
            "operationId 'getThing' at",
        ),
        (
            [
                action(
                    "$.paths",
                    update={"/v1/things/{id}": {"servers": [{"url": "/"}], "get": {"operationId": "own"}}},
                )
            ],
            DOCUMENT,
            "GET /v1/things/{id} (own) collides with GET /v1/things/{thing_id} (getThing)",
        ),
    ],
)
def test_what_cannot_be_routed_stops_with_its_place(
    tmp_path: Path, actions: list[dict[str, Any]], document: dict[str, Any], said: str
) -> None:
    root = write_project(tmp_path, *actions, document=document)
    with pytest.raises(CodegenError) as stopped:
        contract.load(root / "spec")
    assert said in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_paths_that_differ_in_a_parameters_name_are_one_path(tmp_path: Path) -> None:
    other = {"operationId": "other", "responses": {"200": {"description": "OK"}}}
    project = write_project(tmp_path, action("$.paths", update={"/things/{id}": {"delete": other}}))
    with pytest.raises(CodegenError) as caught:
        routes(project)
    assert str(caught.value) in {
        "spec: DELETE /v1/things/{id} (other) is the path /v1/things/{thing_id} as well",
        "spec: GET /v1/things/{thing_id} (getThing) is the path /v1/things/{id} as well",
    }


def test_an_attempt_goes_as_far_as_the_overlays_fit(tmp_path: Path) -> None:
    project = write_project(tmp_path, action("$.nowhere", remove=True))
    found, faults = contract.attempt(project / "spec")
    assert found is not None
    assert {route.operation_id for route in found.routes} >= {"getThing", "getState"}
    assert ["$.nowhere" in str(fault) for fault in faults] == [True]
