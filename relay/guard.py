"""What may go on at all, whatever it carries: blocked operations, and requests that the contract lacks."""

import re
import unicodedata
from fnmatch import filter as matching
from fnmatch import translate
from typing import TypeAlias
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from generated.operations import OPERATIONS, Operation
from relay.actions.reach import check_reach
from relay.contract import names_of, operation_of
from relay.errors import Forbidden, InvalidHead, MethodNotAllowed, UnknownPath
from relay.setting_types import SettingsError
from relay.settings import Settings
from relay.websocket.upgrade import check_origin, upgrade_of

_MOUNT = "/v1/"
# Below it the relay alone has operations.
_DOORS = "/actions/"
# A path with one reading: no encoding, no empty segment, none that ends in a dot.
_PLAIN = re.compile(rb"(?:/[A-Za-z0-9_:~-]+(?:\.[A-Za-z0-9_:~-]+)*)+")
_NEVER = frozenset({"CONNECT", "TRACE"})
_DECODINGS = 4
_Places: TypeAlias = list[tuple[re.Pattern[str], Operation]]
_PLACES: _Places = [
    (re.compile(re.sub(r"\\{.*?\\}", "[^/]+", re.escape(found.path)), re.IGNORECASE), found)
    for found in OPERATIONS.values()
]


class Guard:
    """ASGI middleware under Connexion's security: only what has one reading, and is not blocked, goes on.

    A path is judged as the most generous server would read it, so a request that the contract lacks is never
    another spelling of one that it has. What goes upstream are the bytes that came.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._forwards_unknown = settings.relay_unknown_paths == "forward"
        # A page that knows a key may open a WebSocket; where none is needed, any page in a browser could.
        self._origins = None if settings.auth_enabled else frozenset(settings.cors_allow_origins)
        globs = settings.relay_blocked_operations
        # What blocks everything below a path blocks the path itself.
        over_paths = [glob for glob in globs if "/" in glob or glob.startswith("*")]
        paths = [translate(path) for glob in over_paths for path in (glob, glob.removesuffix("/*"))]
        self._paths = re.compile("|".join(paths) or "(?!)", re.IGNORECASE)
        self._ids = {name for glob in globs if "/" not in glob for name in _ids_like(glob)}
        self._ids |= _sockets_beside(self._ids)
        self._blocked = [(place, found) for place, found in _PLACES if found.operation_id in self._ids]
        self._ids |= {name for name, found in OPERATIONS.items() if self._paths.match(_below(found))}
        # What no id blocks, under none of its names, is judged by its path alone.
        self._free = frozenset[str]() if self._blocked else frozenset(filter(self._is_free, OPERATIONS))

    def blocks(self, name: str) -> bool:
        """Whether the operation of that id is blocked, under its own name or another."""
        found = OPERATIONS.get(name)
        return found is not None and not self._ids.isdisjoint([name, found.alias_of or name])

    def _is_free(self, name: str) -> bool:
        found = OPERATIONS[name]
        others = [named for _, named in found.variants] + [found.alias_of or name]
        return found.query is None and self._ids.isdisjoint([name, *others])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; raises Forbidden, UnknownPath, MethodNotAllowed and InvalidHead."""
        if scope["type"] == "http":
            operation = operation_of(scope)
            if self._origins is not None and upgrade_of(scope) is not None:
                check_origin(scope["headers"], self._origins)
            check_reach(scope, operation)
            within = operation is not None or scope["path"].startswith(_MOUNT)
            if not within or scope["method"] in _NEVER:
                raise _unknown(scope)
            self._check(scope, operation)
        await self._app(scope, receive, send)

    def _is_plain(self, scope: Scope) -> bool:
        if not _PLAIN.fullmatch(scope["raw_path"]):
            return False
        return self._paths.match(scope["path"].removeprefix("/v1")) is None

    def _check(self, scope: Scope, operation: Operation | None) -> None:
        if operation is not None and operation.operation_id in self._free and self._is_plain(scope):
            return
        path, raw = _reading(scope["path"]), scope["raw_path"].decode("latin-1")
        slashed = re.sub("(?i)%2f", "_", raw)
        meant, whole = [], []
        if operation is None or slashed != raw or path != scope["path"]:
            # An encoded slash stands between segments to one server, and inside a segment to another.
            meant, whole = (operations_at(place, scope["method"]) for place in (path, _reading(slashed)))
        names = names_of(scope) | {found.operation_id for found in (*meant, *whole)}
        if operation is not None:
            # To a server that ignores case, /threads/Runs is no thread's name.
            parameters = operation.path.count("{")
            alike = operations_at(path, scope["method"], self._blocked)
            names |= {found.operation_id for found in alike if found.path.count("{") < parameters}
        if self._paths.match(path.removeprefix("/v1")) or not self._ids.isdisjoint(names):
            message = f"This relay is set not to forward {scope['method']} {scope['path']}"
            raise Forbidden(message, code="operation_blocked")
        if operation is None:
            own = any(found.upstream_path is None for found in operations_at(path))
            handled = any(found.handler is not None for found in whole)
            own = own or f"{path}/".removeprefix("/v1").casefold().startswith(_DOORS)
            refused = own or handled or bool(meant) or not self._forwards_unknown
        else:
            refused = slashed != raw or any(found.path != operation.path for found in meant)
        if refused or (scope["path"].startswith(_MOUNT) and not raw.startswith(_MOUNT)):
            raise _unknown(scope)


