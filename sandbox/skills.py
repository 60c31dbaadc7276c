"""Skills: files in versions, numbered from one, of which one is the default."""

from starlette.responses import Response

from sandbox import resources, skill_files
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.content import Content, download
from sandbox.errors import ApiError
from sandbox.families import family
from sandbox.requests import check
from sandbox.store import Resource

COLLECTION = "/skills"
_VERSIONS = "/skills/{skill_id}/versions"


def create(call: Call) -> Response:
    """Answer ``CreateSkill``: the skill with its first version, which is the default."""
    found = skill_files.read(call)
    name, description = skill_files.described(found)
    kind = family(COLLECTION)
    skill = resources.resource_of(call, kind, call.fresh().made(kind.prefix, kind.length))
    skill.facts |= {"name": name, "description": description}
    call.store.add(COLLECTION, skill)
    version = _version(call, skill, found)
    return call.answer(_with_default(skill, version))


def update(call: Call) -> Response:
    """Answer ``UpdateSkillDefaultVersion``; 404 for a version that is not there."""
    check(call)
    skill = resources.found(call)
    number = call.given["default_version"]
    version = call.store.find(_versions(skill), number)
    if version is None:
        raise family(_VERSIONS).unknown(number)
    return call.answer(_with_default(skill, version))


def content(call: Call) -> Response:
    """Answer ``GetSkillContent``: a zip of the default version."""
    skill = resources.ancestors(call)[0]
    version = call.store.find(_versions(skill), skill.facts["default_version"])
    assert version is not None
    return _download(call, version)


def create_version(call: Call) -> Response:
    """Answer ``CreateSkillVersion``; it is the default where ``default`` says so."""
    skill = resources.ancestors(call)[0]
    version = _version(call, skill, skill_files.read(call))
    if call.flag("default"):
        _with_default(skill, version)
    return call.answer(version.facts)


def delete_version(call: Call) -> Response:
    """Answer ``DeleteSkillVersion``; 400 for the default one."""
    skill, version = resources.ancestors(call)
    if version.id == skill.facts["default_version"]:
        message = f"Version '{version.id}' is the default version of the skill: set another first."
        raise ApiError(400, message, param="version", code="invalid_version")
    call.store.remove(_versions(skill), version.id)
    skill.facts["latest_version"] = call.store.all(_versions(skill))[-1].id
    return call.answer({"id": version.facts["id"], "version": version.id, "deleted": True})


def version_content(call: Call) -> Response:
    """Answer ``GetSkillVersionContent``: a zip of the version."""
    return _download(call, resources.ancestors(call)[1])


def _version(call: Call, skill: Resource, found: dict[str, bytes]) -> Resource:
    name, description = skill_files.described(found)
    number = str(skill.hidden.get("versions", 0) + 1)
    kind = family(_VERSIONS)
    version = resources.resource_of(call, kind, call.fresh().made(kind.prefix, kind.length))
    version.facts |= {"skill_id": skill.id, "version": number, "name": name, "description": description}
    # Paths name a version by its number, lists by its id.
    version.id = number
    version.content = Content.of(skill_files.packed(found))
    skill.hidden["versions"] = int(number)
    skill.facts["latest_version"] = number
    return call.store.add(_versions(skill), version)


def _with_default(skill: Resource, version: Resource) -> JsonObject:
    skill.facts |= {name: version.facts[name] for name in ("name", "description")}
    skill.facts["default_version"] = version.id
    return skill.facts


def _versions(skill: Resource) -> str:
    return f"{COLLECTION}/{skill.id}/versions"


def _download(call: Call, version: Resource) -> Response:
    assert version.content is not None
    return download(version.content, "application/zip", f"{version.facts['name']}.zip", call.headers)


HANDLERS: dict[str, Handler] = {
    "CreateSkill": create,
    "UpdateSkillDefaultVersion": update,
    "GetSkillContent": content,
    "CreateSkillVersion": create_version,
    "DeleteSkillVersion": delete_version,
    "GetSkillVersionContent": version_content,
}
