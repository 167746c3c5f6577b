"""Read a bundle back, of any deployer's layout: its releases, their values, and the Kubernetes objects in its files.

``bundle-info.yaml`` says where things lie; for a bundle of another tool, which has none, ``recipe.yaml`` does. Files
that are no YAML are findings, not errors. Pure: whoever has the files gives their bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from aicr_core.engine import bundle_info
from aicr_core.engine.bundle_names import CHECKSUMS, INVENTORY, RECIPE
from aicr_core.kit import yamlio
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.localchart import as_written
from aicr_core.model.lint import BundleObject, BundleRelease, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Document = dict[str, Any]
YAML = "AB002"
# What no cluster gets: files of tools, ours among them, which have a kind of their own all the same.
_TOOLS = ("kustomize.config.k8s.io", "aicr.run", "aicr.nvidia.com")
_OWN = (RECIPE, bundle_info.FILE, INVENTORY, CHECKSUMS)
PRE, MAIN, POST = 0, 1, 2


class LocalChart(NamedTuple):
    """A chart that lies in the bundle as a folder with templates that only an engine can read."""

    component: str
    folder: str


class Contents(NamedTuple):
    """A bundle as it was read."""

    deployer: str
    recipe: Document
    releases: tuple[BundleRelease, ...]
    objects: tuple[BundleObject, ...]
    vendored: Mapping[str, str]
    charts: tuple[LocalChart, ...]
    texts: Mapping[str, str]
    findings: tuple[Finding, ...]


def read(paths: Sequence[str], get: Callable[[str], bytes | None], where: str) -> Contents:
    """Give what a bundle with these files holds; ``get`` gives the bytes of one.

    Raises AicrError(INVALID_REQUEST) for what is no bundle.
    """
    listed = set(paths)
    if bundle_info.FILE not in listed and RECIPE not in listed:
        raise AicrError(
            Code.INVALID_REQUEST,
            f"this is no bundle: neither {bundle_info.FILE} nor {RECIPE} is in it", where=where,
            hint="name the directory that `aicr bundle` wrote",
        )  # fmt: skip
    reader = _Reader(listed, get)
    recipe = reader.mapping(RECIPE) if RECIPE in listed else {}
    if bundle_info.FILE in listed:
        info = bundle_info.read(get(bundle_info.FILE) or b"", bundle_info.FILE)
    else:
        info = _info_of(recipe, listed)
    releases = tuple(reader.releases(info))
    objects = tuple(_marked(list(reader.objects(releases)), reader.manifests))
    build = info.get("build")
    return Contents(
        deployer=str(build.get("deployer") or "") if isinstance(build, dict) else "",
        recipe=recipe,
        releases=releases,
        objects=objects,
        vendored=reader.vendored,
        charts=tuple(reader.charts),
        texts=reader.texts,
        findings=tuple(reader.findings),
    )


def step_of(releases: Sequence[BundleRelease], component: str, phase: int) -> int:
    """Give the step in which a part of a component is installed; what belongs to none comes first."""
    order = {release.name: number for number, release in enumerate(releases, 1)}
    return order.get(component, 0) * 3 + phase


def _info_of(recipe: Document, listed: set[str]) -> Document:
    """Give the layout of a bundle of the reference's, for which only the recipe speaks."""
    refs = {ref["name"]: ref for ref in recipe.get("componentRefs") or () if "name" in ref}
    order = [name for name in recipe.get("deploymentOrder") or () if name in refs]
    releases = []
    for name in dict.fromkeys([*order, *refs]):
        ref = refs[name]
        kind = "helm" if ref.get("source") and ref.get("type") != "Kustomize" else "manifests"
        values = next((f for f in (f"{name}/values.yaml",) if f in listed), "")
        releases.append(
            {
                "name": name, "component": name, "kind": kind,
                "namespace": ref.get("namespace") or "", "chart": ref.get("chart") or name,
                "repository": ref.get("source") or "", "version": str(ref.get("version") or ""),
                "values": values if kind == "helm" else "",
                "depends": list(ref.get("dependencyRefs") or ()),
            }
        )  # fmt: skip
    return {"layout": {"releases": releases}}


