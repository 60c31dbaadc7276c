"""The documents over HTTP: compressed for who takes that, and not sent again to who has them."""

import gzip
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from codegen import files
from relay.actions import documents
from tests.handlers.judging import DOCUMENT
from tests.relay.wire import Answer, ask
from tests.servers import PROJECT, relay_over

SERVED = {
    "/openapi.json": "application/json",
    "/openapi.yaml": "application/yaml",
    "/openapi.actions.json": "application/json",
    "/openapi.actions.yaml": "application/yaml",
    "/actions/groups/files.json": "application/json",
    "/actions/groups/files.yaml": "application/yaml",
    "/actions/groups/files/tools.json": "application/json",
}
ZIPPED = "accept-encoding: gzip"


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with relay_over("sandbox:", relay_public_url="https://relay.example") as made:
        yield made


@pytest.fixture(scope="module")
def other() -> Iterator[str]:
    """A replica: another relay with the same settings."""
    with relay_over("sandbox:", relay_public_url="https://relay.example") as made:
        yield made


def field(answer: Answer, name: str) -> str:
    (value,) = answer.all(name)
    return value


@pytest.mark.parametrize("path", SERVED)
def test_who_takes_gzip_gets_the_same_document_in_gzip(root: str, path: str) -> None:
    plain, zipped = ask(root, "GET", path), ask(root, "GET", path, "accept-encoding: br, gzip;q=0.8")
    for answer in (plain, zipped):
        assert answer.status == 200
        assert field(answer, "content-type") == SERVED[path]
        assert field(answer, "vary") == "Accept-Encoding"
        assert field(answer, "cache-control") == "no-cache"
        assert int(field(answer, "content-length")) == len(answer.body)
        assert answer.all("transfer-encoding") == []
    assert plain.all("content-encoding") == []
    assert field(zipped, "content-encoding") == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert len(zipped.body) < len(plain.body) / 3
    assert plain.body != b""


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("path", SERVED)
def test_who_has_it_already_is_told_so_without_the_bytes(root: str, path: str, coding: str) -> None:
    whole = ask(root, "GET", path, f"accept-encoding: {coding}")
    tag = field(whole, "etag")
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    for condition in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        for method in ("GET", "HEAD"):
            again = ask(root, method, path, f"accept-encoding: {coding}", f"if-none-match: {condition}")
            assert (again.status, again.body) == (304, b"")
            for name in ("etag", "cache-control", "vary"):
                assert again.all(name) == whole.all(name)
            assert again.all("content-length", "transfer-encoding", "content-encoding", "content-type") == []


@pytest.mark.parametrize("path", SERVED)
def test_a_tag_of_another_coding_or_of_nothing_is_no_condition_met(root: str, path: str) -> None:
    plain, zipped = ask(root, "GET", path), ask(root, "GET", path, ZIPPED)
    assert field(plain, "etag") != field(zipped, "etag")
    for condition in (field(zipped, "etag"), '"other"', field(plain, "etag").strip('"'), ""):
        again = ask(root, "GET", path, f"if-none-match: {condition}")
        assert (again.status, again.body) == (200, plain.body)


@pytest.mark.parametrize("path", SERVED)
def test_two_lines_of_a_field_are_one_list(root: str, path: str) -> None:
    tag = field(ask(root, "GET", path, ZIPPED), "etag")
    lines = ("accept-encoding: identity;q=0.5", ZIPPED, 'if-none-match: "other"', f"if-none-match: {tag}")
    assert ask(root, "GET", path, *lines).status == 304


@pytest.mark.parametrize("path", SERVED)
def test_head_is_get_without_the_bytes(root: str, path: str) -> None:
    for coding in ("identity", "gzip"):
        got, head = (ask(root, method, path, f"accept-encoding: {coding}") for method in ("GET", "HEAD"))
        assert (head.status, head.body) == (200, b"")
        kept = [(name, value) for name, value in got.fields if "request-id" not in name and name != "date"]
        assert [one for one in head.fields if "request-id" not in one[0] and one[0] != "date"] == kept


