import struct
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types import Video

from generated.operations import OPERATIONS
from sandbox.server import SandboxServer
from tests.sandbox.conftest import Contract
from tests.sandbox.test_images import read_jpeg, read_webp

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def video(client: OpenAI) -> Video:
    """Return a video that is done."""
    return client.videos.create_and_poll(prompt="waves", seconds="8", size="1280x720", poll_interval_ms=1)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    while data:
        size, kind = struct.unpack(">I4s", data[:8])
        assert 8 <= size <= len(data)
        yield kind, data[8:size]
        data = data[size:]


def test_goes_one_step_with_each_retrieval(client: OpenAI, http: httpx.Client, contract: Contract) -> None:
    made = client.videos.create(prompt="waves", model="sora-2-pro")
    assert (made.status, made.progress, made.prompt, made.model) == ("queued", 0, "waves", "sora-2-pro")
    assert (made.seconds, made.size, made.completed_at, made.error) == ("4", "720x1280", None, None)
    shown = [http.get(f"/videos/{made.id}").json() for _ in range(3) if client.videos.list()]
    for one in shown:
        contract.judge("VideoResource", one)
    assert [(one["status"], one["progress"]) for one in shown] == [
        ("in_progress", 50),
        ("completed", 100),
        ("completed", 100),
    ]
    assert shown[2]["expires_at"] - shown[2]["completed_at"] == 86_400


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {"prompt": "p", "seconds": "12"}},
        {"json": {"prompt": "p", "seconds": "12", "input_reference": {"image_url": "https://x.test/a.png"}}},
        {"files": {"prompt": (None, "p"), "seconds": (None, "12"), "input_reference": ("a.png", PNG)}},
    ],
)
def test_is_made_of_json_and_of_a_form(http: httpx.Client, sent: dict[str, Any]) -> None:
    answer = http.post("/videos", **sent)
    assert (answer.status_code, answer.json()["seconds"]) == (200, "12")


def test_refers_to_a_file_that_there_is(client: OpenAI, http: httpx.Client) -> None:
    file = client.files.create(file=("a.png", PNG), purpose="vision")
    form = {"prompt": (None, "p"), "input_reference[file_id]": (None, file.id)}
    assert http.post("/videos", files=form).status_code == 200
    client.files.delete(file.id)
    answer = http.post("/videos", files=form)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input_reference.file_id")


def test_the_video_is_an_mp4_of_its_length(client: OpenAI, video: Video) -> None:
    content = client.videos.download_content(video.id)
    assert content.response.headers["content-type"] == "video/mp4"
    found = dict(boxes(content.read()))
    assert list(found) == [b"ftyp", b"moov", b"mdat"]
    ((kind, header),) = boxes(found[b"moov"])
    scale, duration = struct.unpack(">II", header[12:20])
    assert (kind, len(header), duration / scale) == (b"mvhd", 100, 8)


def test_the_thumbnail_is_a_webp_of_its_size(client: OpenAI, video: Video) -> None:
    content = client.videos.download_content(video.id, variant="thumbnail")
    assert content.response.headers["content-type"] == "image/webp"
    assert read_webp(content.read()) == (1280, 720)


def test_the_spritesheet_is_a_jpeg_of_a_quarter(client: OpenAI, video: Video) -> None:
    content = client.videos.download_content(video.id, variant="spritesheet")
    assert content.response.headers["content-type"] == "image/jpeg"
    assert "image/jpeg" in OPERATIONS["RetrieveVideoContent"].response_media_types
    assert read_jpeg(content.read())[:2] == (320, 180)


def test_a_part_of_the_content_can_be_read(client: OpenAI, http: httpx.Client, video: Video) -> None:
    whole = client.videos.download_content(video.id).read()
    part = http.get(f"/videos/{video.id}/content", headers={"range": "bytes=4-11"})
    assert (part.status_code, part.content) == (206, whole[4:12])
    assert part.headers["content-range"] == f"bytes 4-11/{len(whole)}"


def test_the_files_of_two_videos_differ_and_those_of_equal_ones_do_not(
    fresh: SandboxServer,
) -> None:
    def files(of: OpenAI, prompt: str) -> list[bytes]:
        name = of.videos.create_and_poll(prompt=prompt, poll_interval_ms=1).id
        return [of.videos.download_content(name, variant=kind).read() for kind in ("video", "thumbnail")]

    with SandboxServer() as server, OpenAI(api_key="k", base_url=server.base_url, max_retries=0) as other:
        theirs = files(other, "equal")
    with OpenAI(api_key="k", base_url=fresh.base_url, max_retries=0) as mine:
        assert files(mine, "equal") == theirs
        assert not set(files(mine, "another")) & set(theirs)


def test_there_is_no_content_before_the_video_is_done(client: OpenAI) -> None:
    made = client.videos.create(prompt="waves")
    for _ in range(2):
        with pytest.raises(openai.NotFoundError, match="not ready"):
            client.videos.download_content(made.id)
        made = client.videos.retrieve(made.id)
    assert made.status == "completed"
    assert client.videos.download_content(made.id).read()


