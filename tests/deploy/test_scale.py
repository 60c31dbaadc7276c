"""Two relays behind a balancer that runs a file of deploy/, restarted under load: nothing is lost."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.deploy.clients import Crowd
from tests.deploy.fleet import DEPLOY, Replica, answers, free_port, program, sandbox, started
from tests.servers import eventually, until

pytestmark = pytest.mark.deploy
KINDS = ("stream", "upload", "question")
# The balancer's check sees within a second that a relay drains; here, a second may be long.
LINGER = "5"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Replica, Replica]]:
    folder = tmp_path_factory.mktemp("fleet")
    with (
        sandbox(folder) as upstream,
        Replica(folder, upstream, RELAY_LINGER_SECONDS=LINGER) as a,
        Replica(folder, upstream, RELAY_LINGER_SECONDS=LINGER) as b,
    ):
        yield a, b


@contextmanager
def haproxy(fleet: tuple[Replica, Replica], folder: Path) -> Iterator[str]:
    """HAProxy before both; its root address."""
    port = free_port()
    where = {
        "RELAY_BIND": f"127.0.0.1:{port}",
        "RELAY_A": f"127.0.0.1:{fleet[0].port}",
        "RELAY_B": f"127.0.0.1:{fleet[1].port}",
    }
    command = [program("haproxy") or "", "-f", str(DEPLOY / "haproxy" / "haproxy.cfg")]
    with started(command, folder / "haproxy.log", **where):
        until(lambda: answers(port))
        yield f"http://127.0.0.1:{port}"


def said(log: Path, words: str) -> bool:
    return words in log.read_text()


@pytest.mark.skipif(program("haproxy") is None, reason="haproxy is not installed")
async def test_behind_haproxy_each_relay_can_be_restarted_under_load(
    fleet: tuple[Replica, Replica], tmp_path: Path
) -> None:
    log = tmp_path / "haproxy.log"
    with haproxy(fleet, tmp_path) as root:
        async with Crowd(root) as crowd:
            await crowd.seen(*KINDS)
            for name, replica in zip("ab", fleet, strict=True):
                await asyncio.to_thread(replica.restart)
                # That it is ready is one thing; that the balancer knows, before the other one goes, another.
                await eventually(partial(said, log, f"relays/{name} is UP"), 60)
                await crowd.seen(*KINDS)
    assert crowd.outcome.lost == []
    assert [replica.codes.pop() for replica in fleet] == [0, 0]


@pytest.mark.skipif(program("haproxy") is None, reason="haproxy is not installed")
async def test_behind_haproxy_a_relay_with_nothing_but_short_requests_can_be_restarted(
    fleet: tuple[Replica, Replica], tmp_path: Path
) -> None:
    """Without RELAY_LINGER_SECONDS such a relay would be gone before the check sees it."""
    with haproxy(fleet, tmp_path) as root:
        async with Crowd(root, streams=0, uploads=0, questions=8) as crowd:
            await crowd.seen("question")
            await asyncio.to_thread(fleet[0].restart)
            await crowd.seen("question")
    assert crowd.outcome.lost == []
    assert fleet[0].codes.pop() == 0


class Nginx:
    """nginx with deploy/nginx/, the two files that differ from place to place written anew."""

    def __init__(self, folder: Path, port: int, fleet: tuple[Replica, Replica]) -> None:
        self._folder = folder
        self._fleet = fleet
        self._lines = (DEPLOY / "nginx" / "relays.conf").read_text()
        shutil.copy(DEPLOY / "nginx" / "nginx.conf", folder)
        listening = (DEPLOY / "nginx" / "listen.conf").read_text()
        (folder / "listen.conf").write_text(listening.replace("listen 8080", f"listen 127.0.0.1:{port}"))
        self.send_to(*fleet)

    def command(self, *more: str) -> list[str]:
        # The master drops its rights where it has any; the folder is ours alone.
        user = "user root;" if os.geteuid() == 0 else ""
        rest = ["-g", f"daemon off; {user}", *more]
        return [program("nginx") or "", "-p", str(self._folder), "-c", "nginx.conf", *rest]

    def send_to(self, *replicas: Replica) -> None:
        """Mark the others `down`."""
        lines = self._lines
        for place, replica in zip(("127.0.0.1:8001", "127.0.0.1:8002"), self._fleet, strict=True):
            down = "" if replica in replicas else " down"
            lines = lines.replace(f"{place} max_fails=0", f"127.0.0.1:{replica.port} max_fails=0{down}")
        assert lines.count(str(self._fleet[0].port)) == 1
        (self._folder / "relays.conf").write_text(lines)

    def reload(self) -> None:
        subprocess.run(self.command("-s", "reload"), check=True, capture_output=True)


@pytest.mark.skipif(program("nginx") is None, reason="nginx is not installed")
async def test_behind_nginx_a_relay_can_be_restarted_once_nginx_was_told(
    fleet: tuple[Replica, Replica], tmp_path: Path
) -> None:
    port = free_port()
    nginx = Nginx(tmp_path, port, fleet)
    with started(nginx.command(), tmp_path / "nginx.log"):
        until(lambda: answers(port))
        # A reload closes the connections of clients that pause, whatever they are about to send.
        async with Crowd(f"http://127.0.0.1:{port}", keep=False) as crowd:
            await crowd.seen(*KINDS)
            nginx.send_to(fleet[1])
            nginx.reload()
            await asyncio.to_thread(fleet[0].restart)
            nginx.send_to(*fleet)
            nginx.reload()
            await crowd.seen(*KINDS)
    assert crowd.outcome.lost == []
    assert fleet[0].codes.pop() == 0
