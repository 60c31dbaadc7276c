"""The files of the pages: by exact name, once to each browser, and read when they are asked for."""

import gzip
import re
import subprocess
import sys

import pytest

from relay.pages.static import FILES
from tests.relay.wire import ask
from tests.servers import PROJECT, exchange

TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
PLACES = ["/docs", *(f"/static/{name}" for name in FILES)]


@pytest.mark.parametrize("place", PLACES)
def test_a_file_comes_as_what_it_is(sandbox_relay: str, place: str) -> None:
    plain = ask(sandbox_relay, "GET", place)
    zipped = ask(sandbox_relay, "GET", place, "accept-encoding: gzip, br")
    wanted = TYPES.get(place.rpartition(".")[2], "text/html; charset=utf-8")
    assert plain.all("content-type") == zipped.all("content-type") == [wanted]
    assert plain.all("x-content-type-options", "content-encoding") == ["nosniff"]
    assert zipped.all("content-encoding") == ["gzip"]
    assert gzip.decompress(zipped.body) == plain.body
    assert plain.all("cache-control", "vary") == ["no-cache", "Accept-Encoding"]


@pytest.mark.parametrize("place", PLACES)
def test_a_file_is_not_sent_twice(sandbox_relay: str, place: str) -> None:
    first = ask(sandbox_relay, "GET", place, "accept-encoding: gzip")
    again = ask(
        sandbox_relay, "GET", place, "accept-encoding: gzip", f"if-none-match: {first.all('etag')[0]}"
    )
    assert (first.status, again.status, again.body) == (200, 304, b"")
    head = ask(sandbox_relay, "HEAD", place, "accept-encoding: gzip")
    assert (head.body, head.all("content-length")) == (b"", [str(len(first.body))])


@pytest.mark.parametrize(
    "name",
    ["x", "Logo.svg", "logo.svg.", "static.py", "docs.html", "status.html", "offapi", "%00", "logo.svg%20"],
)
def test_another_name_is_no_file(sandbox_relay: str, name: str) -> None:
    assert ask(sandbox_relay, "GET", f"/static/{name}").status in {400, 404}


def test_the_answer_to_an_unknown_name_says_which_there_are(sandbox_relay: str) -> None:
    error = ask(sandbox_relay, "GET", "/static/x").error
    assert (error["param"], error["code"]) == ("name", "file_not_found")
    assert all(name in error["message"] for name in FILES)


@pytest.mark.parametrize(
    "target",
    [
        "/static/../static.py",
        "/static/..%2fstatic.py",
        "/static/%2e%2e/templates/status.html",
        "/static//etc/passwd",
        "/static/..\\static.py",
        "/static/",
        "/static",
    ],
)
def test_no_path_leads_out(sandbox_relay: str, target: str) -> None:
    head = f"GET {target} HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n"
    assert re.match(rb"HTTP/1.1 40[014] ", exchange(sandbox_relay, head.encode()))


def test_the_reference_may_run_no_script_that_is_not_a_file(sandbox_relay: str) -> None:
    answer = ask(sandbox_relay, "GET", "/docs")
    policy = answer.all("content-security-policy")[0]
    assert "script-src 'self';" in policy
    assert "connect-src 'self'" in policy
    assert "default-src 'none'" in policy
    assert not re.search(rb"<script(?![^>]* src=)|<style| on\w+=", answer.body)
    assert not re.search(rb"(?:href|src)=.(?:https?:)?//", answer.body)


def test_a_start_reads_no_file_and_imports_no_package_of_files() -> None:
    code = (
        "import sys\n"
        "from relay.app import create_app\n"
        "from relay.settings import load_settings\n"
        "from relay.pages.static import FILES, DOCS\n"
        "create_app(load_settings(openai_api_base='sandbox:'))\n"
        "made = [one.made(coding) for one in (*FILES.values(), DOCS) for coding in ('gzip', 'identity')]\n"
        "print(any(made), 'offapi' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "False"]


def test_of_a_large_file_a_worker_keeps_what_browsers_take_alone(sandbox_relay: str) -> None:
    name = "status.js"
    FILES[name]._made.clear()
    ask(sandbox_relay, "GET", f"/static/{name}", "accept-encoding: gzip")
    assert FILES[name].made("gzip") is not None
    assert FILES[name].made("identity") is None
