"""Fixtures of the kube tests: a home without a kubeconfig, clusters, a namespace to work in."""

from __future__ import annotations

import pathlib
import uuid
from typing import TYPE_CHECKING

import pytest
from aicr_kube.client import Cluster
from aicr_kube.paths import object_path
from emulated_cluster.fixtures import cluster_under_test, fake_cluster, fake_kubeconfig

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cluster_under_test", "fake_cluster", "fake_kubeconfig"]

SHARED = pathlib.Path(__file__).resolve().parents[4] / "shared"


@pytest.fixture(autouse=True)
def _no_cluster_of_mine(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep the developer's kubeconfig and cluster out of every test."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def snapshots() -> pathlib.Path:
    """The recorded snapshots beside the checkout; skips where they are absent."""
    folder = SHARED / "data" / "snapshots"
    if not folder.is_dir():
        pytest.skip("../shared (facts and goldens of the reference) is not beside this checkout")
    return folder


@pytest.fixture
def cluster(cluster_under_test: str) -> Iterator[Cluster]:
    """A client of the cluster under test."""
    with Cluster.open(cluster_under_test, timeout=30.0) as client:
        yield client


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of this test's own, in the cluster under test."""
    name = f"aicr-test-{uuid.uuid4().hex[:8]}"
    cluster.create(object_path("", "v1", "namespaces"), {"metadata": {"name": name}})
    yield name
    cluster.delete(object_path("", "v1", "namespaces", name=name), missing_ok=True)


@pytest.fixture
def client(fake_kubeconfig: str) -> Iterator[Cluster]:
    """A client of the emulated cluster."""
    with Cluster.open(fake_kubeconfig, timeout=10.0) as opened:
        yield opened
