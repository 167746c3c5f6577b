"""Fixtures of the script tests: real bundles, written once a session."""

from __future__ import annotations

import os
import pathlib
import sys
from typing import Any

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "golden"))

SMALL = {
    "kind": "RecipeResult",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "metadata": {"version": "v1"},
    "criteria": {"service": "eks", "intent": "training"},
    "componentRefs": [
        {"name": "first", "namespace": "one", "type": "Helm", "source": "https://charts.example",
         "chart": "first", "version": "1.0.0"},
        {"name": "second", "namespace": "two", "type": "Helm", "source": "oci://registry.example/charts",
         "chart": "second", "version": "v2.0.0", "dependencyRefs": ["first"],
         "manifestFiles": ["components/gpu-operator/manifests/gke-resource-quota.yaml"]},
        {"name": "third", "namespace": "three", "type": "Kustomize", "source": "https://git.example/repo",
         "path": "deploy/prod", "tag": "v1", "dependencyRefs": ["second"]},
    ],
    "deploymentOrder": ["first", "second", "third"],
}  # fmt: skip


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
    folder: pathlib.Path = make_bundle(SMALL)
    return folder