def _reading(path: str) -> str:
    """`path` as the most generous server reads it.

    That is decoded to the end, with slashes of either kind made one, characters of full width narrow, and
    without what some servers drop: parameters of segments (RFC 3986, 3.3), a query, a fragment, spaces and
    dots at a segment's end. Raises InvalidHead for one that could be resolved to another place.
    """
    for _ in range(_DECODINGS):
        path = unquote(path)
    plain = unicodedata.normalize("NFKC", path)
    cut = re.split("[?#]", plain, maxsplit=1)[0]
    segments = [part.partition(";")[0].strip(" ") for part in re.split(r"[/\\]", cut)]
    unreadable = "\ufffd" in path or not path.isprintable() or unquote(plain) != plain
    if unreadable or not {".", ".."}.isdisjoint(segments):
        message = "The path must be UTF-8, without dot segments and control characters, and hide nothing"
        raise InvalidHead(message, code="invalid_path")
    parts = [part.rstrip(". ") for part in segments]
    return "/" + "/".join(part for part in parts if part)


def _below(operation: Operation) -> str:
    return operation.upstream_path or operation.path.removeprefix("/v1")


def _ids_like(glob: str) -> list[str]:
    found = matching(OPERATIONS, glob)
    if not found:
        allowed = "globs over paths below /v1, and over ids of operations that there are"
        raise SettingsError(f"RELAY_BLOCKED_OPERATIONS={glob!r} is invalid: allowed are {allowed}")
    return found


def _sockets_beside(blocked: set[str]) -> set[str]:
    """The WebSockets at the paths of `blocked` operations: what those make can be had over them."""
    paths = {found.path for name, found in OPERATIONS.items() if name in blocked}
    return {name for name, found in OPERATIONS.items() if found.websocket and found.path in paths}


def operations_at(path: str, method: str | None = None, places: _Places = _PLACES) -> list[Operation]:
    """The operations that have this path, in whatever capitals, and `method` where one is given."""
    method = "GET" if method == "HEAD" else method
    return [found for place, found in places if method in {None, found.method} and place.fullmatch(path)]


def _unknown(scope: Scope) -> UnknownPath | MethodNotAllowed:
    asked = f"{scope['method']} {scope['path']}"
    if scope["method"] not in _NEVER and not scope["extensions"]["connexion_routing"].get("lacks_method"):
        return UnknownPath(f"No such path in the contract: {asked}")
    methods = {found.method for found in operations_at(scope["path"])}
    allow = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
    return MethodNotAllowed(f"Not allowed to {asked}; allowed: {allow}", headers={"Allow": allow})
