from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from codegen.errors import CodegenError
from codegen.fetch import fetch, is_url, source_bytes
from tests.codegen.web import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, serving({"/a": b"a" * 200_000, "/empty": b""}) as url:
        patch.setenv("no_proxy", "127.0.0.1")
        yield url


def fault(url: str, limit: int = 1000, timeout: float = 5) -> str:
    with pytest.raises(CodegenError) as caught:
        fetch(url, limit, timeout)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_page_arrives_whole(site: str) -> None:
    assert source_bytes(f"{site}/a") == b"a" * 200_000
    assert fetch(f"{site}/a", limit=200_000) == b"a" * 200_000
    assert fetch(f"{site}/chunked") == b"abcd"
    assert fetch(f"{site}/empty") == b""
    assert fetch(f"{site}/to/{site}/to/{site}/a") == b"a" * 200_000


def test_faults_of_the_server_are_told(site: str) -> None:
    assert fault(f"{site}/no") == f"{site}/no: the server answered 404"
    assert fault(f"{site}/a", limit=199_999) == f"{site}/a: longer than 199999 bytes"
    assert fault(f"{site}/short") == f"{site}/short: ended after 9 of 100 bytes"
    assert fault(f"{site}/cut").startswith(f"{site}/cut: cannot be fetched: IncompleteRead")
    assert fault(f"{site}/nonsense").startswith(f"{site}/nonsense: cannot be fetched: ")
    assert fault(f"{site}/silent", timeout=0.1) == f"{site}/silent: cannot be fetched: timed out"
    assert fault(f"{site}/drip", timeout=0.2) == f"{site}/drip: not finished within the time allowed"


def test_a_redirect_keeps_to_https_and_loopback(site: str) -> None:
    for target in ("http://example.com/a", "ftp://127.0.0.1/a", "http://127.0.0.1.example.com/"):
        assert (
            fault(f"{site}/to/{target}") == f"{target}: only https is fetched (http from this machine alone)"
        )
    assert "holds a user or a password" in fault(f"{site}/to/https://me:word@example.com/")
    assert (
        fault(f"{site}/to/file:///etc/hostname") == f"{site}/to/file:///etc/hostname: the server answered 302"
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://example.com/a", "only https is fetched"),
        ("file:///etc/hostname", "only https is fetched"),
        ("ftp://127.0.0.1/a", "only https is fetched"),
        ("https:///a", "names no host"),
        ("https://[::1/a", "no URL: "),
        ("http://127.0.0.1:x/", "cannot be fetched: nonnumeric port"),
        ("http://127.0.0.1/a b", "cannot be fetched: URL can't contain control characters"),
        ("http://127.0.0.1/\u00e9", "cannot be fetched: 'ascii' codec can't encode"),
    ],
)
def test_urls_that_are_not_fetched(url: str, message: str) -> None:
    assert fault(url).startswith(f"{url}: {message}")


@pytest.mark.parametrize("url", ["https://me:word@example.com/", "https://me@example.com/", "https://:w@b/"])
def test_credentials_are_refused_and_not_repeated(url: str) -> None:
    assert fault(url) == "the source URL holds a user or a password"


def test_nobody_at_home() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        assert fault(url).startswith(f"{url}: cannot be fetched: ")


def test_a_path_is_no_url(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    assert source_bytes(str(tmp_path / "a")) == b"1"
    assert not is_url("../a.yaml")
    assert not is_url("C:\\a.yaml")
    assert is_url("HTTPS://a/b")