def test_a_video_is_remixed(client: OpenAI, video: Video) -> None:
    made = client.videos.remix(video.id, prompt="at night")
    assert (made.remixed_from_video_id, made.prompt, made.status) == (video.id, "at night", "queued")
    assert (made.seconds, made.size) == ("8", "1280x720")
    assert made.id != video.id


# The client of OpenAI's takes a file where the document takes an id as well.
@pytest.mark.parametrize("form", [True, False])
def test_a_video_is_edited_and_extended(http: httpx.Client, video: Video, *, form: bool) -> None:
    def posted(path: str, **fields: str) -> Any:
        if form:
            parts = {name: (None, value) for name, value in fields.items()}
            answer = http.post(path, files={**parts, "video[id]": (None, video.id)})
        else:
            answer = http.post(path, json={**fields, "video": {"id": video.id}})
        return answer.raise_for_status().json()

    edited = posted("/videos/edits", prompt="brighter")
    assert (edited["prompt"], edited["seconds"], edited["size"]) == ("brighter", "8", "1280x720")
    extended = posted("/videos/extensions", prompt="on", seconds="4")
    assert (extended["seconds"], extended["size"]) == ("12", "1280x720")
    assert extended["remixed_from_video_id"] is None


def test_a_video_that_is_sent_is_edited_and_extended(client: OpenAI) -> None:
    assert client.videos.edit(prompt="brighter", video=("a.mp4", b"bytes")).prompt == "brighter"
    assert client.videos.extend(prompt="on", seconds="8", video=("a.mp4", b"bytes")).seconds == "8"


def test_a_character_is_kept(client: OpenAI) -> None:
    made = client.videos.create_character(name="Moby", video=("a.mp4", b"bytes"))
    assert made.id is not None
    assert made.id.startswith("char_")
    assert client.videos.get_character(made.id).model_dump() == made.model_dump()
    assert made.name == "Moby"


def test_a_deleted_video_is_gone(client: OpenAI, http: httpx.Client, video: Video) -> None:
    gone = client.videos.delete(video.id)
    assert (gone.id, gone.object, gone.deleted) == (video.id, "video.deleted", True)
    for ask in (client.videos.retrieve, client.videos.download_content, client.videos.delete):
        with pytest.raises(openai.NotFoundError, match=video.id):
            ask(video.id)
    with pytest.raises(openai.NotFoundError, match=video.id):
        client.videos.remix(video.id, prompt="p")
    assert http.post("/videos/edits", json={"prompt": "p", "video": {"id": video.id}}).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("", {}, "prompt"),
        ("", {"prompt": ""}, "prompt"),
        ("", {"prompt": "p" * 32_001}, "prompt"),
        ("", {"prompt": "p", "seconds": "5"}, "seconds"),
        ("", {"prompt": "p", "seconds": 4}, "seconds"),
        ("", {"prompt": "p", "size": "1x1"}, "size"),
        ("", {"prompt": "p", "input_reference": "x"}, "input_reference"),
        ("", {"prompt": "p", "input_reference": {}}, "input_reference"),
        ("", {"prompt": "p", "input_reference": {"image_url": 5}}, "input_reference.image_url"),
        ("/edits", {"prompt": "p"}, "video"),
        ("/edits", {"prompt": "p", "video": {}}, "video.id"),
        ("/edits", {"prompt": "p", "video": {"id": 5}}, "video.id"),
        ("/extensions", {"prompt": "p", "video": {"id": "v"}}, "seconds"),
    ],
)
def test_what_is_wrong_with_a_request_is_a_400(
    http: httpx.Client, path: str, body: dict[str, Any], param: str
) -> None:
    answer = http.post(f"/videos{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"seconds": ("a", b"4")}, "seconds"),
        ({"seconds[a]": (None, "4")}, "seconds"),
        ({"seconds": (None, "4"), "video": (None, "text")}, "video"),
    ],
)
def test_a_form_that_says_something_else_is_a_400(
    http: httpx.Client, more: dict[str, Any], param: str
) -> None:
    parts = {"prompt": (None, "p"), "video": ("a.mp4", b""), **more}
    answer = http.post("/videos/extensions", files=parts)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"name": (None, "n")}, "video"),
        ({"name": (None, "n"), "video": (None, "text")}, "video"),
        ({"video": ("a.mp4", b"")}, "name"),
        ({"name": (None, "n" * 81), "video": ("a.mp4", b"")}, "name"),
    ],
)
def test_what_is_wrong_with_a_character_is_a_400(
    http: httpx.Client, sent: dict[str, Any], param: str
) -> None:
    answer = http.post("/videos/characters", files=sent)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_an_unknown_variant_is_a_400(client: OpenAI, video: Video) -> None:
    with pytest.raises(openai.BadRequestError, match="spritesheet"):
        client.videos.download_content(video.id, variant="poster")  # type: ignore[arg-type]
