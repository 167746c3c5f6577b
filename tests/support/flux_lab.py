"""A small Flux: it applies a bundle as the controllers would, and says in which order releases are installed.

Objects are held to the reduced schema of ``plugins/flux/tests/data`` first. Only what decides order, charts and values is
emulated: lists of Kustomize, ``dependsOn`` within one kind, health of a Kustomization by what it applied, sources, the copy
operations of an ArtifactGenerator, and the order in which helm-controller merges values.
"""

from __future__ import annotations

import functools
import io
import json
import pathlib
import tarfile
from typing import TYPE_CHECKING, Any

from aicr_flux.deployer import deploy
from aicr_flux.hooks import OPTIONS
from plans import made

from aicr_core.kit import yamlio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.api import BundlePlan

Document = dict[str, Any]
ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "plugins/flux/tests/data/flux.schema.json"
FOLDER = "Kustomization"


@functools.cache
def _schemas() -> dict[str, Any]:
    import jsonschema

    found = json.loads(SCHEMAS.read_text("utf-8"))
    return {
        key: jsonschema.Draft202012Validator(value)
        for key, value in found.items()
        if not key.startswith("$")
    }


def settings(**given: str) -> dict[str, str]:
    """The settings of the deployer, as the core hands them over."""
    return {**{option.name: option.default for option in OPTIONS}, **given}


def bundle(of: BundlePlan) -> Bundle:
    """Make a bundle and hold each object to its schema."""
    return Bundle(made(deploy, of))


