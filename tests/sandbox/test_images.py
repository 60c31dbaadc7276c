import base64
import struct
import zlib
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from sandbox.pictures import jpeg, webp
from tests.sandbox.conftest import Contract

GENERATE = "/images/generations"
PICTURE = ("one.png", b"\x89PNG", "image/png")


def read_png(data: bytes) -> tuple[int, int, set[int]]:
    """Width, height and shades of a PNG of 8-bit grey."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(name + body)
        chunks[name], at = body, at + 12 + size
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (rest, list(chunks)) == ([8, 0, 0, 0, 0], [b"IHDR", b"IDAT", b"IEND"])
    rows = zlib.decompress(chunks[b"IDAT"])
    assert len(rows) == (width + 1) * height
    assert set(rows[:: width + 1]) == {0}
    return width, height, set(rows[1 : width + 1])


def read_jpeg(data: bytes) -> tuple[int, int, int]:
    """Width, height and the number of blocks of a JPEG of one component and one-bit codes."""
    assert (data[:2], data[-2:]) == (b"\xff\xd8", b"\xff\xd9")
    at, found = 2, {}
    while data[at + 1] != 0xDA:
        size = int.from_bytes(data[at + 2 : at + 4])
        found[data[at + 1]], at = data[at + 4 : at + 2 + size], at + 2 + size
    assert set(found) == {0xE0, 0xDB, 0xC0, 0xC4}
    at += 2 + int.from_bytes(data[at + 2 : at + 4])
    scan = data[at:-2].replace(b"\xff\0", b"\xff")
    bits = "".join(f"{byte:08b}" for byte in scan).rstrip("1")
    height, width = struct.unpack_from(">HH", found[0xC0], 1)
    return width, height, len(bits)


def read_webp(data: bytes) -> tuple[int, int]:
    """Width and height of a lossless WebP."""
    assert (data[:4], data[8:16]) == (b"RIFF", b"WEBPVP8L")
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert int.from_bytes(data[16:20], "little") == len(data) - 20
    assert data[20] == 0x2F
    bits = int.from_bytes(data[21:25], "little")
    assert bits >> 29 == 0
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def test_an_image_is_drawn(client: OpenAI) -> None:
    made = client.images.generate(
        prompt="a cat", size="1536x1024", quality="medium", background="transparent"
    )
    assert (made.size, made.quality, made.background, made.output_format) == (
        *("1536x1024", "medium", "transparent", "png"),
    )
    assert made.data is not None
    assert made.data[0].b64_json is not None
    width, height, shades = read_png(base64.b64decode(made.data[0].b64_json))
    assert (width, height, len(shades)) == (1536, 1024, 1)


def test_equal_requests_get_equal_images_and_others_do_not(client: OpenAI) -> None:
    first, again, other = (
        client.images.generate(prompt=prompt, n=3).data or [] for prompt in ("a", "a", "b")
    )
    assert first == again != other
    assert len(first) == 3
    assert len({image.b64_json for image in first}) > 1


@pytest.mark.parametrize("size", ["1x1", "17x9", "1024x1024", "4096x16"])
def test_every_format_has_the_size_that_is_asked_for(http: httpx.Client, size: str) -> None:
    width, height = map(int, size.split("x"))
    drawn = {}
    for form in ("png", "jpeg", "webp"):
        answer = http.post(GENERATE, json={"prompt": "p", "size": size, "output_format": form}).json()
        drawn[form] = base64.b64decode(answer["data"][0]["b64_json"])
    assert read_png(drawn["png"])[:2] == (width, height)
    assert read_jpeg(drawn["jpeg"])[:2] == (width, height)
    assert read_webp(drawn["webp"]) == (width, height)


@pytest.mark.parametrize("shade", [0, 1, 126, 127, 128, 129, 255])
def test_a_jpeg_has_a_block_for_every_eight_pixels(shade: int) -> None:
    width, height, bits = read_jpeg(jpeg(20, 9, shade))
    # Each of 3 times 2 blocks takes two bits; the first also the bits of its difference from grey.
    difference = abs(shade - 128).bit_length()
    assert (width, height, bits) == (20, 9, 12 + (1 + difference if difference else 0))


def test_a_webp_takes_no_bits_for_pixels() -> None:
    assert len(webp(1, 1, 7)) == len(webp(4096, 4096, 7))


def test_an_image_may_come_as_an_address(client: OpenAI) -> None:
    data = client.images.generate(prompt="p", response_format="url").data
    assert data is not None
    assert str(data[0].url).startswith("data:image/png;base64,")


@pytest.mark.parametrize("model", ["dall-e-2", "dall-e-3"])
@pytest.mark.parametrize(("asked", "field"), [(None, "url"), ("url", "url"), ("b64_json", "b64_json")])
def test_dall_e_gives_addresses_unless_asked_otherwise(
    http: httpx.Client, model: str, asked: str | None, field: str
) -> None:
    body = {"prompt": "p", "model": model, "response_format": asked}
    [image] = http.post("/images/generations", json=body).json()["data"]
    assert list(image) == [field]


def test_a_variation_is_dall_es(client: OpenAI) -> None:
    with pytest.deprecated_call():
        data = client.images.create_variation(image=PICTURE).data
    assert data is not None
    assert str(data[0].url).startswith("data:image/png;base64,")


@pytest.mark.parametrize("partial", [0, 1, 2, 3])
def test_a_stream_sends_partial_images_first(client: OpenAI, contract: Contract, partial: int) -> None:
    events = list(client.images.generate(prompt="p", stream=True, partial_images=partial))
    assert [event.type for event in events] == [
        *["image_generation.partial_image"] * partial,
        "image_generation.completed",
    ]
    for index, event in enumerate(events):
        contract.judge("ImageGenStreamEvent", event.to_dict())
        assert event.type == "image_generation.completed" or event.partial_image_index == index
        assert read_png(base64.b64decode(event.b64_json))[:2] == (1024, 1024)


def test_an_edit_of_a_form_streams(client: OpenAI, contract: Contract) -> None:
    events = list(client.images.edit(image=PICTURE, prompt="p", stream=True, partial_images=2))
    assert [event.type for event in events] == [*["image_edit.partial_image"] * 2, "image_edit.completed"]
    for event in events:
        contract.judge("ImageEditStreamEvent", event.to_dict())


def test_several_images_are_edited_and_one_is_varied(client: OpenAI) -> None:
    assert client.images.edit(image=[PICTURE, PICTURE], prompt="p", n=2).data
    with pytest.deprecated_call():
        data = client.images.create_variation(
            image=PICTURE, n=2, size="256x256", response_format="b64_json"
        ).data
    assert data is not None
    assert [read_png(base64.b64decode(one.b64_json or ""))[:2] for one in data] == [(256, 256)] * 2


def test_an_edit_may_be_json(http: httpx.Client) -> None:
    body = {"prompt": "p", "images": [{"image_url": "https://example.com/a.png"}]}
    assert http.post("/images/edits", json=body).json()["data"][0]["b64_json"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("size", size) for size in ("x", "0x1", "4097x1", "1x99999", "²x²", "1024x1024x", "-1x1", " 1x1")],
        *[("n", n) for n in (0, 11, "x", 1.5, True)],
        *[("partial_images", count) for count in (-1, 4, "x")],
        *[("output_format", "gif"), ("quality", "x"), ("background", "x"), ("response_format", "x")],
        ("prompt", None),
    ],
)
def test_a_wrong_field_is_named(http: httpx.Client, field: str, value: Any, *, stream: bool) -> None:
    answer = http.post(GENERATE, json={"prompt": "p", "stream": stream, field: value})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("n", n) for n in ("0", "x", "1.5", "NaN", "1e400", "9" * 5000, "[" * 500)],
        *[("stream", "maybe"), ("partial_images", "x"), ("size", "x")],
    ],
)
def test_a_wrong_field_of_a_form_is_named(http: httpx.Client, field: str, value: str) -> None:
    answer = http.post("/images/edits", data={"prompt": "p", field: value}, files={"image": PICTURE})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


@pytest.mark.parametrize("images", [[], ["x"], "x", None])
def test_an_edit_needs_images(http: httpx.Client, images: Any) -> None:
    answer = http.post("/images/edits", json={"prompt": "p", "images": images})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith("images")


def test_the_client_raises_for_a_size_that_cannot_be(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Invalid size 'x'"):
        client.images.generate(prompt="p", size="x")
