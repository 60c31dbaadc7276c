"""Videos: made from a prompt or from another video, done at the second look, and their small files."""

from starlette.responses import Response

from sandbox import errors, fields, files, resources
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.content import Content, download
from sandbox.errors import ApiError
from sandbox.families import family
from sandbox.pictures import jpeg, webp
from sandbox.requests import check
from sandbox.store import Resource
from sandbox.video_files import mp4, shade_of

COLLECTION = "/videos"
MAX_PROMPT = 32_000
MAX_NAME = 80
_LIFE_SECONDS = 86_400
_PROGRESS = {"in_progress": 50, "completed": 100}
_VARIANTS = ("video", "thumbnail", "spritesheet")
_KEPT = ("model", "seconds", "size")
_TILES = 4


def create(call: Call) -> Response:
    """Answer ``createVideo``: queued, whatever image it refers to."""
    _check(call)
    _check_reference(call)
    return call.answer(_made(call, {name: call.given.get(name) for name in _KEPT}).facts)


def remix(call: Call) -> Response:
    """Answer ``CreateVideoRemix``: as long and as large as the video it is made from."""
    _check(call)
    source = resources.ancestors(call)[0]
    return call.answer(_made(call, _like(source) | {"remixed_from_video_id": source.id}).facts)


def edit(call: Call) -> Response:
    """Answer ``CreateVideoEdit``: as long and as large as the video, where it is one that was made here."""
    _check(call)
    return call.answer(_made(call, _like(_source(call))).facts)


def extend(call: Call) -> Response:
    """Answer ``CreateVideoExtend``: the length is that of both, where the video was made here."""
    _check(call)
    fields.require(call.given, ["seconds"])
    like = _like(_source(call))
    seconds = int(like.get("seconds") or 0) + int(call.given["seconds"])
    return call.answer(_made(call, {**like, "seconds": str(seconds)}).facts)


def retrieve(call: Call) -> Response:
    """Answer ``GetVideo``, one step further on its way."""
    video = resources.found(call)
    if video.steps and not call.head:
        status = video.steps.pop(0)
        video.facts |= {"status": status, "progress": _PROGRESS[status]}
        if status == "completed":
            now = call.store.now()
            video.facts |= {"completed_at": now, "expires_at": now + _LIFE_SECONDS}
    return call.answer(video.facts)


def content(call: Call) -> Response:
    """Answer ``RetrieveVideoContent``: a file of the variant that is asked for; 404 before there is one."""
    video = resources.ancestors(call)[0]
    variant = call.query.get("variant", _VARIANTS[0])
    if variant not in _VARIANTS:
        raise errors.unsupported("variant", variant, _VARIANTS)
    if video.facts["status"] != "completed":
        raise ApiError(404, f"Video is not ready yet, use GET /v1/videos/{video.id} to check status.")
    width, height = map(int, video.facts["size"].split("x"))
    if variant == "thumbnail":
        data, media_type = webp(width, height, shade_of(video.id)), "image/webp"
    elif variant == "spritesheet":
        tile = jpeg(width // _TILES, height // _TILES, shade_of(video.id))
        data, media_type = tile, "image/jpeg"
    else:
        data, media_type = mp4(video.id, int(video.facts["seconds"])), "video/mp4"
    name = f"{video.id}.{media_type.partition('/')[2]}"
    return download(Content.of(data), media_type, name, call.headers)


def create_character(call: Call) -> Response:
    """Answer ``CreateVideoCharacter``: a name for who is in a video."""
    check(call)
    _check_length(call, "name", MAX_NAME)
    call.file("video")
    return call.answer(resources.made(call).facts)


def _check(call: Call) -> None:
    check(call)
    # A form may say an object or send a file where it should say a word.
    fields.check(call.given, dict.fromkeys(_KEPT, fields.STRING))
    _check_length(call, "prompt", MAX_PROMPT)


def _check_length(call: Call, name: str, limit: int) -> None:
    text = fields.named(call.given, name)
    if len(text) > limit:
        raise errors.too_long(name, limit, len(text))


def _check_reference(call: Call) -> None:
    """Refuse an image that is neither sent, nor a file that there is, nor a URL."""
    if call.form is not None and call.form.files.get("input_reference"):
        return
    given = call.given.get("input_reference")
    if given is None:
        return
    fields.check(call.given, {"input_reference": fields.OBJECT})
    fields.check(given, {"image_url": fields.STRING}, within="input_reference")
    if (given.get("file_id") is None) == (given.get("image_url") is None):
        message = "Invalid 'input_reference': exactly one of 'file_id' and 'image_url' has to be given."
        raise ApiError(400, message, param="input_reference", code="invalid_value")
    if given.get("file_id") is not None:
        files.file_of(call, given["file_id"], "input_reference.file_id")


def _source(call: Call) -> Resource | None:
    """The video that a request names; nothing where it sends one."""
    if call.form is not None and call.form.files.get("video"):
        return None
    fields.check(call.given, {"video": fields.OBJECT})
    name = call.given["video"].get("id")
    if name is None:
        raise errors.missing("video.id")
    fields.check(call.given["video"], {"id": fields.STRING}, within="video")
    video = call.store.find(COLLECTION, name)
    if video is None:
        raise family(COLLECTION).unknown(name)
    return video


def _like(source: Resource | None) -> JsonObject:
    return {name: source.facts[name] for name in _KEPT} if source else {}


def _made(call: Call, facts: JsonObject) -> Resource:
    kind = family(COLLECTION)
    video = resources.resource_of(call, kind, call.fresh().made(kind.prefix, kind.length))
    video.facts["prompt"] = call.given["prompt"]
    video.facts |= {name: value for name, value in facts.items() if value is not None}
    return call.store.add(COLLECTION, video)


HANDLERS: dict[str, Handler] = {
    "createVideo": create,
    "CreateVideoRemix": remix,
    "CreateVideoEdit": edit,
    "CreateVideoExtend": extend,
    "GetVideo": retrieve,
    "RetrieveVideoContent": content,
    "CreateVideoCharacter": create_character,
}
