"""One release for all tests of a run, signed; who changes it takes a copy."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import release_lab

if TYPE_CHECKING:
    import pathlib


@dataclass(frozen=True)
class Made:
    """A release, the repository it is of, and the keys."""

    folder: pathlib.Path
    repository: pathlib.Path
    private: pathlib.Path
    public: pathlib.Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A signed release of three distributions. Not to be changed."""
    place = tmp_path_factory.mktemp("release")
    repository = release_lab.repository(place / "repository")
    private, public = release_lab.key(place)
    folder = release_lab.released(repository, place / "work", private)
    return Made(folder, repository, private, public)


@pytest.fixture
def release(made: Made, tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of the release, for a test that changes it."""
    folder = tmp_path / "aicr-0.1.0"
    shutil.copytree(made.folder, folder)
    return folder
