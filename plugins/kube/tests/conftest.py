"""Fixtures of the kube tests: a home without a kubeconfig, and clusters."""

from __future__ import annotations

import pytest
from fake_cluster.fixtures import cluster_under_test, fake_cluster, fake_kubeconfig

__all__ = ["cluster_under_test", "fake_cluster", "fake_kubeconfig"]


@pytest.fixture(autouse=True)
def _no_cluster_of_mine(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep the developer's kubeconfig and cluster out of every test."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
