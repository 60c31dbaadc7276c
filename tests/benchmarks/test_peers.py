"""How other gateways get installed; none is, in the tests."""

import sys
from pathlib import Path

import pytest

from benchmarks.contenders import Contender, Place
from benchmarks.driver import Refused
from benchmarks.peers import PEERS, _installed

WRITE = [sys.executable, "-c", "open('ran', 'a').write('x')"]
FAIL = [sys.executable, "-c", "import sys; sys.exit('a first line\\nthere is no such package')"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_a_peer_is_installed_once(cache: Path) -> None:
    first, again = _installed("peer", WRITE), _installed("peer", WRITE)
    assert first == again
    assert cache in first.parents
    assert (first / "ran").read_text() == "x"


def test_what_failed_is_told_and_begun_anew() -> None:
    with pytest.raises(Refused, match="could not be installed: there is no such package"):
        _installed("peer", WRITE, FAIL)
    assert (_installed("peer", WRITE) / "ran").read_text() == "x"


def test_a_missing_tool_is_told() -> None:
    with pytest.raises(Refused, match="could not be installed"):
        _installed("peer", ["there-is-no-such-tool"])


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peer_without_its_installer_is_told_not_started(
    peer: Contender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.peers.sys.executable", "there-is-no-python")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="could not be installed"):
        peer.command(Place(tmp_path, 1, "http://127.0.0.1:2"))
