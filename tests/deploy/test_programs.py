"""The programs that the files of deploy/ are for read them, and those that judge such files find nothing."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.fleet import DEPLOY, program

MANIFESTS = ("namespace", "deployment", "service", "disruption", "network", "autoscaler", "secret.example")


def needs(name: str) -> str:
    """The program of that name; skips where it is not installed."""
    found = program(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str, folder: Path = DEPLOY, **variables: str) -> str:
    """What a command says, which has to succeed."""
    done = subprocess.run(
        command, cwd=folder, env=variables or None, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_prometheus_reads_its_files_and_each_alert_comes_when_it_should() -> None:
    promtool = needs("promtool")
    folder = DEPLOY / "prometheus"
    assert "0 rules" not in run(promtool, "check", "config", "prometheus.yml", folder=folder)
    run(promtool, "test", "rules", "alerts.test.yaml", folder=folder)


def test_every_alert_is_tried_both_ways_and_says_what_to_do() -> None:
    [group] = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"]
    tried = yaml.safe_load((DEPLOY / "prometheus" / "alerts.test.yaml").read_text())["tests"]
    silent = {case["alertname"] for case in tried[0]["alert_rule_test"] if "exp_alerts" not in case}
    fires = json.dumps(tried[1:])
    for rule in group["rules"]:
        assert rule["alert"] in silent
        assert rule["alert"] in fires
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert len(rule["annotations"]["description"]) > 80


def test_haproxy_reads_its_configuration() -> None:
    run(needs("haproxy"), "-c", "-f", "haproxy/haproxy.cfg")


def test_caddy_reads_its_configuration_and_would_write_it_so() -> None:
    caddy = needs("caddy")
    run(caddy, "validate", "--adapter", "caddyfile", "--config", "caddy/Caddyfile", RELAY_DOMAIN="a.example")
    assert run(caddy, "fmt", "caddy/Caddyfile") == (DEPLOY / "caddy" / "Caddyfile").read_text()


def test_nginx_reads_its_configuration(tmp_path: Path) -> None:
    nginx = needs("nginx")
    shutil.copytree(DEPLOY / "nginx", tmp_path / "nginx")
    run(nginx, "-t", "-p", str(tmp_path / "nginx"), "-c", "nginx.conf", folder=tmp_path)


def test_systemd_reads_the_unit_and_finds_it_shut(tmp_path: Path) -> None:
    analyze = needs("systemd-analyze")
    unit = tmp_path / "relay@.service"
    text = (DEPLOY / "systemd" / "relay@.service").read_text()
    unit.write_text(text.replace("/opt/relay/bin/relay", "/bin/true"))
    assert run(analyze, "verify", str(unit)) == ""
    assert "threshold" not in run(analyze, "security", "--offline=yes", "--threshold=20", str(unit))


def test_hadolint_finds_nothing() -> None:
    assert run(needs("hadolint"), "Dockerfile") == ""


@pytest.mark.parametrize("name", MANIFESTS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_manifest_fits_the_schemas_of_kubernetes(name: str) -> None:
    schemas = pytest.importorskip("kubernetes_validate")
    manifest = yaml.safe_load((DEPLOY / "kubernetes" / f"{name}.yaml").read_text())
    schemas.validate(manifest, schemas.latest_version(), strict=True)
    if name == "deployment":
        manifest["spec"]["template"]["spec"]["containers"][0]["port"] = 1
        with pytest.raises(schemas.ValidationError):
            schemas.validate(manifest, schemas.latest_version(), strict=True)


def test_kustomize_joins_the_manifests() -> None:
    joined = list(yaml.safe_load_all(run(needs("kubectl"), "kustomize", "kubernetes")))
    kinds = {found["kind"] for found in joined}
    assert {"Deployment", "Service", "HorizontalPodAutoscaler", "NetworkPolicy", "PodMonitor"} <= kinds
    for found in joined:
        assert found["kind"] == "Namespace" or found["metadata"]["namespace"] == "relay"


def test_the_compose_file_fits_its_specification() -> None:
    judge = needs("check-jsonschema")
    run(judge, "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DEPLOY / "grafana" / "relay.json").read_text())
    return found


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    board = dashboard()
    assert board["schemaVersion"] >= 36
    assert board["templating"]["list"][0]["type"] == "datasource"
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert 0 < place["w"] <= 24 - place["x"]
        if panel["type"] == "row":
            continue
        assert panel["type"] in {"timeseries", "stat", "table"}
        assert len(panel["description"]) > 20
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["targets"]
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        rows, columns = (range(place[at], place[at] + place[size]) for at, size in (("y", "h"), ("x", "w")))
        cells = {(row, column) for row in rows for column in columns}
        assert not taken & cells
        taken |= cells