class _Reader:
    """The files of one bundle; collects findings on the way."""

    def __init__(self, listed: set[str], get: Callable[[str], bytes | None]) -> None:
        self._listed = listed
        self._get = get
        self._values: set[str] = set()
        self._early: set[str] = set()
        self._owners: set[str] = set()
        self.manifests: set[str] = set()
        self.findings: list[Finding] = []
        self.vendored: dict[str, str] = {}
        self.charts: list[LocalChart] = []
        self.texts: dict[str, str] = {}

    def nodes(self, path: str, text: str | None = None) -> list[yamlio.Node]:
        """Give the documents of a file; what is no YAML is a finding."""
        try:
            data = (self._get(path) or b"") if text is None else text
            self.texts.setdefault(path, yamlio.text_of(data, path))
            return list(yamlio.compose_all(data, path))
        except AicrError as error:
            place = (error.where or path).removeprefix(path).lstrip(":").partition(":")[0]
            self.findings.append(
                Finding(
                    rule=YAML, severity="error", message=error.message, path=path,
                    component=_owner(path, self._owners)[0],
                    line=int(place) if place.isdigit() else 0,
                    hint=error.hint or "the deployer's tool cannot read it either",
                )
            )  # fmt: skip
            return []

    def mapping(self, path: str) -> Document:
        """Give the mapping that a file holds, an empty one for any other."""
        nodes = self.nodes(path)
        found = _plain(nodes[0], path) if nodes else {}
        return found if isinstance(found, dict) else {}

    def releases(self, info: Document) -> Iterator[BundleRelease]:
        """Give the releases, with their values."""
        layout = info.get("layout")
        listed = layout.get("releases") if isinstance(layout, dict) else None
        for entry in listed if isinstance(listed, list) else ():
            if not isinstance(entry, dict) or not entry.get("name"):
                continue
            fields = {key: value for key, value in entry.items() if isinstance(value, str)}
            depends = entry.get("depends")
            self._early |= {
                f"{fields.get('path', fields['name'])}/{name}" for name in entry.get("early") or ()
            }
            self._owners.add(fields["name"])
            self.manifests.add(fields.get("manifest", ""))
            values, lines = self._release_values(fields)
            if fields.get("vendored") in self._listed:
                self.vendored[fields["name"]] = fields["vendored"]
            yield BundleRelease(
                name=fields["name"],
                namespace=fields.get("namespace", ""),
                kind=fields.get("kind", ""),
                chart=fields.get("chart", ""),
                repository=fields.get("repository", ""),
                version=fields.get("version", ""),
                depends_on=tuple(str(name) for name in depends or ()),
                values=values,
                values_path=fields.get("values", ""),
                values_places=lines,
            )

    def _release_values(self, fields: Mapping[str, str]) -> tuple[Document, dict[str, int]]:
        path = fields.get("values", "")
        if path not in self._listed:
            return {}, {}
        key = fields.get("valuesKey", "")
        if not key:
            self._values.add(path)  # else it is an object that holds the values
        node = next(iter(self.nodes(path)), None)
        for part in key.split(".") if key else ():
            if node is not None:
                node = dict(node.items()).get(part) if node.kind == yamlio.MAP else None
        nulls = self._nulls(fields)
        if node is None or node.kind != yamlio.MAP:
            return nulls, {}
        return _over(nulls, _plain(node, path)), places(node)

    def _nulls(self, fields: Mapping[str, str]) -> Document:
        """Give the values that an object of the API does not keep, from the ConfigMap that does."""
        path = fields.get("nulls", "")
        data = self.mapping(path).get("data") if path in self._listed else None
        text = data.get(fields.get("nullsKey", "")) if isinstance(data, dict) else None
        nodes = self.nodes(path, text) if isinstance(text, str) else []
        found = _plain(nodes[0], path) if nodes else {}
        if fields.get("vendored") and isinstance(found, dict):
            found = found.get(fields.get("chart", "").rpartition("/")[2])
        return found if isinstance(found, dict) else {}

    def objects(self, releases: Sequence[BundleRelease]) -> Iterator[BundleObject]:
        """Give the objects of all files that hold some."""
        owners = self._owners
        roots = {path.rpartition("/")[0] for path in self._listed if _name(path) == "Chart.yaml"}
        engines: set[str] = set()
        for path in sorted(self._listed):
            if not path.endswith((".yaml", ".yml")) or path in _OWN or path.startswith("data/"):
                continue
            chart = _chart_of(path, roots)
            inside = "" if chart is None else path[len(chart) :].lstrip("/")
            if path in self._values or (chart is not None and _no_template(inside)):
                continue
            component, phase = _owner(path, owners, frozenset(self._early))
            text = None
            if inside.startswith("templates/"):
                text = as_written((self._get(path) or b"").decode("utf-8", "replace"))
                if text is None:
                    engines.add(chart or "")
                    continue
            for node in self.nodes(path, text):
                document = _plain(node, path)
                if not _is_object(document):
                    continue
                yield BundleObject(
                    document=document,
                    path=path,
                    component=component,
                    line=node.line,
                    step=step_of(releases, component, phase),
                    places=places(node),
                )
        self.charts = [LocalChart(_owner(f"{root}/", owners)[0], root) for root in sorted(engines)]


