"""The audit, with advisory services that answer, that know nothing, and that are not there."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from supply import audit
from tests.servers import PROJECT, Recorder, answering, recording

LOCK = "".join(f"{pin} --hash=sha256:{'0' * 64}\n" for pin in ("httptools==0.9.0", "uvloop==0.23.0"))


def known(name: str, number: str) -> bytes:
    """An advisory as OSV tells it (ossf.github.io/osv-schema), mended in version 99."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}]
    affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}]
    return json.dumps({"vulns": [{"id": number, "summary": "bad", "affected": affected}]}).encode()


class Advisories:
    """A service that knows of the packages in `of`, and nothing against any other."""

    def __init__(self) -> None:
        self.of = {"jinja2": known("jinja2", "CVE-2019-10906")}
        self.recorder = Recorder(reply=self.answer)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = json.loads(self.recorder.seen[-1].body)["package"]["name"]
        await answering(self.of.get(asked, b"{}"))(scope, receive, send)


@pytest.fixture
def advisories() -> Iterator[tuple[Advisories, str]]:
    """A service of the test's own, and its address."""
    service = Advisories()
    with recording(service.recorder) as base:
        yield service, base


def run(tmp_path: Path, url: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "some.lock").write_text(LOCK)
    arguments = ("--lock", str(tmp_path / "some.lock"), "--osv-url", url)
    return subprocess.run(
        [sys.executable, "-m", "supply.audit", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_known_is_code_zero(tmp_path: Path, advisories: tuple[Advisories, str]) -> None:
    service, url = advisories
    done = run(tmp_path, url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "audit: 2 dependencies, nothing known against them\n"
    asked = [json.loads(request.body) for request in service.recorder.seen]
    assert {(one["package"]["name"], one["version"]) for one in asked} == {
        ("jinja2", "2.10"),
        ("httptools", "0.9.0"),
        ("uvloop", "0.23.0"),
    }


def test_what_is_known_is_named_with_what_mends_it_and_is_code_one(
    tmp_path: Path, advisories: tuple[Advisories, str]
) -> None:
    service, url = advisories
    service.of["uvloop"] = known("uvloop", "PYSEC-1")
    done = run(tmp_path, url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "audit: uvloop 0.23.0: PYSEC-1, mended in 99\n"


def test_a_service_that_knows_nothing_at_all_is_no_all_clear(
    tmp_path: Path, advisories: tuple[Advisories, str]
) -> None:
    service, url = advisories
    service.of.clear()
    done = run(tmp_path, url)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert "knows nothing against jinja2==2.10" in done.stderr


def test_a_service_that_cannot_be_reached_is_one_line_and_code_three(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = run(tmp_path, f"http://127.0.0.1:{port}/v1/query")
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(r"audit: whether anything is known cannot be told: .+\n", done.stderr)


@pytest.mark.parametrize("body", [b"not json", b'{"vulns": [{}]}'])
def test_a_service_that_talks_nonsense_is_code_three(tmp_path: Path, body: bytes) -> None:
    with recording(answering(body)) as url:
        done = run(tmp_path, url)
    assert (done.returncode, done.stdout) == (3, "")


def test_a_mirror_that_lacks_packages_leaves_them_unknown() -> None:
    fine = {"name": "a", "version": "1", "vulns": []}
    lacking = {"name": "b", "skip_reason": "Dependency not found on PyPI and could not be audited: b (1)"}
    bad = {"name": "c", "version": "1", "vulns": [{"id": "X-1", "fix_versions": []}]}
    assert audit.judged({"dependencies": [fine]})[0] == 0
    code, lines = audit.judged({"dependencies": [fine, lacking]})
    assert (code, lines) == (3, ["not known of 1 of 2 dependencies: the advisory service lacks b"])
    code, lines = audit.judged({"dependencies": [lacking, bad]})
    assert (code, len(lines)) == (1, 2)
    assert lines[0] == "c 1: X-1, mended in no version"
    assert audit.judged({"dependencies": []})[0] == 3
