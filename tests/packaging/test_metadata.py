"""The distributions tell the same story on an index: one version, licence, interpreter range and set of classifiers."""

from __future__ import annotations

import pathlib
import tomllib
from typing import Any

import pytest
from trove_classifiers import classifiers as known

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORE = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
FILES = [ROOT / "recipes/pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]
PLUGIN = [*CORE["project"]["classifiers"], "Environment :: Plugins"]
PLUGIN.remove("Environment :: Console")


@pytest.fixture(params=FILES, ids=lambda path: path.parent.name)
def metadata(request: pytest.FixtureRequest) -> dict[str, Any]:
    return tomllib.loads(request.param.read_text("utf-8"))


def test_a_distribution_says_what_the_core_says(metadata: dict[str, Any]) -> None:
    project = metadata["project"]
    for name in ("version", "license", "license-files", "requires-python", "readme"):
        assert project[name] == CORE["project"][name], name
    assert project["classifiers"] == sorted(PLUGIN)
    assert metadata["build-system"] == CORE["build-system"]


def test_a_distribution_takes_any_core_of_its_major_version(metadata: dict[str, Any]) -> None:
    assert "aicr-core>=0.1,<1" in metadata["project"]["dependencies"]


def test_a_description_is_one_line_of_its_own(metadata: dict[str, Any]) -> None:
    assert 0 < len(metadata["project"]["description"]) <= 150
    found = [tomllib.loads(p.read_text("utf-8"))["project"]["description"] for p in FILES]
    assert found.count(metadata["project"]["description"]) == 1


def test_the_index_knows_the_classifiers() -> None:
    assert set(CORE["project"]["classifiers"]) | set(PLUGIN) <= set(known)