class Bundle:
    """The files of a bundle, its objects by path, and what Flux makes of them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.objects: dict[str, Document] = {
            path: yamlio.load(data, path)
            for path, data in files.items()
            if path.endswith(".yaml") and not _is_no_object(path)
        }
        for path, document in self.objects.items():
            check(path, document)

    def of_kind(self, kind: str) -> dict[str, Document]:
        """Every object of a kind by name, be it applied by the root or later."""
        return {
            document["metadata"]["name"]: document
            for document in self.objects.values()
            if document["kind"] == kind and "metadata" in document
        }

    @property
    def releases(self) -> dict[str, Document]:
        """The HelmReleases by name."""
        return self.of_kind("HelmRelease")

    def roll_out(self, held: str = "") -> list[str]:
        """Apply ``kustomization.yaml`` and give what becomes ready (``Kind/name``), in order; all of it has to.

        What is called ``held`` becomes ready when nothing else can: whatever came before it does not wait for it.
        """
        applied = self._listed("kustomization.yaml")
        ready: list[str] = []
        contents: dict[str, list[str]] = {}
        holding = f"HelmRelease/{held}" if held in self.releases else f"{FOLDER}/{held}"
        while True:
            before = len(ready) + len(applied)
            for document in list(applied.values()):
                name = key(document)
                if name in ready or name == holding or not self._may_start(document, ready):
                    continue
                if (
                    document["kind"] == FOLDER
                    and document["spec"]["sourceRef"]["name"] in self._own()
                ):
                    inner = self._listed(f"{document['spec']['path'][2:]}/kustomization.yaml")
                    contents[name] = list(inner)
                    applied |= inner
                if all(item in ready for item in contents.get(name, ())):
                    ready.append(name)
            if before == len(ready) + len(applied):
                if not holding:
                    break
                holding = ""
        never = sorted(set(applied) - set(ready))
        assert not never, f"these never become ready: {never}"
        everything = {key(doc) for doc in self.objects.values() if "metadata" in doc}
        assert everything == set(ready), f"never applied: {sorted(everything - set(ready))}"
        return [name for name in ready if name.startswith(("HelmRelease/", f"{FOLDER}/"))]

    def _may_start(self, document: Document, ready: list[str]) -> bool:
        spec = document.get("spec") or {}
        kind = document["kind"]
        needs = [f"{kind}/{item['name']}" for item in spec.get("dependsOn", ())]
        needs += [f"ConfigMap/{item['name']}" for item in spec.get("valuesFrom", ())]
        if kind == FOLDER and spec["sourceRef"]["kind"] != "OCIRepository":
            needs.append(key_of(spec["sourceRef"]))
        if "chart" in spec and spec["chart"]["spec"]["sourceRef"]["name"] not in self._given():
            needs.append(key_of(spec["chart"]["spec"]["sourceRef"]))
        return all(name in ready for name in needs)

    def _listed(self, path: str) -> dict[str, Document]:
        document = self.objects[path]
        assert document["resources"] == sorted(document["resources"])
        folder = path.rpartition("/")[0]
        paths = [f"{folder}/{name}" if folder else name for name in document["resources"]]
        found = {key(self.objects[name]): self.objects[name] for name in paths}
        assert len(found) == len(paths), "Kustomize refuses two objects of one name"
        return found

    def _own(self) -> set[str]:
        """Names of sources that hold this bundle: those that local charts come from, or that are given."""
        charts = [
            doc["spec"]["chart"]["spec"] for doc in self.releases.values() if "chart" in doc["spec"]
        ]
        local = {
            chart["sourceRef"]["name"]
            for chart in charts
            if chart["sourceRef"]["kind"] == "GitRepository"
        }
        return local | {"aicr-bundle", "git-example-com-bundle"}

    def _given(self) -> set[str]:
        return {"already-there"}

    def values(self, name: str) -> Document:
        """The values of a release, merged as helm-controller does: ConfigMaps in order, then those inline."""
        spec = self.releases[name]["spec"]
        merged: Document = {}
        for item in spec.get("valuesFrom", ()):
            text = self.of_kind("ConfigMap")[item["name"]]["data"][item["valuesKey"]]
            merged = merge(merged, yamlio.load(text.encode(), item["name"]))
        return merge(merged, spec.get("values", {}))

    def chart(self, name: str, folder: pathlib.Path, prefix: str = "") -> pathlib.Path:
        """The chart that a release takes from this bundle, as its controller gets it: packed, in one folder."""
        spec = self.releases[name]["spec"]
        if "chartRef" in spec:
            assert spec["chartRef"]["kind"] == "ExternalArtifact"
            found = self._artifact(spec["chartRef"]["name"])
        else:
            chart = spec["chart"]["spec"]
            assert chart["reconcileStrategy"] == "Revision"
            path = chart["chart"].removeprefix(f"./{prefix}")
            found = {
                f"{path}/{rest.removeprefix(f'{path}/')}": data
                for rest, data in self.files.items()
                if rest.startswith(f"{path}/")
            }
        target = folder / f"{name}.tgz"
        with tarfile.open(target, "w:gz") as archive:
            for path, data in found.items():
                member = tarfile.TarInfo(path)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        return target

    def _artifact(self, name: str) -> dict[str, bytes]:
        (generator,) = self.of_kind("ArtifactGenerator").values()
        (artifact,) = [item for item in generator["spec"]["artifacts"] if item["name"] == name]
        found: dict[str, bytes] = {}
        for copy in artifact["copy"]:
            source = copy["from"].removeprefix("@bundle/")
            target = copy["to"].removeprefix("@artifact/")
            stem = source.removesuffix("**")
            rows = {path: data for path, data in self.files.items() if path.startswith(stem)}
            assert rows, f"nothing to copy from {source}"
            for path, data in rows.items():
                found[target + path.removeprefix(stem) if source != stem else target] = data
        return found


def check(path: str, document: Document) -> None:
    """Hold one object to its schema."""
    schema = _schemas()[f"{document['apiVersion']}/{document['kind']}"]
    errors = [f"{error.json_path}: {error.message}" for error in schema.iter_errors(document)]
    assert not errors, f"{path}: {errors}"


def key(document: Document) -> str:
    """Kind and name of an object."""
    return key_of({"kind": document["kind"], "name": document["metadata"]["name"]})


def key_of(reference: Mapping[str, Any]) -> str:
    """Kind and name of what is referred to."""
    return f"{reference['kind']}/{reference['name']}"


def merge(lower: Document, upper: Document) -> Document:
    """Merge values as Helm's tables are merged: maps by key, all else replaced."""
    merged = dict(lower)
    for name, value in upper.items():
        below = merged.get(name)
        merged[name] = (
            merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
        )
    return merged


def _is_no_object(path: str) -> bool:
    # The core's own documents beside it are no objects either; Kustomize lists what is applied.
    if path in ("recipe.yaml", "bundle-info.yaml"):
        return True
    return path.endswith("/Chart.yaml") or "/templates/" in path or "/charts/" in path
