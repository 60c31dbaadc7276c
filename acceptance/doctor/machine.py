"""What this machine gives the relay: its settings, its keys, open files, and what it would not use."""

import os
from pathlib import Path

from acceptance.doctor.finding import Finding

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_FEW_REQUESTS = 2_000
_REAL = "OPENAI_API_KEY"


def settings_read(env_file: str | None, error: str = "") -> Finding:
    """Whether the settings can be used; `error` is the line that says why not."""
    if error:
        todo = "set it so, in the environment or in .env; `relay settings` lists what there is"
        return Finding("settings", "wrong", error, todo)
    there = env_file is not None and Path(env_file).exists()
    return Finding("settings", "ok", f"the environment and {env_file}" if there else "the environment alone")


def key(variable: str, text: str, file: Path | None, error: str, *, exposed: bool) -> Finding:
    """Whether there is a key; `exposed`: others than this machine can reach the relay."""
    check = "real key" if variable == _REAL else "relay key"
    if error:
        return Finding(check, "wrong", error, "put it right: the relay does not start like this")
    if text:
        return Finding(check, "ok", f"read from {file}" if file else "there is one")
    if variable == _REAL:
        return Finding(check, "warning", "none: forwarding answers 424", f"set {variable} or {variable}_FILE")
    if not exposed:
        return Finding(check, "ok", "none: whoever is on this machine may use the real key")
    todo = f"set {variable}, unless something before the relay asks for a key"
    return Finding(check, "warning", "none: whoever reaches the relay may use the real key", todo)


def open_files(requests: int, error: str) -> Finding:
    """Whether the limit of open files is enough; `requests` fit at once, or `error` says why none do."""
    if error:
        return Finding("open files", "wrong", error, "lower it, or raise the limit of open files")
    told = f"enough for {requests:,} requests at once in each process"
    if requests < _FEW_REQUESTS:
        todo = "raise the limit: ulimit -Hn, LimitNOFILE= of systemd, --ulimit nofile= of Docker"
        return Finding("open files", "warning", told, todo)
    return Finding("open files", "ok", told)


def proxy() -> Finding:
    """Whether a proxy is set: the relay uses none."""
    named = [name for name in _PROXIES if os.environ.get(name) or os.environ.get(name.lower())]
    if not named:
        return Finding("proxy", "ok", "none is set")
    todo = "the relay connects directly: allow that, or set OPENAI_API_BASE to what forwards"
    return Finding("proxy", "warning", f"{', '.join(named)} is set, and not used", todo)
