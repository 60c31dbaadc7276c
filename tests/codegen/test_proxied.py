"""What the overlay opens to `POST /v1/proxy`, and where it cannot."""

from pathlib import Path
from typing import Any

import pytest

from codegen import contract, coverage, tables
from codegen.errors import CodegenError
from generated.operations import OPERATIONS
from tests.codegen.projects import action, write_project
from tests.codegen.test_contract import alias

CREATE, GET, UPDATE, STATE = (
    "$.paths['/things'].post",
    "$.paths['/things/{thing_id}'].get",
    "$.paths['/things/{thing_id}'].post",
    "$.paths['/state'].get",
)


def opened(target: str, value: Any = True) -> dict[str, Any]:  # noqa: FBT002 - it is the overlay's word
    return action(target, update={"x-relay": {"proxy": value}})


def content(media_type: str) -> dict[str, Any]:
    return {"content": {media_type: {"schema": {"type": "string"}}}}


def made(root: Path) -> dict[str, bool]:
    """What the table says of each operation; raises CodegenError."""
    loaded = contract.load(root / "spec")
    tables.operations(loaded, root / "handlers")
    return {route.operation_id: tables.facts_of(route)["proxy"] for route in loaded.routes}


def test_an_operation_is_open_where_the_overlay_says_so(tmp_path: Path) -> None:
    found = made(write_project(tmp_path, opened(CREATE), opened(UPDATE)))
    assert {name for name, proxied in found.items() if proxied} == {"create-thing", "updateThing"}


def test_an_alias_is_not_open_where_its_original_is(tmp_path: Path) -> None:
    hidden = action(CREATE, update={"x-relay": {"unprefixed": True}})
    root = write_project(tmp_path, opened(CREATE), alias("/stuff"), hidden)
    found = made(root)
    assert {name: found[name] for name in ("create-thing", "other", "create-thing_unprefixed")} == {
        "create-thing": True,
        "other": False,
        "create-thing_unprefixed": False,
    }
    rows = coverage.matrix(contract.load(root / "spec"), {})["operations"]
    assert {name: row["proxy"] for name, row in rows.items()} == found


def test_a_variant_is_open_with_its_operation(tmp_path: Path) -> None:
    variant = {"operationId": "create-beta", "responses": {"200": {"description": "OK"}}}
    root = write_project(
        tmp_path, opened(CREATE), action(CREATE, update={"x-relay": {"variants": {"beta=true": variant}}})
    )
    assert made(root)["create-beta"]


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        ([opened(STATE)], "getState: x-relay: proxy: it is the relay's own"),
        ([action(GET, update={"x-relay": {"websocket": True, "proxy": True}})], "it is a WebSocket"),
        ([opened(CREATE, value=False)], "POST /v1/things: x-relay: proxy is true"),
        ([opened(CREATE, value="yes")], "POST /v1/things: x-relay: proxy is true"),
        ([alias("/stuff", relay={"proxy": True})], "POST /v1/stuff: x-relay: alias: it stands"),
        (
            [
                action(UPDATE + ".requestBody.content['application/json']", remove=True),
                action(UPDATE, update={"requestBody": content("multipart/form-data")}),
                opened(UPDATE),
            ],
            "updateThing: x-relay: proxy: it takes multipart/form-data, and the proxy JSON alone",
        ),
        (
            [action(GET + ".responses['200']", update=content("image/png")), opened(GET)],
            "getThing: x-relay: proxy: it answers image/png, and the proxy JSON alone",
        ),
    ],
)
def test_what_the_proxy_cannot_serve_stops_with_its_place(
    tmp_path: Path, actions: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(CodegenError) as stopped:
        made(write_project(tmp_path, *actions))
    assert said in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_an_operation_that_takes_json_among_others_may_be_open(tmp_path: Path) -> None:
    more = action(UPDATE, update={"requestBody": content("multipart/form-data")})
    assert made(write_project(tmp_path, more, opened(UPDATE)))["updateThing"]


def test_no_operation_of_the_contract_is_open_that_gives_content_or_is_administrations() -> None:
    reached = [found.path for found in OPERATIONS.values() if found.proxy]
    closed = (
        "/content",
        "/results",
        "/organization",
        "/projects",
        "/uploads",
        "/audio",
        "/realtime",
        "/evals",
    )
    assert reached
    assert not [
        path for path in reached for part in (*closed, "/fine_tuning", "/moderations") if part in path
    ]
