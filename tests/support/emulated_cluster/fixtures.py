"""Pytest fixtures: import them in a conftest.

``cluster_under_test`` gives a kubeconfig: of the cluster that ``AICR_TEST_KUBECONFIG`` names, else of an emulated
one. A test that needs the emulated one (faults, recorder, seeded nodes) takes ``fake_cluster`` and is skipped
where a real cluster is under test.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from emulated_cluster.cluster import FakeCluster

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

REAL = "AICR_TEST_KUBECONFIG"


@pytest.fixture
def fake_cluster() -> Iterator[FakeCluster]:
    """An emulated cluster of this test's own."""
    if os.environ.get(REAL):
        pytest.skip(f"emulated-only: {REAL} points at a real cluster")
    with FakeCluster() as cluster:
        yield cluster


@pytest.fixture
def fake_kubeconfig(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> str:
    """The kubeconfig of the emulated cluster, with all rights."""
    return fake_cluster.kubeconfig(tmp_path / "kubeconfig")


@pytest.fixture
def cluster_under_test(tmp_path: pathlib.Path) -> Iterator[str]:
    """The kubeconfig of a cluster that is there: a real one when asked for."""
    real = os.environ.get(REAL)
    if real:
        yield real
        return
    with FakeCluster() as cluster:
        yield cluster.kubeconfig(tmp_path / "kubeconfig-under-test")
