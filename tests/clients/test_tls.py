"""What stands before a server to speak TLS for it: its end is whole, whoever is still there."""

import gc
import socket
import ssl
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from tests.clients.tls import NAME, Fronts
from tests.faulty import Connection, Faulty, misbehaving


async def greets(connection: Connection) -> None:
    await connection.say(b"x")
    await connection.rest()


def test_a_front_that_ends_before_its_clients_leaves_nothing_open(tmp_path: Path) -> None:
    fronts, behind = Fronts(tmp_path), Faulty(greets)
    trust = ssl.create_default_context(cafile=str(fronts.certificate))
    with ExitStack() as clients:
        with misbehaving(behind), fronts.before(behind.base_url) as base_url:
            for _ in range(4):
                line = socket.create_connection((NAME, urlsplit(base_url).port))
                client = clients.enter_context(trust.wrap_socket(line, server_hostname=NAME))
                assert client.recv(1) == b"x"
        # What was left open says so when it is collected, and pytest fails the test.
        gc.collect()
