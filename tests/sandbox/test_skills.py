import base64
import io
import zipfile
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types import Skill

from sandbox.server import SandboxServer
from tests.sandbox.conftest import Contract


def manifest(name: str = "tides", description: str = "Tells tides.") -> bytes:
    return f'---\nname: {name}\ndescription: "{description}"\n---\n# How\n'.encode()


def zipped(**changes: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"tides/SKILL.md": manifest(), **changes}.items():
            archive.writestr(name, content)
    return stream.getvalue()


def unzipped(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def skill(client: OpenAI) -> Skill:
    return client.skills.create(files=("tides.zip", zipped()))


def test_a_skill_is_made_of_a_zip(
    client: OpenAI, http: httpx.Client, contract: Contract, skill: Skill
) -> None:
    assert (skill.name, skill.description) == ("tides", "Tells tides.")
    assert (skill.default_version, skill.latest_version, skill.object) == ("1", "1", "skill")
    contract.judge("SkillResource", http.get(f"/skills/{skill.id}").json())
    assert skill.id in [one.id for one in client.skills.list(limit=5)]
    content = client.skills.content.retrieve(skill.id)
    assert content.response.headers["content-type"] == "application/zip"
    assert unzipped(content.read()) == {"tides/SKILL.md": manifest()}


def test_a_skill_is_made_of_the_files_of_a_folder(client: OpenAI) -> None:
    files: Any = [("tides/run.py", b"print(1)"), ("tides/SKILL.md", manifest("moon"))]
    made = client.skills.create(files=files)
    assert made.name == "moon"
    assert unzipped(client.skills.content.retrieve(made.id).read()) == dict(files)


@pytest.mark.parametrize("several", [True, False])
def test_a_skill_is_made_of_a_zip_in_json(http: httpx.Client, *, several: bool) -> None:
    text = base64.b64encode(zipped()).decode()
    answer = http.post("/skills", json={"files": [text] if several else text})
    assert (answer.status_code, answer.json()["name"]) == (200, "tides")


def test_versions_are_numbered_and_one_is_the_default(
    client: OpenAI, http: httpx.Client, contract: Contract, skill: Skill
) -> None:
    two = client.skills.versions.create(skill.id, files=[("s/SKILL.md", manifest("two"))])
    assert (two.version, two.name, two.skill_id, two.id[:9]) == ("2", "two", skill.id, "skillver_")
    contract.judge("SkillVersionResource", http.get(f"/skills/{skill.id}/versions/2").json())
    now = client.skills.retrieve(skill.id)
    assert (now.name, now.default_version, now.latest_version) == ("tides", "1", "2")
    assert client.skills.update(skill.id, default_version="2").name == "two"
    three = client.skills.versions.create(skill.id, files=[("s/SKILL.md", manifest("three"))], default=True)
    now = client.skills.retrieve(skill.id)
    assert (now.name, now.default_version, now.latest_version) == ("three", "3", three.version)
    assert [one.version for one in client.skills.versions.list(skill.id, order="asc", limit=1)] == list("123")
    assert unzipped(client.skills.content.retrieve(skill.id).read()) == {"s/SKILL.md": manifest("three")}
    old = client.skills.versions.content.retrieve("1", skill_id=skill.id).read()
    assert unzipped(old) == {"tides/SKILL.md": manifest()}


def test_a_version_that_is_not_the_default_is_deleted(client: OpenAI, skill: Skill) -> None:
    for number in (2, 3):
        client.skills.versions.create(skill.id, files=[("s/SKILL.md", manifest(f"v{number}"))])
    gone = client.skills.versions.delete("3", skill_id=skill.id)
    assert (gone.version, gone.object, gone.id[:9]) == ("3", "skill.version.deleted", "skillver_")
    assert client.skills.retrieve(skill.id).latest_version == "2"
    with pytest.raises(openai.BadRequestError, match="default"):
        client.skills.versions.delete("1", skill_id=skill.id)
    # A number is never given again.
    assert client.skills.versions.create(skill.id, files=[("s/SKILL.md", manifest())]).version == "4"
    with pytest.raises(openai.NotFoundError, match="'3'"):
        client.skills.versions.retrieve("3", skill_id=skill.id)


def test_a_deleted_skill_is_gone_with_its_versions(client: OpenAI, skill: Skill) -> None:
    gone = client.skills.delete(skill.id)
    assert (gone.id, gone.object, gone.deleted) == (skill.id, "skill.deleted", True)
    for ask in (client.skills.retrieve, client.skills.content.retrieve, client.skills.versions.list):
        with pytest.raises(openai.NotFoundError, match=skill.id):
            ask(skill.id)


def test_a_part_of_the_zip_can_be_read(client: OpenAI, http: httpx.Client, skill: Skill) -> None:
    whole = client.skills.content.retrieve(skill.id).read()
    part = http.get(f"/skills/{skill.id}/content", headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, whole[:4])


def test_equal_skills_are_equal_zips(client: OpenAI, fresh: SandboxServer, skill: Skill) -> None:
    with OpenAI(api_key="k", base_url=fresh.base_url, max_retries=0) as other:
        again = other.skills.create(files=[("tides/SKILL.md", manifest())])
        same = other.skills.content.retrieve(again.id).read()
    assert same == client.skills.content.retrieve(skill.id).read()


@pytest.mark.parametrize("description", ["Tells tides. ", "a" + " " * 2_000_000 + "b", "a\r"])
def test_a_description_is_read_without_what_surrounds_it(client: OpenAI, description: str) -> None:
    text = f"---\nname:tides\ndescription:  {description}\n---\n".encode()
    made = client.skills.create(files=[("s/SKILL.md", text)])
    assert (made.name, made.description) == ("tides", description.strip())


def corrupt(method: int, place: int) -> bytes:
    """Return a zip packed by a method in which one of the bytes is another."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("tides/SKILL.md", manifest() * 20)
    data = bytearray(stream.getvalue())
    data[place] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize(
    ("method", "place"),
    [
        *((method, 55) for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)),
        # The offset of the directory, from which that of the file follows.
        (zipfile.ZIP_STORED, -5),
        (zipfile.ZIP_STORED, -6),
    ],
)
def test_a_zip_that_is_corrupt_is_refused(client: OpenAI, method: int, place: int) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.skills.create(files=[("a.zip", corrupt(method, place))])
    assert raised.value.param == "files"


@pytest.mark.parametrize(
    "files",
    [
        [("a/notes.txt", b"x")],
        [("a/SKILL.md", manifest()), ("b/SKILL.md", manifest())],
        [("SKILL.md", b"# no front matter")],
        [("SKILL.md", b"---\nname: n\n---\n")],
        [("../SKILL.md", manifest())],
        [("/SKILL.md", manifest())],
        [("a.zip", b"PK\x03\x04 and no more")],
        [("a.zip", zipped(**{"a/../b": b""}))],
        [("a.zip", zipped(big=bytes(51 * 1024 * 1024)))],
    ],
)
def test_what_is_no_skill_is_refused(client: OpenAI, files: Any) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        client.skills.create(files=files)
    large = "big" in str(files[0][1][-200:])
    assert (raised.value.status_code, raised.value.param) == (413 if large else 400, "files")


@pytest.mark.parametrize("body", [{}, {"files": None}, {"files": "%"}, {"files": []}, {"files": ["aGk="]}])
def test_json_that_is_no_zip_is_refused(http: httpx.Client, body: dict[str, Any]) -> None:
    answer = http.post("/skills", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "files")


def test_a_default_that_is_not_there_is_a_404(client: OpenAI, skill: Skill) -> None:
    with pytest.raises(openai.NotFoundError, match="'9'"):
        client.skills.update(skill.id, default_version="9")
