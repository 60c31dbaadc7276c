"""What the figures were measured on, for whoever compares them with others."""

import os
import platform
import re
import subprocess
import sysconfig
from importlib import metadata
from pathlib import Path

from benchmarks.contenders import chosen_settings, program

_PACKAGES = ("uvicorn", "uvloop", "httptools", "aiohttp", "httpx", "websockets", "fastapi", "connexion")


def facts() -> str:
    """Lines of Markdown: processor, system, interpreter, versions, and the relay's settings that were set."""
    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    optimised = "with" if "--enable-optimizations" in arguments else "without"
    settings = " ".join(f"{name}={value}" for name, value in chosen_settings().items())
    lines = [
        f"{_processor()}, {os.cpu_count()} cores, Linux {platform.release()}; load {os.getloadavg()[0]:.1f}",
        f"Python {platform.python_version()}, built {optimised} profile-guided optimisation",
        f"nginx {_nginx()}, " + ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        f"relay: {settings or 'default settings'}, relay key, access log to a file",
    ]
    return "".join(f"- {line}\n" for line in lines)


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _nginx() -> str:
    said = subprocess.run([program("nginx") or "nginx", "-v"], capture_output=True, text=True, check=False)
    return said.stderr.rpartition("/")[2].strip() or "none"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
