"""What is in deploy/docker and deploy/k8s is as its schemas say, and starts what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import dagster as dg
import jsonschema
import pytest
import yaml
from dagster._cli import create_dagster_cli

from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster_tests.commands import below
from mailevents_dagster_tests.test_deploy import CHECKOUT, commands

DOCKER, K8S = CHECKOUT / "deploy" / "docker", CHECKOUT / "deploy" / "k8s"
KUBERNETES = "1.32"
"""The oldest whose schemas are held against."""
OWN_TO_CONTAINERS = {"storage", "compute_logs", "run_launcher"}


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


COMPOSE = read(DOCKER / "compose.yaml")
VALUES = read(K8S / "values.yaml")
[CODE] = VALUES["dagster-user-deployments"]["deployments"]
OURS = [name for name, service in COMPOSE["services"].items() if service["image"].startswith("mailevents:")]


def in_dockerfile(instruction: str) -> list[str]:
    """The words of an instruction that has a list, the last of its kind."""
    found = re.findall(rf"^(?:{instruction}|    {instruction}) (\[.*\])$", (DOCKER / "Dockerfile").read_text(), re.M)
    return list(yaml.safe_load(found[-1]))


def command_of(service: str) -> list[str]:
    return list(COMPOSE["services"][service].get("command") or in_dockerfile("CMD(?= ..dagster., .api., .grpc.,)"))


def parse(words: list[str]) -> None:
    """Raises where the words name a command or option that there is not."""
    started = {**commands(), "dagster": create_dagster_cli()}
    command, rest = started[words[0]], words[1:]
    while isinstance(command, click.Group):
        command = below(command, rest.pop(0))
    command.make_context(command.name, [word.replace("/opt/dagster", str(DOCKER)) for word in rest])


def held_against_compose(file: Path) -> subprocess.CompletedProcess[str]:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, file], capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_compose_file_is_as_composes_schema_says(tmp_path: Path) -> None:
    assert held_against_compose(DOCKER / "compose.yaml").returncode == 0
    misspelled = tmp_path / "compose.yaml"
    misspelled.write_text((DOCKER / "compose.yaml").read_text().replace("healthcheck:", "healtcheck:"))
    assert "healtcheck" in held_against_compose(misspelled).stdout


@pytest.mark.slow
@pytest.mark.parametrize("service", OURS)
def test_a_container_starts_a_command_that_there_is_with_options_that_it_has(service: str) -> None:
    parse(command_of(service))


@pytest.mark.parametrize("service", OURS)
def test_a_containers_health_is_asked_where_its_command_answers(service: str) -> None:
    own = COMPOSE["services"][service].get("healthcheck", {}).get("test")
    asked = own[1:] if own else in_dockerfile("CMD")
    if asked[0] == "python3":
        [port] = re.findall(r"127\.0\.0\.1:(\d+)/", asked[-1])
        assert any(port in published for published in COMPOSE["services"][service]["ports"])
    else:
        parse(asked)


def test_only_containers_that_start_or_end_others_have_dockers_socket() -> None:
    have = {name for name in COMPOSE["services"] if "/var/run/docker.sock" in str(COMPOSE["services"][name])}
    assert have == {"daemon", "webserver"}


def test_nothing_but_this_machine_reaches_a_port() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_runs_find_what_the_containers_of_compose_have() -> None:
    from dagster_docker import DockerRunLauncher

    launcher = read(DOCKER / "dagster.yaml")["run_launcher"]["config"]
    assert launcher.keys() <= DockerRunLauncher.config_type().keys()
    assert launcher["network"] == COMPOSE["networks"]["mailevents"]["name"]
    named = {f"{volume['name']}": key for key, volume in COMPOSE["volumes"].items() if volume}
    mounted = [
        name.replace(name.split(":")[0], named[name.split(":")[0]]) for name in launcher["container_kwargs"]["volumes"]
    ]
    assert mounted == COMPOSE["services"]["code"]["volumes"]
    assert set(launcher["env_vars"]) <= COMPOSE["services"]["daemon"]["environment"].keys()


def test_dagsters_settings_in_containers_differ_in_where_records_lie_and_who_starts_runs_alone() -> None:
    here, there = read(CHECKOUT / "dagster.yaml"), read(DOCKER / "dagster.yaml")
    assert {key: there[key] for key in there if key not in OWN_TO_CONTAINERS} == here


def test_the_demos_settings_are_right() -> None:
    settings = load_settings(DOCKER / "demo" / "mailevents.yaml", {"POSTGRES_URL": "postgresql://a:b@postgres/c"})
    assert {feed.domain for feed in settings.feeds} == {"kuzey.example", "mx1.kuzey.example"}
    assert any(volume.endswith("/var/lib/mailevents") for volume in COMPOSE["services"]["code"]["volumes"])
    assert settings.storage.startswith("/var/lib/mailevents/")


def test_the_clusters_settings_are_right() -> None:
    environ = {"POSTGRES_URL": "postgresql://a:b@postgres/c", "UZMANPOSTA_KEY_EXAMPLE_COM": "a-key-of-enough-letters"}
    assert load_settings(K8S / "mailevents.yaml", environ).storage.startswith("s3://")


def test_the_image_takes_in_what_the_project_needs_and_neither_data_nor_keys() -> None:
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert not [line for line in ignored if line.startswith("!") and not (CHECKOUT / line[1:]).exists()]
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", (DOCKER / "Dockerfile").read_text(), re.M)
    assert all((CHECKOUT / source).exists() for sources in copied for source in sources.split())


@pytest.mark.parametrize(
    "file",
    sorted({*K8S.glob("*.yaml")} - {K8S / f"{name}.yaml" for name in ("values", "kustomization", "mailevents")}),
    ids=lambda file: file.name,
)
def test_a_manifest_is_as_the_schemas_of_kubernetes_say(file: Path) -> None:
    resources = list(yaml.safe_load_all(file.read_text()))
    assert resources
    for resource in resources:
        validate(resource)
    assert file.name in read(K8S / "kustomization.yaml")["resources"]


def validate(resource: Mapping[str, Any]) -> None:
    """Raises where Kubernetes would not take it."""
    import kubernetes_validate

    kubernetes_validate.validate(resource, KUBERNETES, strict=True)


def pod(container: Mapping[str, Any], spec: Mapping[str, Any], volumes: object) -> dict[str, Any]:
    named = {"name": "main", "image": "mailevents", **container}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one"},
        "spec": {"containers": [named], "volumes": volumes, **spec},
    }


def test_what_becomes_of_the_values_in_pods_is_as_the_schemas_of_kubernetes_say() -> None:
    run = VALUES["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    launched = pod(run["containerConfig"], run["podSpecConfig"], CODE["volumes"])
    of_code = {
        "resources": CODE["resources"],
        "volumeMounts": CODE["volumeMounts"],
        "securityContext": CODE["securityContext"],
    }
    code = pod(of_code, {"securityContext": CODE["podSecurityContext"]}, CODE["volumes"])
    for made in (launched, code):
        validate(made)
    wrong = pod({"resource": {}}, {}, [])
    with pytest.raises(jsonschema.ValidationError):
        validate(wrong)


def snake(name: str) -> str:
    return re.sub("(?=[A-Z])", "_", name).lower()


@pytest.mark.slow
def test_launcher_and_logs_of_the_values_are_what_dagsters_own_take() -> None:
    from dagster_aws.s3 import S3ComputeLogManager
    from dagster_k8s import K8sRunLauncher

    launcher = {snake(key) for key in VALUES["runLauncher"]["config"]["k8sRunLauncher"]}
    assert launcher <= K8sRunLauncher.config_type().keys()
    logs = {snake(key) for key in VALUES["computeLogManager"]["config"]["s3ComputeLogManager"]}
    assert logs <= S3ComputeLogManager.config_type().keys()
    parse(["dagster", "api", "grpc", "-h", "0.0.0.0", "-p", str(CODE["port"]), *CODE["dagsterApiGrpcArgs"]])


def test_the_cluster_queues_runs_as_one_machine_does_and_dagster_takes_it(tmp_path: Path) -> None:
    """What the chart makes of the values, as far as it needs neither a cluster nor a database."""
    daemon, further = VALUES["dagsterDaemon"], VALUES["additionalInstanceConfig"]
    assert further["concurrency"] == read(CHECKOUT / "dagster.yaml")["concurrency"]
    queue = {"module": "dagster.core.run_coordinator", "class": daemon["runCoordinator"]["type"]}
    rendered = {
        "run_coordinator": {**queue, "config": daemon["runCoordinator"]["config"]["queuedRunCoordinator"]},
        "run_monitoring": {snake(key): value for key, value in daemon["runMonitoring"].items()},
        "sensors": {snake(key): value for key, value in daemon["sensors"].items()},
        **further,
    }
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(rendered))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert isinstance(instance.run_coordinator, dg.QueuedRunCoordinator)


def test_secrets_that_the_values_name_are_those_of_the_page() -> None:
    page = (CHECKOUT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    named = {VALUES["global"]["postgresqlSecretName"], *(one["name"] for one in CODE["envSecrets"])}
    named |= {
        source["secret"]["name"]
        for volume in CODE["volumes"]
        for source in volume["projected"]["sources"]
        if "secret" in source
    }
    assert all(f"create secret generic {name} " in page.replace("\\\n", "") for name in named)
