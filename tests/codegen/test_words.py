"""The words of the served document: what is made of facts, and that the real document lacks none."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codegen import contract
from codegen.contract import Route
from codegen.errors import CodegenError
from codegen.stale import stale
from codegen.words import left_out, served
from relay.settings import Settings
from tests.codegen import projects

ROOT = Path(__file__).parents[2]
REFERENCE = "https://example.com/reference"
WORDS: dict[str, Any] = {
    "reference": REFERENCE,
    "pages": {"/things": "things", "/things/{thing_id}": "thing", "/other": "other"},
    "summaries": {"create-thing": "Make a thing."},
    "notes": {"/things/s*": "Searching is slow."},
    "tags": {"Things": "What there is."},
}


def described(root: Path, words: dict[str, Any] = WORDS, **updates: Any) -> dict[str, Any]:
    """The served document of the small project, with `words` and `updates` by path and method."""
    actions = [projects.action("$", update={contract.WORDS: words})]
    for place, update in updates.items():
        path, method = place.split(" ")
        actions.append(projects.action(f"$.paths['{path}'].{method}", update=update))
    return served(contract.load(projects.write_project(root, *actions) / "spec"))


def test_an_operation_is_told_by_its_path_unless_there_are_words_for_it(tmp_path: Path) -> None:
    paths = described(tmp_path)["paths"]
    assert paths["/v1/things"]["post"]["summary"] == "Make a thing"
    assert paths["/v1/things/{thing_id}"]["get"]["summary"] == "Get one of things"
    assert paths["/v1/things/{thing_id}"]["post"]["summary"] == "POST to one of things"
    assert paths["/v1/things/search"]["get"]["summary"] == "Get search (things)"


def test_a_list_is_told_by_what_it_answers(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"data": {"type": "array", "items": {}}}}
    answer = {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}
    paths = described(tmp_path, **{"/things/search get": answer})["paths"]
    assert paths["/v1/things/search"]["get"]["summary"] == "List search (things)"


def test_the_longest_beginning_of_a_path_has_the_page(tmp_path: Path) -> None:
    paths = described(tmp_path)["paths"]
    found = {path: item["get"]["externalDocs"]["url"] for path, item in paths.items() if "/things/" in path}
    assert found == {
        "/v1/things/search": f"{REFERENCE}/things",
        "/v1/things/{thing_id}": f"{REFERENCE}/thing",
    }
    other = described(tmp_path, {**WORDS, "pages": {"/thing": "wrong", "/things/sea": "wrong"}})["paths"]
    assert other["/v1/things/search"]["get"]["externalDocs"] == {"url": REFERENCE}
    none = described(tmp_path, {"tags": {}})["paths"]
    assert "externalDocs" not in none["/v1/things/search"]["get"]


def test_what_the_overlay_says_comes_before_what_the_facts_say(tmp_path: Path) -> None:
    said = {"description": "Ours.", "x-relay": {"beta": "assistants", "proxy": True}}
    paths = described(tmp_path, **{"/things/search get": said})["paths"]
    assert paths["/v1/things/search"]["get"]["description"] == (
        "Ours. Sent on to `GET /things/search` of OpenAI's API. OPENAI_ASSISTANTS_BETA is added to its "
        "OpenAI-Beta. `POST /v1/proxy` reaches it. Searching is slow."
    )
    plain = paths["/v1/things"]["post"]["description"]
    assert plain == "Forwarded as it comes to `POST /things` of OpenAI's API."


def test_tags_are_those_in_use_with_words(tmp_path: Path) -> None:
    document = described(tmp_path)
    assert {"name": "Things", "description": "What there is."} in document["tags"]
    names = [tag["name"] for tag in document["tags"]]
    assert len(names) == len(set(names))
    assert {tag for operation in operations(document) for tag in operation["tags"]} == set(names)


@pytest.mark.parametrize(
    "words", [{"unknown": {}}, {"pages": []}, {"pages": {"/a": 1}}, {"reference": {}}, {"tags": "text"}]
)
def test_what_are_no_words_stops_the_build(tmp_path: Path, words: dict[str, Any]) -> None:
    with pytest.raises(CodegenError, match="x-relay-words"):
        described(tmp_path, words)


REAL = contract.load(ROOT / "spec")
SERVED: dict[str, Any] = json.loads((ROOT / "generated" / "openapi.json").read_bytes())
VISIBLE = [route for route in REAL.routes if not route.hidden]
OWN = [route for route in VISIBLE if route.upstream_path is None]


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        for operation in item.values():
            yield operation
            yield from operation.get("x-query-variants", {}).values()


BY_ID = {operation["operationId"]: operation for operation in operations(SERVED)}


def target(part: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        found: Any = SERVED
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def test_every_operation_says_in_a_line_and_in_sentences_what_becomes_of_it() -> None:
    assert BY_ID.keys() == {route.operation_id for route in VISIBLE}
    for operation in BY_ID.values():
        assert 0 < len(operation["summary"]) < 120
        assert not operation["summary"].endswith(".")
        assert operation["description"].endswith(".")
        assert operation["tags"]


def test_every_operation_of_the_upstream_is_linked_to_the_reference_and_no_other_is() -> None:
    reference, pages = REAL.words["reference"], REAL.words["pages"]
    for route in VISIBLE:
        docs = BY_ID[route.operation_id].get("externalDocs")
        if route.upstream_path is None:
            assert docs is None
        else:
            begun = [page for page in pages if f"{route.upstream_path}/".startswith(f"{page}/")]
            page = max(begun, key=len, default=None)
            assert docs == {"url": f"{reference}/{pages[page]}" if page else reference}
    linked = [one for one in BY_ID.values() if one.get("externalDocs", {}).get("url", reference) != reference]
    assert len(linked) > 250


def test_every_tag_in_use_is_described() -> None:
    tags = {tag["name"]: tag["description"] for tag in SERVED["tags"]}
    assert {tag for operation in BY_ID.values() for tag in operation["tags"]} == tags.keys()
    assert all(words.endswith(".") for words in tags.values())


def test_words_for_what_there_is_not_are_told_of_with_their_lines(tmp_path: Path) -> None:
    odd = {"pages": {"/things/se": "a", "/nothing": "b"}, "summaries": {"no": "a"}, "notes": {"/no*": "a"}}
    words = {**WORDS, **odd, "tags": {"Things": "What there is.", "No": "a"}}
    root = projects.write_project(tmp_path, projects.action("$", update={contract.WORDS: words}))
    made = contract.load(root / "spec")
    names = ["/things/se", "/nothing", "no", "/no*", "No"]
    assert left_out(made) == names
    (root / "spec" / "words.yaml").write_text("\n".join(f"  {name}: a" for name in ["/things", *names]))
    told = [line for line in stale(made, root) if line.startswith("spec/words.yaml")]
    assert told == [
        f"spec/words.yaml:{number}: {name!r} is nothing of the contract's"
        for number, name in enumerate(names, 2)
    ]


@pytest.mark.parametrize("route", OWN, ids=lambda route: route.operation_id)
def test_an_operation_of_the_relays_own_is_described_to_the_last_part(route: Route) -> None:
    operation = BY_ID[route.operation_id]
    for parameter in operation.get("parameters", []):
        assert target(parameter)["description"].endswith(".")
        assert target(parameter)["schema"]["type"]
    for answer in map(target, operation["responses"].values()):
        assert answer["description"].endswith(".")
        for header in map(target, answer.get("headers", {}).values()):
            assert header["description"].endswith(".")
        for media_type, content in answer.get("content", {}).items():
            schema = target(content["schema"])
            # What the proxy answers is the operation's own.
            known = schema.get("properties") or schema.get("items") or media_type != "application/json"
            assert known or route.operation_id == "proxyRequest"
    for content in operation.get("requestBody", {}).get("content", {}).values():
        assert target(content["schema"])["description"].endswith(".")


def test_the_schemas_of_the_relays_own_are_described() -> None:
    ours = {
        name: schema for name, schema in SERVED["components"]["schemas"].items() if name.startswith("Relay")
    }
    assert len(ours) > 20
    assert [name for name, schema in ours.items() if not schema.get("description", "").endswith(".")] == []


def test_what_does_more_than_forward_says_what() -> None:
    handled = [route for route in VISIBLE if route.relay.get("handler") and not route.relay.get("door")]
    own = [route for route in handled if route.upstream_path and "description" not in route.operation]
    assert own == []


def test_the_note_on_what_is_blocked_is_the_settings_default() -> None:
    default = Settings.model_fields["relay_blocked_operations"].get_default(call_default_factory=True)
    assert set(REAL.words["notes"]) == set(default)
