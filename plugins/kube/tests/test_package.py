"""The package as a plugin, and its README's rights: what is promised is what is used."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Any

import pytest
from aicr_kube import hooks
from emulated_cluster import FakeCluster, Kind, Rule
from emulated_cluster.rbac import rules_of

from aicr_core.api import Context
from aicr_core.kit import yamlio

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"


def roles() -> dict[str, Any]:
    blocks = README.read_text().split("```yaml\n")[1:]
    found = [yamlio.load(block.split("```")[0], str(README)) for block in blocks]
    return {role["metadata"]["name"]: role for role in found}


def test_registering_loads_no_client() -> None:
    code = (
        "import sys, aicr_kube.hooks as h; list(h.aicr_collectors()), list(h.aicr_stores());"
        "import aicr_kube.client, aicr_kube.store, aicr_kube.collect.k8s, aicr_kube.collect.topology;"
        "sys.exit(int(any(n in sys.modules for n in ('kubernetes', 'urllib3', 'yaml'))))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_is_registered() -> None:
    collectors = {c.name: c for c in hooks.aicr_collectors()}
    assert {n: (c.produces, c.timeout, c.where) for n, c in collectors.items()} == {
        "k8s": ("K8s", 60.0, "cluster"),
        "topology": ("NodeTopology", 90.0, "cluster"),
    }
    assert [s.scheme for s in hooks.aicr_stores()] == ["cm"]


def test_the_role_of_the_readme_is_enough_and_not_too_much(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    from aicr_kube.collect import k8s, topology

    fake_cluster.serve(
        Kind("nvidia.com", "v1", "clusterpolicies", "ClusterPolicy", namespaced=False, custom=True),
        Kind("argoproj.io", "v1alpha1", "applications", "Application", custom=True),
        Kind("helm.toolkit.fluxcd.io", "v2", "helmreleases", "HelmRelease", custom=True),
    )
    rules = list(rules_of(roles()["aicr-snapshot-reader"], ""))
    single = [
        Rule((v,), (g,), (r,)) for rule in rules for v in rule.verbs for g in rule.groups for r in rule.resources
    ]  # fmt: skip
    fake_cluster.add({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {}})

    def statuses(held: list[Rule]) -> set[str]:
        options = {
            "kubeconfig": fake_cluster.kubeconfig(tmp_path / "k", fake_cluster.user("r", held)),
            "node": "n1",
        }
        both = [c.collect(Context(options=options, timeout=30.0)) for c in (k8s, topology)]
        return {s.status for m in both for s in m.subtypes}

    assert statuses(single) <= {"ok", "empty"}
    for rule in single:
        assert statuses([other for other in single if other is not rule]) & {
            "forbidden",
            "degraded",
        }


@pytest.mark.parametrize("name", ["aicr-snapshot-writer"])
def test_the_writers_role_is_that_of_the_store_test(name: str) -> None:
    (rule,) = rules_of(roles()[name], "default")
    assert rule == Rule(("get", "patch"), ("",), ("configmaps",), ("NAME",), "default")
