"""Fixtures of the script tests: real bundles, written once a session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import pathlib


@pytest.fixture
def make_bundle(tmp_path: pathlib.Path) -> Any:
    """Write a bundle of a recipe document; give its folder."""

    def make(recipe: Any, *argv: str, name: str = "bundle") -> pathlib.Path:
        from bundles_compare import bundle

        from aicr_core.app.environment import Environment
        from aicr_core.model.settings import Settings

        folder = tmp_path / name
        folder.mkdir()
        environment = Environment(Settings.from_env(os.environ))
        status, _, err, target = bundle(recipe, list(argv), folder, environment)
        assert status == 0, err
        return target

    return make


@pytest.fixture
def small(make_bundle: Any) -> pathlib.Path:
    """A bundle of three components, one of each common kind."""
    from fakes import SMALL

    folder: pathlib.Path = make_bundle(SMALL)
    return folder
