"""Roles of an organization and of its projects, and the groups and users that have them."""

from starlette.responses import Response

from sandbox import resources
from sandbox.bodies import JsonObject
from sandbox.call import Call, Handler
from sandbox.families import family
from sandbox.requests import check

GROUPS = "/organization/groups"


def create(call: Call) -> Response:
    """Answer ``create-role``: its name is what the request calls ``role_name``."""
    check(call)
    return call.answer(resources.made(call, name=call.given["role_name"]).facts)


def update(call: Call) -> Response:
    """Answer ``update-role``."""
    resources.update(call)
    role = resources.found(call)
    role.facts["name"] = call.given.get("role_name") or role.facts["name"]
    return call.answer(role.facts)


def assign(call: Call) -> Response:
    """Answer the assignment of a role, which is known as far as the role and its holder are."""
    check(call)
    holder = "group" if "group_id" in call.parameters else "user"
    role = family(call.operation.path).facts | _known(call, _roles(call), call.given["role_id"])
    held = _known(call, f"/organization/{holder}s", call.parameters[f"{holder}_id"])
    return call.answer(resources.made(call, **{**role, "role": role, holder: held}).facts)


def add_group(call: Call) -> Response:
    """Answer ``add-project-group``."""
    check(call)
    group = _known(call, GROUPS, call.given["group_id"])
    return call.answer(resources.made(call, group_name=group["name"]).facts)


def _roles(call: Call) -> str:
    project = call.parameters.get("project_id")
    return f"/projects/{project}/roles" if project else "/organization/roles"


def _known(call: Call, collection: str, name: str) -> JsonObject:
    """What is known of a resource that a request names; only its id where there is none."""
    found = call.store.find(collection, name)
    return found.facts if found else {"id": name, "name": ""}


HANDLERS: dict[str, Handler] = {
    "create-role": create,
    "create-project-role": create,
    "update-role": update,
    "update-project-role": update,
    "assign-group-role": assign,
    "assign-user-role": assign,
    "assign-project-group-role": assign,
    "assign-project-user-role": assign,
    "add-project-group": add_group,
}