def _marked(objects: list[BundleObject], manifests: set[str]) -> Iterator[BundleObject]:
    """Mark what is for the deployer's tool: kinds of the groups, and namespaces, that its objects of releases have."""
    own = [item for item in objects if item.path in manifests]
    groups = {item.group for item in own}
    homes = {item.metadata.get("namespace") for item in own} - {None}
    for item in objects:
        control = item.group in groups or item.metadata.get("namespace") in homes
        yield attrs.evolve(item, control=True) if control else item


def _over(lower: Document, upper: Document) -> Document:
    """Merge values as Helm's tables are merged, where a null is a value."""
    merged = {**lower, **upper}
    for key in lower.keys() & upper.keys():
        if isinstance(lower[key], dict) and isinstance(upper[key], dict):
            merged[key] = _over(lower[key], upper[key])
    return merged


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _chart_of(path: str, roots: set[str]) -> str | None:
    """Give the innermost folder of a chart that a file lies in."""
    folder = path.rpartition("/")[0]
    while True:
        if folder in roots:
            return folder
        if not folder:
            return None
        folder = folder.rpartition("/")[0]


def _no_template(inside: str) -> bool:
    return inside in ("Chart.yaml", "Chart.lock", "values.yaml") or inside.endswith("NOTES.txt")


def _owner(path: str, owners: set[str], early: frozenset[str] = frozenset()) -> tuple[str, int]:
    """Give the component that a file belongs to, and whether it comes before, with or after its chart."""
    for part in path.split("/")[:-1] or [path.rpartition(".")[0]]:
        for name, phase in (
            (part, POST if "/manifests/" in path else MAIN),
            (part.removesuffix("-post"), POST),
            (part.removesuffix("-pre"), PRE),
        ):
            if name in owners:
                return name, PRE if path in early else phase
    stem = _name(path).partition(".")[0]
    return (stem, MAIN) if stem in owners else ("", PRE)


def _is_object(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    version, kind = document.get("apiVersion"), document.get("kind")
    return (
        isinstance(version, str)
        and isinstance(kind, str)
        and version.partition("/")[0] not in _TOOLS
    )


def _plain(node: yamlio.Node, path: str) -> Any:
    try:
        return yamlio.plain(node, path)
    except AicrError:
        return None


def places(node: yamlio.Node) -> dict[str, int]:
    """Give the line of every value below ``node`` by its path: ``spec.containers[0].image``."""
    found: dict[str, int] = {}

    def walk(value: yamlio.Node, path: str) -> None:
        if value.kind == yamlio.MAP:
            for key, item in value.value:
                name = str(key.value).replace(".", "\\.")
                below = f"{path}.{name}" if path else name
                found[below] = key.line
                walk(item, below)
        elif value.kind == yamlio.LIST:
            for number, item in enumerate(value.value):
                found[f"{path}[{number}]"] = item.line
                walk(item, f"{path}[{number}]")

    walk(node, "")
    return found
