"""Which cluster is asked: the argument, KUBECONFIG, the home, the pod; and what is said when none fits."""

from __future__ import annotations

import os
import pathlib

import pytest
from aicr_kube.client import Cluster
from aicr_kube.failures import KubeError
from emulated_cluster import FakeCluster, write_kubeconfig

from aicr_core.api import Code


def host(kubeconfig: str = "", context: str = "", **env: str) -> str:
    with Cluster.open(kubeconfig, context, env=env, timeout=10.0) as cluster:
        return cluster.host


def test_the_order_of_the_sources(tmp_path: pathlib.Path) -> None:
    (tmp_path / ".kube").mkdir()
    write_kubeconfig(tmp_path / ".kube" / "config", "http://home:1")
    given = write_kubeconfig(tmp_path / "given", "http://given:1")
    variable = write_kubeconfig(tmp_path / "variable", "http://variable:1")
    home = str(tmp_path)
    assert host(given, HOME=home, KUBECONFIG=variable) == "http://given:1"
    assert host(HOME=home, KUBECONFIG=variable) == "http://variable:1"
    assert host(HOME=home) == "http://home:1"
    assert host("~/given", HOME=home) == "http://given:1"


def test_several_files_are_merged_and_the_first_context_counts(tmp_path: pathlib.Path) -> None:
    first = write_kubeconfig(tmp_path / "first", "http://first:1")
    second = pathlib.Path(write_kubeconfig(tmp_path / "second", "http://second:1"))
    second.write_text(second.read_text().replace("test", "other"))
    both = os.pathsep.join(["/no/such/file", first, str(second)])
    assert host(KUBECONFIG=both) == "http://first:1"
    assert host("", "other", KUBECONFIG=both) == "http://second:1"


@pytest.mark.parametrize(
    "text", ["a: [", "a: 1", "", "[]", "\x00", "clusters: 3\ncurrent-context: x"]
)
def test_a_malformed_file_is_named(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(KubeError) as failed:
        Cluster.open(str(path))
    assert (failed.value.code, failed.value.where) == (Code.INVALID_REQUEST, str(path))
    assert failed.value.message.isprintable()


def test_what_is_not_there_is_named(tmp_path: pathlib.Path) -> None:
    missing = str(tmp_path / "missing")
    for arguments in ((missing, {}), ("", {"KUBECONFIG": missing})):
        with pytest.raises(KubeError) as failed:
            Cluster.open(arguments[0], env=arguments[1])
        assert (failed.value.code, failed.value.where) == (Code.NOT_FOUND, missing)
    with pytest.raises(KubeError) as none:
        Cluster.open(env={"HOME": str(tmp_path)})
    assert (none.value.code, none.value.reason) == (Code.NOT_FOUND, "NoConfiguration")
    there = write_kubeconfig(tmp_path / "there", "http://x:1")
    with pytest.raises(KubeError) as context:
        Cluster.open(there, "no-such-context")
    assert context.value.code is Code.INVALID_REQUEST
    assert "no-such-context" in context.value.message


def test_the_modules_default_configuration_is_left_alone(fake_kubeconfig: str) -> None:
    from kubernetes.client.configuration import Configuration

    before = Configuration.get_default_copy().host
    with Cluster.open(fake_kubeconfig) as cluster:
        cluster.version()
    assert Configuration.get_default_copy().host == before


def _with_program(path: pathlib.Path, server: str, script: str) -> str:
    program = path.parent / "credentials.sh"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    text = pathlib.Path(write_kubeconfig(path, server)).read_text()
    use = (
        "exec:\n      apiVersion: client.authentication.k8s.io/v1\n"
        f"      command: {program}\n      interactiveMode: Never"
    )
    path.write_text(text.replace("token: admin-token", use))
    return str(path)


def test_a_credential_program_is_run(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    answer = (
        '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
        '"status":{"token":"admin-token"}}'
    )
    path = _with_program(tmp_path / "k", fake_cluster.server.url, f"echo '{answer}'")
    with Cluster.open(path, timeout=10.0) as cluster:
        assert cluster.version()["major"] == "1"


def test_a_credential_program_that_fails_is_no_anonymous_user(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    path = _with_program(tmp_path / "k", fake_cluster.server.url, "exit 1")
    with pytest.raises(KubeError) as failed:
        Cluster.open(path, timeout=10.0)
    assert failed.value.code is Code.UNAUTHORIZED
    assert fake_cluster.requests == []


def test_a_credential_program_that_hangs(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    path = _with_program(tmp_path / "k", fake_cluster.server.url, "exec sleep 5")
    with pytest.raises(KubeError) as failed:
        Cluster.open(path, timeout=0.3)
    assert failed.value.code is Code.TIMEOUT
    assert "credential program" in failed.value.message


def test_in_a_pod_without_its_token(tmp_path: pathlib.Path) -> None:
    env = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    with pytest.raises(KubeError) as failed:
        Cluster.open(env=env)
    assert failed.value.where == "the pod's service account"