@pytest.mark.parametrize("path", SERVED)
def test_who_takes_neither_coding_is_told_which_there_are(root: str, path: str) -> None:
    answer = ask(root, "GET", path, "accept-encoding: br, identity;q=0")
    assert answer.status == 406
    assert answer.error["code"] == "not_acceptable"
    assert "gzip, identity" in answer.error["message"]
    assert field(answer, "vary") == "Accept-Encoding"


@pytest.mark.parametrize("path", SERVED)
def test_every_replica_has_the_same_tags_and_bytes(root: str, other: str, path: str) -> None:
    for coding in ("identity", "gzip"):
        one, two = (ask(at, "GET", path, f"accept-encoding: {coding}") for at in (root, other))
        assert (field(one, "etag"), one.body) == (field(two, "etag"), two.body)


def test_another_address_makes_another_document_with_another_tag(root: str) -> None:
    with relay_over("sandbox:") as told:
        tags = {
            httpx.get(f"{told}/openapi.actions.json", headers={"host": host}).headers["etag"]
            for host in ("one.example", "two.example", "one.example")
        }
    assert len(tags | {field(ask(root, "GET", "/openapi.actions.json"), "etag")}) == 3


def test_any_number_of_addresses_leaves_few_documents_in_memory() -> None:
    with relay_over("sandbox:") as told, httpx.Client(base_url=told, timeout=30) as client:
        for number in range(documents._KEPT + 5):
            server = f"host{number}.example"
            for form in ("json", "yaml"):
                answer = client.get(f"/openapi.actions.{form}", headers={"host": server})
                made = files.parse(answer.content, f"x.{form}")
                assert made["servers"] == [{"url": f"https://{server}"}]
    assert documents._document.cache_info().currsize == documents._KEPT


def test_many_who_ask_at_once_get_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def as_yaml(value: Any) -> bytes:
        made.append(len(made))
        return json.dumps(value).encode()

    documents._yaml.cache_clear()
    monkeypatch.setattr("relay.actions.documents.as_yaml", as_yaml)
    answers: list[Answer] = []
    with relay_over("sandbox:", relay_public_url="https://many.example") as root:
        asking = [
            threading.Thread(target=lambda: answers.append(ask(root, "GET", "/openapi.actions.yaml")))
            for _ in range(8)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(30)
    documents._yaml.cache_clear()
    documents._document.cache_clear()
    assert len(made) == 2  # the document, and its server
    assert len({(answer.status, answer.body) for answer in answers}) == 1
    assert len(answers) == 8


def test_who_makes_up_hosts_holds_neither_what_is_made_already_nor_who_needs_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began, go_on = threading.Event(), threading.Event()

    def as_json(value: Any) -> bytes:
        if ".held" in value["servers"][0]["url"]:
            began.set()
            assert go_on.wait(60)
        return json.dumps(value).encode()

    monkeypatch.setattr("relay.actions.documents.as_json", as_json)
    path, answers = "/openapi.actions.json", []
    with relay_over("sandbox:") as root:
        made = ask(root, "GET", path)

        def flood(number: int) -> None:
            url = f"{root}{path}"
            answers.append(httpx.get(url, headers={"host": f"{number}.held"}, timeout=60).status_code)

        asking = [threading.Thread(target=flood, args=(number,)) for number in range(documents._KEPT - 2)]
        for thread in asking:
            thread.start()
        try:
            assert began.wait(30)
            assert ask(root, "GET", path).body == made.body
            assert ask(root, "GET", "/metrics").status == 200
        finally:
            go_on.set()
            for thread in asking:
                thread.join(60)
    documents._document.cache_clear()
    assert answers == [200] * len(asking)


def test_what_is_served_is_the_generated_file_and_each_document_says_how_it_is_sent(root: str) -> None:
    assert ask(root, "GET", "/openapi.json").body == (PROJECT / "generated" / "openapi.json").read_bytes()
    for path in SERVED:
        template = re.sub(r"/files(?=/tools)", "/{group}", path)
        template = re.sub(r"/files\.\w+$", "/{document}", template)
        answers = DOCUMENT["paths"][template]["get"]["responses"]
        assert {"200", "304", "406"} <= answers.keys()
        assert answers["304"]["headers"].keys() == answers["200"]["headers"].keys() - {"Content-Encoding"}
