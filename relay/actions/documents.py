"""The documents that GPT Actions import, and their operations as function tools, as codegen made them.

`generated/actions/<group>.json` is an OpenAPI 3.1.0 document, `<group>.tools.json` holds its function tools.
"""

import json
import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from starlette.types import Scope

from relay.contract import as_json, as_yaml
from relay.documents import JSON, YAML, Document
from relay.errors import UnknownPath
from relay.settings import Settings

DEFAULT = "default"
# A Traversable of a kind that can be hashed, as paths can.
_Folder: TypeAlias = Any
_FOLDER: _Folder = files("generated") / "actions"
_TOOLS = ".tools.json"
_KEPT = 32  # documents, a tenth of a megabyte each
_HOST = re.compile(r"(?=.{1,261}\Z)([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


def groups() -> tuple[str, ...]:
    """The names of the groups, the default one first."""
    return _groups(_FOLDER)


def document(group: str, form: str, server_url: str) -> Document:
    """The OpenAPI 3.1.0 document of `group` with one server, as `json` or `yaml`.

    Raises UnknownPath for a group that is none, and for another form.
    """
    return _document(_FOLDER, group, form, server_url)


def tools(group: str) -> Document:
    """The function tools of `group`, a JSON array; raises UnknownPath for one that is none."""
    return _tools(_FOLDER, group)


def summary(group: str, server_url: str) -> dict[str, Any]:
    """What `RelayActionsGroup` in the overlay describes; raises UnknownPath for a group that is none."""
    made = _loaded(_FOLDER, group, ".json")
    url = f"{server_url}/actions/groups/{group}"
    return {
        "name": group,
        "title": made["info"]["title"],
        "description": made["info"]["description"],
        "operations": sum("operationId" in one for item in made["paths"].values() for one in item.values()),
        "url": f"{url}.json",
        "tools_url": f"{url}/tools.json",
    }


def public_url(settings: Settings, scope: Scope) -> str:
    """Where clients reach this relay, without a slash at the end.

    That is RELAY_PUBLIC_URL, else the request's Host (RFC 9110, 7.2) where it is one host, else localhost.
    The scheme is https: Actions take no other, and what stands before the relay ends TLS.
    """
    if settings.relay_public_url is not None:
        return settings.relay_public_url
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return f"https://{hosts[0] if len(hosts) == 1 and _is_host(hosts[0]) else 'localhost'}"


def _is_host(value: str) -> bool:
    try:
        return _HOST.fullmatch(value) is not None and urlsplit(f"//{value}").port != 0
    except ValueError:  # a port or an address that there cannot be
        return False


@cache
def _groups(folder: _Folder) -> tuple[str, ...]:
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    found = [name.removesuffix(_TOOLS) for name in names if name.endswith(_TOOLS)]
    return tuple(sorted(found, key=lambda name: (name != DEFAULT, name)))


@cache
def _loaded(folder: _Folder, group: str, ending: str) -> dict[str, Any]:
    _check(folder, group)
    made: dict[str, Any] = json.loads((folder / f"{group}{ending}").read_bytes())
    return {name: value for name, value in made.items() if name != "x-generated"}


# A client can name any host for its own, so that there may be any number of these.
@lru_cache(maxsize=_KEPT)
def _document(folder: _Folder, group: str, form: str, server_url: str) -> Document:
    _check(folder, group)
    server = {"servers": [{"url": server_url}]}
    if form == "json":
        return Document(lambda: as_json({**_loaded(folder, group, ".json"), **server}), JSON)
    if form == "yaml":
        # The server stands last: what comes before it is written once for all of them.
        return Document(lambda: _yaml(folder, group) + as_yaml(server), YAML)
    raise _unknown()


@cache
def _tools(folder: _Folder, group: str) -> Document:
    _check(folder, group)
    return Document(lambda: as_json(_loaded(folder, group, _TOOLS)["tools"]), JSON)


@cache
def _yaml(folder: _Folder, group: str) -> bytes:
    made = _loaded(folder, group, ".json")
    return as_yaml({name: value for name, value in made.items() if name != "servers"})


def _check(folder: _Folder, group: str) -> None:
    if group not in _groups(folder):
        raise _unknown()


def _unknown() -> UnknownPath:
    """The error for a group that is none; it names those that there are."""
    names = ", ".join(groups()) or "none"
    return UnknownPath(f"No such group of Actions; there are: {names}", param="group", code="group_not_found")
