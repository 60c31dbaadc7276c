"""Every operation that the proxy reaches, through it and over the sandbox, answered as the contract says."""

from collections.abc import Iterator

import httpx
import pytest

from generated.operations import OPERATIONS
from tests.relay.actions.envelopes import DOOR
from tests.routes import operation_of
from tests.servers import RELAY_KEY, relay_over
from tests.surface.contract import UPSTREAM
from tests.surface.driver import Driver
from tests.surface.needs import FIELDS, PATHS
from tests.surface.test_every_operation import judge

REACHED = [name for name, found in OPERATIONS.items() if found.proxy]


class ThroughTheProxy(httpx.BaseTransport):
    """Puts each request that the proxy reaches into an envelope; `enveloped` are their operations' ids."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()
        self.enveloped: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to the request, or to the envelope with it."""
        name = operation_of(request.method, request.url.path)
        if name is None or not OPERATIONS[name].proxy:
            return self._inner.handle_request(request)
        self.enveloped.append(name)
        return self._inner.handle_request(_enveloped(request))

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def _enveloped(request: httpx.Request) -> httpx.Request:
    parts = [f'"method": "{request.method}", "path": "{request.url.path}"']
    if pairs := request.url.params.multi_items():
        parts.append('"query": {' + ", ".join(f'"{name}": "{value}"' for name, value in pairs) + "}")
    if body := request.read().decode():
        parts.append(f'"body": {body}')
    fields = [field for field in request.headers.multi_items() if not field[0].startswith("content-")]
    content = "{" + ", ".join(parts) + "}"
    url = request.url.copy_with(path=DOOR, query=None)
    return httpx.Request(
        "POST", url, headers=[*fields, ("content-type", "application/json")], content=content
    )


@pytest.fixture(scope="module")
def transport() -> ThroughTheProxy:
    return ThroughTheProxy()


@pytest.fixture(scope="module")
def client(transport: ThroughTheProxy) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {RELAY_KEY}"}
    with (
        relay_over("sandbox:") as root,
        httpx.Client(base_url=f"{root}/v1", headers=headers, transport=transport, timeout=30) as made,
    ):
        yield made


@pytest.mark.parametrize("operation_id", REACHED)
def test_an_operation_answers_through_the_proxy_as_the_contract_says(
    client: httpx.Client, transport: ThroughTheProxy, operation_id: str
) -> None:
    answer = Driver(client, FIELDS, PATHS).call(operation_id)
    assert transport.enveloped[-1] == operation_id.removeprefix("beta_")
    judge(UPSTREAM[operation_id], answer)


def test_a_conversation_goes_through_the_proxy(client: httpx.Client) -> None:
    asked = {"model": "gpt-5.1", "input": "Return exactly: pong"}
    made = client.post("/responses", json=asked).json()
    assert made["output"][-1]["content"][0]["text"] == "pong"
    items = client.get(f"/responses/{made['id']}/input_items", params={"limit": "1"}).json()
    assert items["data"][0]["content"][0]["text"] == asked["input"]
    assert client.delete(f"/responses/{made['id']}").status_code == 200
    assert client.get(f"/responses/{made['id']}").status_code == 404


def test_a_vector_store_is_searched_through_the_proxy(client: httpx.Client) -> None:
    content = ("colours.txt", b"The sky is blue. Grass is green.")
    file = client.post("/files", data={"purpose": "assistants"}, files={"file": content}).json()
    store = client.post("/vector_stores", json={"name": "colours", "file_ids": [file["id"]]}).json()
    while client.get(f"/vector_stores/{store['id']}").json()["status"] != "completed":
        pass
    found = client.post(f"/vector_stores/{store['id']}/search", json={"query": "What is green?"}).json()
    assert "Grass is green" in found["data"][0]["content"][0]["text"]
    assert client.delete(f"/vector_stores/{store['id']}").json()["deleted"] is True
