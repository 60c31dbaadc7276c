"""The documents for Actions as this relay serves them: the import takes each, in either form."""

from collections.abc import Iterator

import httpx
import pytest
import yaml

from codegen.actions import limits
from tests.servers import PROJECT, relay_over

FOLDER = PROJECT / "generated" / "actions"
GROUPS = sorted(path.name.removesuffix(".tools.json") for path in FOLDER.glob("*.tools.json"))


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of a relay that has to be told its address."""
    with relay_over("sandbox:") as root, httpx.Client(base_url=root, timeout=30) as made:
        yield made


@pytest.mark.parametrize("group", GROUPS)
def test_the_import_takes_what_is_served(client: httpx.Client, group: str) -> None:
    served = client.get(f"/actions/groups/{group}.json", headers={"host": "relay.example"})
    assert served.status_code == 200
    assert len(served.text) < limits.CHARACTERS
    document = served.json()
    assert document["servers"] == [{"url": "https://relay.example"}]
    assert limits.findings(document) == []


@pytest.mark.parametrize("group", GROUPS)
def test_the_same_is_served_as_yaml(client: httpx.Client, group: str) -> None:
    served, text = (client.get(f"/actions/groups/{group}.{form}") for form in ("json", "yaml"))
    assert len(text.text) < limits.CHARACTERS
    assert yaml.safe_load(text.text) == served.json()
