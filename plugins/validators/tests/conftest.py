"""Fixtures of the checks' tests: a check's surroundings over an emulated cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from check_support import Lab, open_client
from emulated_cluster.fixtures import fake_cluster

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from emulated_cluster import FakeCluster

__all__ = ["fake_cluster"]


@pytest.fixture
def lab(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> Iterator[Lab]:
    """A target over an emulated cluster, with all rights and an empty recipe."""
    with open_client(fake_cluster, tmp_path) as client:
        yield Lab(fake_cluster, client)
