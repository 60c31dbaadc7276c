"""Who is measured, and how each is started: all as real processes, on one core, over the same upstream."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.traffic import CLIENT, CLIENT_KEY, REAL_KEY, Caller

PROJECT = Path(__file__).parents[1]
# What a developer may want to compare; nothing secret, because it is printed.
_PASSED_ON = (
    "RELAY_TRANSPORT",
    "RELAY_VALIDATION",
    "RELAY_UNKNOWN_PATHS",
    "RELAY_WORKERS",
    "LOG_FORMAT",
    "LOG_LEVEL",
)
_MAX_BODY_MB = 1024


@dataclass(frozen=True)
class Place:
    """Where a contender runs: a folder of its own, the port it takes, the upstream's root address."""

    folder: Path
    port: int
    upstream: str


@dataclass(frozen=True)
class Contender:
    """A way to forward requests: its command, made for a place, and what it needs in its environment.

    `websockets` says whether it forwards them as well.
    """

    name: str
    about: str
    command: Callable[[Place], list[str]]
    variables: Callable[[Place], dict[str, str]] = field(default=lambda _place: {})
    caller: Callable[[Place], Caller] = field(default=lambda _place: CLIENT)
    websockets: bool = True


def chosen_settings() -> dict[str, str]:
    """The relay's settings that whoever runs the benchmark has set."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def program(name: str) -> str | None:
    """Where a program is, those for administrators included."""
    return shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")


def _relay(place: Place) -> list[str]:
    return [sys.executable, "-m", "relay", "serve", "--host", "127.0.0.1", "--port", str(place.port)]


def _relay_variables(place: Place) -> dict[str, str]:
    return {
        **chosen_settings(),
        "OPENAI_API_BASE": f"{place.upstream}/v1",
        "OPENAI_API_KEY": REAL_KEY,
        "RELAY_KEY": CLIENT_KEY,
        "RELAY_MAX_BODY_MB": str(_MAX_BODY_MB),
    }


def _bare(place: Place) -> list[str]:
    options = ["--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"]
    return [*_uvicorn("benchmarks.bare:app", place), *options]


def _usual(place: Place) -> list[str]:
    return _uvicorn("benchmarks.usual:app", place)


def _uvicorn(application: str, place: Place) -> list[str]:
    return [sys.executable, "-m", "uvicorn", application, "--host", "127.0.0.1", "--port", str(place.port)]


def _upstream_variable(place: Place) -> dict[str, str]:
    return {"BENCHMARK_UPSTREAM": place.upstream}


_NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 0;
  keepalive_requests 100000000;
  map $http_upgrade $offered {{ default upgrade; '' ''; }}
  upstream api {{
    server {upstream};
    keepalive 1024;
    keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    location / {{
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection $offered;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Authorization "Bearer {key}";
      proxy_buffering off;
      proxy_request_buffering off;
    }}
  }}
}}
"""


def _nginx(place: Place) -> list[str]:
    configuration = place.folder / "nginx.conf"
    configuration.write_text(
        _NGINX.format(
            # The master drops its rights where it has any; the folder is ours alone.
            user="user root;" if os.geteuid() == 0 else "",
            folder=place.folder,
            upstream=place.upstream.removeprefix("http://"),
            port=place.port,
            key=REAL_KEY,
        )
    )
    return [program("nginx") or "nginx", "-p", str(place.folder), "-c", str(configuration)]


CONTENDERS = (
    Contender("nginx", "one worker, no buffering, access log", _nginx),
    Contender(
        "bare", "ASGI application, aiohttp's client, uvicorn's WebSockets, no log", _bare, _upstream_variable
    ),
    Contender(
        "usual", "FastAPI, the clients of httpx and websockets, all defaults", _usual, _upstream_variable
    ),
    Contender("relay", "this project, everything on, access log to a file", _relay, _relay_variables),
)
