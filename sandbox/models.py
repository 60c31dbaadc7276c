"""Models: a short list of names that the contract knows, and those that were fine-tuned here."""

from starlette.responses import JSONResponse

from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.errors import ApiError
from sandbox.ids import released
from sandbox.store import Resource, Store

COLLECTION = "/models"
DEFAULT = "gpt-5.1"
NAMES = (
    DEFAULT,
    "gpt-5",
    "gpt-5-mini",
    "gpt-5-nano",
    "gpt-4.1",
    "gpt-4.1-mini",
    "gpt-4o",
    "gpt-4o-mini",
    "o3",
    "o4-mini",
    "text-embedding-3-small",
    "text-embedding-3-large",
    "text-embedding-ada-002",
    "gpt-realtime",
    "gpt-realtime-mini",
    "gpt-image-1",
    "sora-2",
    "gpt-4o-transcribe",
    "gpt-4o-mini-tts",
    "tts-1",
    "whisper-1",
    "omni-moderation-latest",
)


def index(call: Call) -> JSONResponse:
    """Answer ``listModels``: ``{object: "list", data: [model]}``, those that were fine-tuned here last."""
    tuned = [resource.facts for resource in call.store.all(COLLECTION)]
    return JSONResponse({"object": "list", "data": [*(_model(name) for name in NAMES), *tuned]})


def retrieve(call: Call) -> JSONResponse:
    """Answer ``retrieveModel``: ``{id, object: "model", created, owned_by}``; an unknown name is a 404."""
    name = call.parameters["model"]
    tuned = call.store.find(COLLECTION, name)
    if tuned is None and name not in NAMES:
        raise _unknown(name)
    return JSONResponse(tuned.facts if tuned else _model(name))


def delete(call: Call) -> JSONResponse:
    """Answer ``deleteModel``: only models that were fine-tuned here can go."""
    name = call.parameters["model"]
    if name in NAMES:
        raise ApiError(403, f"The model '{name}' is not yours to delete", param="model")
    if call.store.find(COLLECTION, name) is None:
        raise _unknown(name)
    call.store.remove(COLLECTION, name)
    return JSONResponse({"id": name, "object": "model", "deleted": True})


def add(store: Store, name: str, created: int) -> None:
    """Keep a model that was fine-tuned."""
    facts = {"id": name, "object": "model", "created": created, "owned_by": "org-sandbox"}
    store.add(COLLECTION, Resource(name, facts))


def _model(name: str) -> JsonObject:
    return {"id": name, "object": "model", "created": released(name), "owned_by": "system"}


def _unknown(name: str) -> ApiError:
    return ApiError(404, f"The model '{name}' does not exist", param="model", code="model_not_found")


HANDLERS: dict[str, Handler] = {"listModels": index, "retrieveModel": retrieve, "deleteModel": delete}
