"""The files of deploy/ agree with the relay and with one another."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from relay.setting_fields import variables_of
from relay.settings import Settings
from tests.deploy.fleet import DEPLOY
from tests.servers import PROJECT

NAMES = {name for field in Settings.model_fields.values() for name in variables_of(field)}
LIKE_A_SETTING = r"\b(?:RELAY|OPENAI|CORS|LOG)_[A-Z_]*[A-Z]\b"
# What stands in for a value in a file: no setting of the relay's.
OF_THE_FILES = {"RELAY_A", "RELAY_B", "RELAY_BIND", "RELAY_ADDRESSES", "RELAY_DOMAIN"}
UNIT = (DEPLOY / "systemd" / "relay@.service").read_text()
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def loaded(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


COMPOSE = loaded("compose.yaml")
POD = loaded("kubernetes/deployment.yaml")["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]
[SERVICE] = loaded("render.yaml")["services"]


def in_kubernetes() -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in CONTAINER["env"]}


def in_systemd() -> dict[str, str]:
    lines = re.findall(r"^Environment=(.+)$", UNIT, re.MULTILINE)
    return dict(pair.split("=", 1) for line in lines for pair in line.split())


def at_render() -> dict[str, str]:
    return {variable["key"]: variable.get("value", "") for variable in SERVICE["envVars"]}


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


RELAYS = ("relay-a", "relay-b")
PLACES = {
    **{
        name: (
            COMPOSE["services"][name]["environment"],
            seconds(COMPOSE["services"][name]["stop_grace_period"]),
        )
        for name in RELAYS
    },
    "kubernetes": (in_kubernetes(), POD["terminationGracePeriodSeconds"]),
    "systemd": (in_systemd(), int(re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)[0])),
    "render": (at_render(), SERVICE["maxShutdownDelaySeconds"]),
}


def files() -> Iterator[str]:
    for path in sorted(DEPLOY.rglob("*")):
        if path.is_file():
            yield path.relative_to(DEPLOY).as_posix()


@pytest.mark.parametrize("name", list(files()))
def test_every_variable_that_a_file_names_is_a_setting(name: str) -> None:
    told = set(re.findall(LIKE_A_SETTING, (DEPLOY / name).read_text()))
    assert told <= NAMES | OF_THE_FILES


@pytest.mark.parametrize("place", PLACES)
def test_a_relay_is_killed_only_after_it_had_the_time_to_drain(place: str) -> None:
    variables, grace = PLACES[place]
    drain, linger = int(variables["RELAY_DRAIN_SECONDS"]), int(variables["RELAY_LINGER_SECONDS"])
    # It has a second for its last words, a second to close, and its workers have to end.
    assert 0 < linger < drain <= grace - 10


@pytest.mark.parametrize("place", PLACES)
def test_the_settings_of_a_place_are_ones_that_the_relay_takes(place: str) -> None:
    variables = {name: text for name, text in PLACES[place][0].items() if name in NAMES and text}
    variables = {name: text for name, text in variables.items() if not re.search(r"[%$]", text)}
    assert len(variables) >= 3
    fields = {variables_of(field)[0]: name for name, field in Settings.model_fields.items()}
    assert {str(getattr(Settings(**{name: text}), fields[name])) for name, text in variables.items()}


@pytest.mark.parametrize("place", PLACES)
def test_no_file_holds_a_key(place: str) -> None:
    given = PLACES[place][0]
    assert not [name for name in ("OPENAI_API_KEY", "RELAY_KEY") if given.get(name)]


def test_no_key_is_in_the_image_or_in_an_example() -> None:
    assert not re.findall(r"^(?:ARG|ENV)\b.*KEY", DOCKERFILE, re.MULTILINE)
    assert set(loaded("kubernetes/secret.example.yaml")["stringData"].values()) == {""}


def test_one_port_is_listened_on_exposed_probed_and_sent_to() -> None:
    [port] = re.findall(r"RELAY_PORT=(\d+)", DOCKERFILE)
    assert re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE) == [port]
    assert "os.environ['RELAY_PORT']" in DOCKERFILE
    http, metrics = CONTAINER["ports"]
    assert (str(http["containerPort"]), str(metrics["containerPort"])) == (
        port,
        in_kubernetes()["RELAY_METRICS_PORT"],
    )
    assert set(re.findall(r"relay-[ab]:(\d+)", (DEPLOY / "caddy" / "Caddyfile").read_text())) == {port}
    assert at_render()["PORT"] == at_render()["RELAY_PORT"] == port
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert CONTAINER[probe]["httpGet"]["port"] == http["name"]


def test_each_balancer_asks_whether_a_relay_is_ready() -> None:
    assert "meth GET uri /ready" in (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
    assert "health_uri /ready" in (DEPLOY / "caddy" / "Caddyfile").read_text()
    assert CONTAINER["readinessProbe"]["httpGet"]["path"] == SERVICE["healthCheckPath"] == "/ready"
    # A relay without a key, or one that drains, is not started again.
    assert CONTAINER["livenessProbe"]["httpGet"]["path"] == "/live"
    assert "'GET', '/live'" in DOCKERFILE


def test_nothing_runs_as_root_or_may_write() -> None:
    [user] = re.findall(r"^USER (\d+):\d+$", DOCKERFILE, re.MULTILINE)
    assert int(user) == POD["securityContext"]["runAsUser"] > 0
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for name in RELAYS:
        service = COMPOSE["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert [place.partition(":")[0] for place in service["tmpfs"]] == ["/tmp"]  # noqa: S108 - in a container
    assert [volume["mountPath"] for volume in CONTAINER["volumeMounts"]] == ["/run/relay", "/tmp"]  # noqa: S108


def test_keys_come_from_files_that_are_there() -> None:
    for name in RELAYS:
        service = COMPOSE["services"][name]
        for secret in service["secrets"]:
            assert f"/run/secrets/{secret}" in service["environment"].values()
            assert secret in COMPOSE["secrets"]
    assert set(re.findall(r"^LoadCredential=(\w+):", UNIT, re.MULTILINE)) == {
        text.removeprefix("%d/") for name, text in in_systemd().items() if name.endswith("_KEY_FILE")
    }


def test_selectors_find_the_pods() -> None:
    labels = loaded("kubernetes/deployment.yaml")["spec"]["template"]["metadata"]["labels"]
    assert loaded("kubernetes/service.yaml")["spec"]["selector"] == labels
    for name, path in (("disruption", "selector"), ("network", "podSelector"), ("monitoring", "selector")):
        assert loaded(f"kubernetes/{name}.yaml")["spec"][path]["matchLabels"] == labels
    target = loaded("kubernetes/autoscaler.yaml")["spec"]["scaleTargetRef"]
    deployment = loaded("kubernetes/deployment.yaml")
    assert (target["kind"], target["name"]) == (deployment["kind"], deployment["metadata"]["name"])
    assert "replicas" not in deployment["spec"]


def test_the_manifests_of_kustomize_are_all_there_are() -> None:
    listed = set(loaded("kubernetes/kustomization.yaml")["resources"])
    there = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")}
    assert there - listed == {"kustomization.yaml", "adapter-values.yaml", "secret.example.yaml"}
    assert listed <= there


def test_the_image_is_given_all_that_it_is_built_of_and_no_more() -> None:
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    given = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert all((PROJECT / name).exists() for name in given)
    wheel = re.findall(r"^packages = (\[.+\])$", (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)
    assert set(yaml.safe_load(wheel[0])) <= given
    assert not given & {"tests", "deploy", ".env", ".git"}


@pytest.mark.parametrize("page", ["deploy.md", "scale.md"])
def test_what_the_pages_link_to_and_name_exists(page: str) -> None:
    text = (PROJECT / "docs" / page).read_text()
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert links
    assert [link for link in links if not (PROJECT / "docs" / link).exists()] == []
    told = set(re.findall(LIKE_A_SETTING, text))
    assert told <= NAMES | OF_THE_FILES
    assert [name for name in re.findall(r"`(deploy/[\w./@-]+)`", text) if not (PROJECT / name).exists()] == []
