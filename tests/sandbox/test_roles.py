import httpx
import pytest

from sandbox.contract import paths

READER = {"role_name": "reader", "permissions": ["api.files.read"]}


@pytest.mark.parametrize("place", ["/organization", "/projects/proj_1"])
def test_a_role_has_the_name_that_it_is_given(http: httpx.Client, place: str) -> None:
    made = http.post(f"{place}/roles", json=READER).json()
    kind = "api.organization" if place == "/organization" else "api.project"
    assert (made["name"], made["permissions"], made["resource_type"]) == ("reader", ["api.files.read"], kind)
    path = f"{place}/roles/{made['id']}"
    assert http.post(path, json={"description": "Reads."}).json() == {**made, "description": "Reads."}
    assert http.post(path, json={"role_name": "author"}).json()["name"] == "author"
    assert http.get(path).json()["name"] == "author"


@pytest.mark.parametrize("place", ["/organization", "/projects/proj_1"])
def test_a_role_is_assigned_to_a_group_and_taken_away(http: httpx.Client, place: str) -> None:
    group = http.post("/organization/groups", json={"name": "sailors"}).json()
    role = http.post(f"{place}/roles", json=READER).json()
    path = f"{place}/groups/{group['id']}/roles"
    made = http.post(path, json={"role_id": role["id"]}).json()
    assert (made["role"], made["group"]["name"]) == (role, "sailors")
    held = http.get(f"{path}/{role['id']}").json()
    assert (held["name"], held["permissions"]) == ("reader", ["api.files.read"])
    gone = http.delete(f"{path}/{role['id']}").json()
    assert (gone["object"], gone["deleted"]) == ("group.role.deleted", True)


@pytest.mark.parametrize("place", ["/organization", "/projects/proj_1"])
def test_a_role_is_assigned_to_a_user(http: httpx.Client, place: str) -> None:
    user = http.get("/organization/users").json()["data"][0]["id"]
    path = f"{place}/users/{user}/roles"
    made = http.post(path, json={"role_id": "role_unknown"}).json()
    assert (made["role"]["id"], made["user"]["id"]) == ("role_unknown", user)
    assert http.delete(f"{path}/role_unknown").json()["object"] == "user.role.deleted"


def test_a_group_of_a_project_has_its_name(http: httpx.Client) -> None:
    group = http.post("/organization/groups", json={"name": "sailors"}).json()
    project = http.post("/organization/projects", json={"name": "sea"}).json()["id"]
    path = f"/organization/projects/{project}/groups"
    made = http.post(path, json={"group_id": group["id"], "role": "role_1"}).json()
    assert (made["group_id"], made["group_name"]) == (group["id"], "sailors")


@pytest.mark.skipif(
    ("GET", "/organization/spend_limit") not in paths(),
    reason="OpenAI's document of July 2026 has no spend limits",
)
@pytest.mark.parametrize("place", ["", "/projects/{project}"])
def test_a_spend_limit_is_inactive_until_it_is_told(http: httpx.Client, place: str) -> None:
    project = http.post("/organization/projects", json={"name": "sea"}).json()["id"]
    path = f"/organization{place.format(project=project)}/spend_limit"
    limit = http.get(path).json()
    assert (limit["currency"], limit["interval"], limit["enforcement"]) == (
        "USD",
        "month",
        {"status": "inactive"},
    )
