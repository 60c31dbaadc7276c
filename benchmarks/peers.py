"""Other people's gateways, for `PEERS=1`: installed into a cache folder when they are first measured.

Each is set up to do as little as it can: one upstream, one key, no database, no cache, no retries.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.contenders import Contender, Place
from benchmarks.driver import Refused
from benchmarks.traffic import CLIENT_KEY, DIRECT, REAL_KEY, Caller

_LITELLM = ("litellm[proxy]>=1.100,<2",)
# It imports yaml, and does not say so.
_OPENAI_FORWARD = ("openai-forward==0.8.1", "pyyaml")
_PORTKEY = "@portkey-ai/gateway@1.15.2"
_INSTALL_SECONDS = 900
_SHOWN_CHARACTERS = 300


def _cache(name: str) -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "chatgpt-team-relay" / "bench" / name


def _installed(name: str, *steps: list[str]) -> Path:
    """The folder where `steps` have installed something once, done or left out as a whole; raises Refused."""
    folder = _cache(name)
    mark = folder / ".complete"
    if mark.exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for step in steps:
        try:
            done = subprocess.run(
                step, cwd=folder, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Refused(f"it could not be installed: {error}") from None
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
            raise Refused(f"it could not be installed: {said[-1][:_SHOWN_CHARACTERS]}")
    mark.touch()
    return folder


def _environment(name: str, packages: tuple[str, ...]) -> Path:
    """The programs of a virtual environment of its own."""
    pip = ["bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    return _installed(name, [sys.executable, "-m", "venv", "."], pip) / "bin"


def _litellm(place: Place) -> list[str]:
    upstream = {"api_base": f"{place.upstream}/v1", "api_key": REAL_KEY}
    configuration = {
        "model_list": [
            {"model_name": "gpt-5.1", "litellm_params": {"model": "openai/gpt-5.1", **upstream}},
        ],
        "files_settings": [{"custom_llm_provider": "openai", **upstream}],
        "general_settings": {"master_key": CLIENT_KEY},
        "router_settings": {"num_retries": 0},
    }
    file = place.folder / "litellm.yaml"
    # JSON is YAML.
    file.write_text(json.dumps(configuration))
    program = _environment("litellm", _LITELLM) / "litellm"
    return [str(program), "--config", str(file), "--host", "127.0.0.1", "--port", str(place.port)]


def _litellm_variables(_place: Place) -> dict[str, str]:
    return {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}


def _openai_forward(place: Place) -> list[str]:
    python = _environment("openai-forward", _OPENAI_FORWARD) / "python"
    options = ["--host", "127.0.0.1", "--port", str(place.port)]
    return [str(python), "-m", "uvicorn", "openai_forward.app:app", *options]


def _openai_forward_variables(place: Place) -> dict[str, str]:
    route = {"base_url": place.upstream, "route": "/", "type": "openai"}
    return {
        "FORWARD_CONFIG": json.dumps([route]),
        "OPENAI_API_KEY_CONFIG": json.dumps({REAL_KEY: [0]}),
        "FORWARD_KEY_CONFIG": json.dumps({CLIENT_KEY: 0}),
        "TIMEOUT": "600",
    }


def _portkey(place: Place) -> list[str]:
    npm = ["npm", "install", "--silent", "--no-save", "--prefix", ".", _PORTKEY]
    folder = _installed("portkey", npm)
    server = folder / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    return ["node", str(server), f"--port={place.port}", "--headless"]


def _portkey_caller(place: Place) -> Caller:
    fields = f"x-portkey-provider: openai\r\nx-portkey-custom-host: {place.upstream}/v1\r\n"
    return Caller(DIRECT.key, fields)


PEERS = (
    Contender("litellm", "LiteLLM's proxy, one model", _litellm, _litellm_variables, websockets=False),
    Contender(
        "openai-forward", "openai-forward", _openai_forward, _openai_forward_variables, websockets=False
    ),
    Contender(
        "portkey",
        "Portkey's gateway, the client holds the key",
        _portkey,
        caller=_portkey_caller,
        websockets=False,
    ),
)
