"""Words for the served document: each operation says what becomes of it here, and where it is described.

The vendored document has none (`codegen.facts`): OpenAI's are OpenAI's. What is said is the overlays' own, or
made of facts; what an operation means is left to OpenAI's reference, which each is linked to.
`x-relay-words` in spec/words.yaml is what there is to say besides.
"""

import copy
from fnmatch import fnmatchcase

from codegen.contract import Contract, Document, Route
from codegen.errors import CodegenError

SOURCE = "spec/words.yaml"
_REF = "#/components/schemas/"
_KEYS = {"reference": str, "pages": dict, "summaries": dict, "notes": dict, "tags": dict}
_BETAS = {
    "assistants": "OPENAI_ASSISTANTS_BETA is added to its OpenAI-Beta.",
    "realtime": "OPENAI_REALTIME_BETA, where it is set, is added to its OpenAI-Beta.",
}
_VERBS = {"get": "Get", "delete": "Delete"}


def served(contract: Contract) -> Document:
    """The document of `contract` with words before everything else in each operation, and for each tag.

    Raises CodegenError for what is no `x-relay-words`.
    """
    document = copy.deepcopy(contract.document)
    words = _Words(contract)
    for route in (route for route in contract.routes if not route.hidden):
        operations, key = document["paths"][route.path], route.method
        if route.query is not None:
            operations, key = operations[key]["x-query-variants"], route.query
        operations[key] = {**words.on(route), **_wordless(operations[key])}
    return {**document, "tags": words.on_tags()}


def left_out(contract: Contract) -> list[str]:
    """The names in `x-relay-words` of what the contract lacks; another state of it may have them."""
    data = {key: contract.words.get(key, {}) for key in ("pages", "summaries", "notes", "tags")}
    paths = [str(route.upstream_path) for route in contract.routes if route.upstream_path is not None]
    has = {
        "pages": lambda begun: any(f"{path}/".startswith(f"{begun}/") for path in paths),
        "summaries": {route.operation_id for route in contract.routes}.__contains__,
        "notes": lambda glob: any(fnmatchcase(path, glob) for path in paths),
        "tags": {tag["name"] for tag in served(contract)["tags"]}.__contains__,
    }
    return [name for key, names in data.items() for name in names if not has[key](name)]


def _wordless(operation: Document) -> Document:
    said = {"operationId", "tags", "summary", "description", "externalDocs"}
    return {key: part for key, part in operation.items() if key not in said}


