"""``GET /v1/models`` and ``GET /v1/models/{model}``: a short list of names that the contract knows."""

from starlette.responses import JSONResponse

from sandbox.bodies import JsonObject
from sandbox.call import Call
from sandbox.errors import ApiError
from sandbox.ids import released

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


def index(_: Call) -> JSONResponse:
    """Answer ``listModels``: ``{object: "list", data: [model]}``."""
    return JSONResponse({"object": "list", "data": [_model(name) for name in NAMES]})


def retrieve(call: Call) -> JSONResponse:
    """Answer ``retrieveModel``: ``{id, object: "model", created, owned_by}``; an unknown name is a 404."""
    name = call.parameters["model"]
    if name not in NAMES:
        raise ApiError(404, f"The model '{name}' does not exist", param="model", code="model_not_found")
    return JSONResponse(_model(name))


def _model(name: str) -> JsonObject:
    return {"id": name, "object": "model", "created": released(name), "owned_by": "system"}
