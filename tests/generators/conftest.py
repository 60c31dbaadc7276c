"""The served document, as somebody fetches it who makes a client of it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers import relay_over


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    """A client of a relay over the sandbox, without a key."""
    with relay_over("sandbox:") as root, httpx.Client(base_url=root, timeout=30) as made:
        yield made


@pytest.fixture(scope="session")
def document(client: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the served JSON."""
    file = tmp_path_factory.mktemp("served") / "openapi.json"
    file.write_bytes(client.get("/openapi.json").raise_for_status().content)
    return file