class _Words:
    def __init__(self, contract: Contract) -> None:
        _check(contract.words)
        self._contract = contract
        self._data = {key: contract.words.get(key, kind()) for key, kind in _KEYS.items()}
        self._short = {**contract.actions.get("operations", {}), **self._data["summaries"]}
        plain = [route for route in contract.routes if route.alias_of is None and route.query is None]
        self._plain = {(route.path, route.method): route for route in plain}
        self._by_id = {route.operation_id: route for route in plain}

    def on(self, route: Route) -> Document:
        """What is said of `route`, in the order in which it is read."""
        made: Document = {"operationId": route.operation_id, "tags": self._tags(route)}
        made["summary"] = self._summary(route)
        if sentences := self._description(route):
            made["description"] = " ".join(sentences)
        if route.upstream_path is not None and self._data["reference"]:
            made["externalDocs"] = {"url": self._page(route.upstream_path)}
        return made

    def on_tags(self) -> list[Document]:
        """The tags in use: those that the contract lists in its order, then the others."""
        used = [tag for route in self._contract.routes if not route.hidden for tag in self._tags(route)]
        listed = [tag["name"] for tag in self._contract.document.get("tags", [])]
        said = self._data["tags"]
        names = dict.fromkeys([*(name for name in listed if name in used), *used])
        return [{"name": name, "description": said.get(name, "Of OpenAI's API.")} for name in names]

    def _tags(self, route: Route) -> list[str]:
        if tags := route.operation.get("tags"):
            return list(tags)
        first = (route.upstream_path or route.path).split("/")[1]
        return [first.replace("_", " ").capitalize()]

    def _summary(self, route: Route) -> str:
        if "summary" in route.operation:
            return str(route.operation["summary"])
        plain = self._plain[route.path, route.method]
        short = self._short.get(plain.operation_id)
        made = _by_path(route, is_list=self._is_list(route)) if short is None else short.removesuffix(".")
        return made if route.query is None else f"{made} ({route.query})"

    def _is_list(self, route: Route) -> bool:
        answer = route.operation["responses"].get("200", {})
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        while "$ref" in schema:
            schema = self._contract.document["components"]["schemas"][schema["$ref"].removeprefix(_REF)]
        return "data" in schema.get("properties", {})

    def _description(self, route: Route) -> list[str]:
        """Sentences: the overlays' own, then what the facts say."""
        own = [route.operation["description"]] if "description" in route.operation else []
        if route.upstream_path is None:
            return own
        place = f"`{route.method.upper()} {route.upstream_path}` of OpenAI's API"
        if door := route.relay.get("door", {}) if route.alias_of else {}:
            return [f"A door to {place}, for clients that send and read JSON alone.", *own, *_of_door(door)]
        if route.alias_of is not None and not own:
            return [f"The same as `{route.alias_of}`: forwarded to {place}."]
        sent = f"{'Sent on' if own else 'Forwarded as it comes'} to {place}."
        return [*own, sent, *([] if route.alias_of or route.query else self._besides(route))]

    def _besides(self, route: Route) -> list[str]:
        """How else an operation of the upstream is reached, and what stands in its way."""
        doors = [
            f"`{other.method.upper()} {other.path}`"
            for other in self._contract.routes
            if other.alias_of == route.operation_id and other.relay.get("door")
        ]
        notes = self._data["notes"].items()
        said = {
            _BETAS.get(route.relay.get("beta", ""), ""): "beta" in route.relay,
            f"`{route.upstream_path}`, without /v1, is another name of it.": route.relay.get("unprefixed"),
            f"For clients that send and read JSON alone: {', '.join(doors)}.": doors,
            "`POST /v1/proxy` reaches it.": route.relay.get("proxy"),
        }
        told = [sentence for sentence, holds in said.items() if holds]
        return [*told, *(note for glob, note in notes if fnmatchcase(str(route.upstream_path), glob))]

    def _page(self, path: str) -> str:
        """The page of OpenAI's reference for the longest beginning of `path` that has one."""
        pages, begun = self._data["pages"], path
        while begun and begun not in pages:
            begun = begun.rpartition("/")[0]
        return "/".join([self._data["reference"], *([pages[begun]] if begun else [])])


def _by_path(route: Route, *, is_list: bool) -> str:
    """A summary in the words of the path: `List users (organization, projects)`."""
    parts = (route.upstream_path or route.path).strip("/").split("/")
    *within, last = [part.replace("_", " ") for part in parts if not part.startswith("{")]
    verb, one = _VERBS.get(route.method, f"{route.method.upper()} to"), parts[-1].startswith("{")
    said = (
        f"{verb} one of {last}" if one else f"{'List' if is_list and route.method == 'get' else verb} {last}"
    )
    return f"{said} ({', '.join(within)})" if within else said


def _of_door(door: Document) -> list[str]:
    said = {
        "A file is given by value, by reference or by address.": door["files"],
        "The file in the answer comes as `openaiFileResponse`.": door["file"] == "only",
        "What is a file in the answer comes as `openaiFileResponse`.": door["file"] == "also",
        "Pictures in the answer come as `openaiFileResponse`.": door["encoded"][0],
        "A body that deviates from its schema is refused.": door["strict"],
    }
    return [sentence for sentence, holds in said.items() if holds]


def _check(words: Document) -> None:
    for key, value in words.items():
        texts = value.values() if isinstance(value, dict) else [value]
        if not isinstance(value, _KEYS.get(key, ())) or not all(isinstance(text, str) for text in texts):
            raise CodegenError(
                f"spec/words.yaml: x-relay-words: {key!r} is unknown, or no text or texts by name"
            )
