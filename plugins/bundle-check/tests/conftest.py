"""Fixtures of the lints' tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from aicr_core.app.environment import Environment
from aicr_core.model.settings import Settings

if TYPE_CHECKING:
    import pathlib


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The installed plugins, with a cache of their own."""
    home = str(tmp_path_factory.mktemp("home"))
    env = {"HOME": home, "XDG_CACHE_HOME": f"{home}/cache", "PATH": os.environ.get("PATH", "")}
    return Environment(Settings.from_env(env))


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "bundle"
