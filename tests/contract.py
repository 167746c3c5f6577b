"""The contract that every plugin package keeps; each package's ``tests/test_contract.py`` calls it.

What holds for every plugin, ours or not, is the conformance kit's (``aicr_testkit``), which is run here too. The rest are
rules of this house: names, READMEs, light modules of hooks, comments in overlays, no file that nobody names. What a
package promises beyond that (right values, right scripts) is tested by the golden and script tests, not here.
"""

from __future__ import annotations

import ast
import functools
import pathlib
from typing import TYPE_CHECKING, Any

from aicr_testkit.registry import CHECKS
from aicr_testkit.run import run_checks

from aicr_core.api import Session
from aicr_core.app.environment import Environment
from aicr_core.engine import schemas
from aicr_core.kit import yamlio
from aicr_core.kit.schema import decode
from aicr_core.model.settings import Settings
from aicr_core.plugins.loading import import_quietly

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[1]
LIGHT = {"__future__", "collections.abc", "typing", "aicr_core.api"}
"""What a module of hooks may import: registering must cost nothing. Own modules too, if they keep to this list."""


SPARE = {"components/gpu-operator/manifests/kernel-module-params.yaml"}
"""Files that no shipped overlay uses: they are there for overlays of users (spec/bundle.md 2)."""


def check_plugin(name: str) -> None:
    """Hold the installed plugin ``name`` to the contract; every breach is listed in the AssertionError."""
    row = _environment().index.row(name)
    assert row is not None, f"{name} is not installed"
    breaches = [
        breach
        for check in (_state, _hooks, _package, _readme, _registry, _overlays, _references, _kit)
        for breach in check(row)
    ]
    assert not breaches, f"{name}:\n" + "\n".join(breaches)


@functools.cache
def _environment() -> Environment:
    # No variable of the user's reaches it, and no cache: the packages as they lie on the disk.
    return Environment(Settings.from_env({"AICR_INDEX": "off"}))


def _state(row: dict[str, Any]) -> Iterator[str]:
    if row["state"] != "active":
        yield f"state is {row['state']}: {row['reason']}"
    if row["distribution"] != f"aicr-{row['name']}":
        yield f"the distribution is called {row['distribution']}"


def _hooks(row: dict[str, Any]) -> Iterator[str]:
    module = import_quietly(row["module"])
    package = pathlib.Path(row["root"])
    for name in _imports(pathlib.Path(module.__file__), package.name):
        if name.startswith(f"{package.name}."):
            own = package.joinpath(*name.split(".")[1:]).with_suffix(".py")
            heavy = sorted(set(_imports(own, package.name)) - LIGHT)
            yield from (f"hooks.py imports {name}, which imports {other}" for other in heavy)
        elif name not in LIGHT:
            yield f"hooks.py imports {name}"


def _imports(path: pathlib.Path, package: str) -> Iterator[str]:
    """Give the modules that a file imports; from the package itself, by what is imported of it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == package:
            yield from (f"{package}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _package(row: dict[str, Any]) -> Iterator[str]:
    package = pathlib.Path(row["root"])
    if not (package / "py.typed").is_file():
        yield "no py.typed"
    init = ast.parse((package / "__init__.py").read_text("utf-8"))
    if len(init.body) > 1 or not ast.get_docstring(init):
        yield "__init__.py holds more, or less, than a docstring"


def _readme(row: dict[str, Any]) -> Iterator[str]:
    folder = ROOT / ("recipes" if row["name"] == "recipes" else f"plugins/{row['name']}")
    text = (folder / "README.md").read_text("utf-8")
    wanted = [f"# {row['distribution']}", f"pip install {row['distribution']}", "```console"]
    wanted += [f"`{item['name']}`" for item in row["provides"]]
    yield from (f"README.md does not hold {part!r}" for part in wanted if part not in text)


def _data(row: dict[str, Any], pattern: str) -> list[pathlib.Path]:
    return sorted(pathlib.Path(row["root"], row["data"]).glob(pattern)) if row["data"] else []


def _decoded(path: pathlib.Path, schema: Any) -> dict[str, Any]:
    node = yamlio.compose(path.read_bytes(), str(path))
    assert node is not None, f"{path} is empty"
    document: dict[str, Any] = decode(node, schema, str(path))
    return document


def _registry(row: dict[str, Any]) -> Iterator[str]:
    for path in _data(row, "registry.yaml"):
        for entry in _decoded(path, schemas.REGISTRY)["components"]:
            check = entry.get("healthCheck", {}).get("assertFile")
            if check and not (path.parent / check).is_file():
                yield f"{entry['name']}: no file {check}"


def _overlays(row: dict[str, Any]) -> Iterator[str]:
    known = _environment().catalogue().criteria_values()
    for path in _data(row, "overlays/*.yaml"):
        document = _decoded(path, schemas.OVERLAY)
        if document["metadata"]["name"] != path.stem:
            yield f"{path.name} holds the overlay {document['metadata']['name']}"
        if not path.read_text("utf-8").startswith("# "):
            yield f"{path.name} does not begin by saying what it is for"
        for dimension, value in document["spec"].get("criteria", {}).items():
            if value != "any" and dimension in known and value not in known[dimension]:
                yield f"{path.name}: no plugin knows {dimension}={value}"


@functools.cache
def _referred() -> frozenset[str]:
    """Every catalogue path that an overlay or a registry entry names."""
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)
        elif isinstance(value, str) and value.startswith(("components/", "checks/")):
            found.add(value)

    for row in _environment().index.rows:
        for pattern in ("overlays/*.yaml", "registry.yaml"):
            for path in _data(row, pattern):
                walk(yamlio.load(path.read_bytes(), str(path)))
    return frozenset(found)


def _references(row: dict[str, Any]) -> Iterator[str]:
    for pattern in ("components/**/*", "checks/**/*"):
        for path in _data(row, pattern):
            name = path.relative_to(pathlib.Path(row["root"], row["data"])).as_posix()
            if path.is_file() and name.removesuffix(".j2") not in _referred() | SPARE:
                yield f"nothing refers to {name}"


def _kit(row: dict[str, Any]) -> Iterator[str]:
    results = run_checks(row["name"], session=Session())
    assert len(results) == len(CHECKS)
    for result in results:
        if result.status == "failed":
            yield f"{result.id} {result.title}: {result.message}"
