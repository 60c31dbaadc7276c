"""docs/actions.md, against what it tells of."""

import json
import re
from typing import Any

from codegen import files
from relay.settings import Settings
from tests.servers import PROJECT

PAGE = (PROJECT / "docs" / "actions.md").read_text(encoding="utf-8")
DATA: Any = files.load(PROJECT / "spec" / "groups.yaml")
GROUPS = DATA["actions"][0]["update"]["x-relay-actions"]["groups"]


def test_the_table_has_each_group_with_its_operations_counted() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.+) \|$", PAGE, re.MULTILINE)
    told = [(name, str(len(group["operations"])), group["description"]) for name, group in GROUPS.items()]
    assert rows == told


def test_what_the_page_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert links
    assert [link for link in links if not (PROJECT / "docs" / link).exists()] == []


def test_the_paths_of_the_page_are_served() -> None:
    document = json.loads((PROJECT / "generated" / "openapi.json").read_bytes())
    compiled = [
        path
        for name in GROUPS
        for path in json.loads((PROJECT / "generated" / "actions" / f"{name}.json").read_bytes())["paths"]
    ]
    known = {re.sub(r"\{[^}]+\}", "{}", path) for path in (*document["paths"], *compiled)}
    known |= {"/actions/groups/{}.json", "/v1/actions/"}
    told = set(re.findall(r"(?<![\w.>])/(?:v1|actions|openapi)[\w./{}]*", PAGE))
    assert {path for path in told if re.sub(r"\{[^}]+\}", "{}", path).rstrip(".") not in known} == set()


def test_the_settings_of_the_page_exist() -> None:
    named = {
        str(choice).upper()
        for field in Settings.model_fields.values()
        for choice in getattr(field.validation_alias, "choices", [])
    }
    told = set(re.findall(r"RELAY_[A-Z_]+", PAGE)) - {"RELAY_URL"}  # the example's own
    assert told <= named
