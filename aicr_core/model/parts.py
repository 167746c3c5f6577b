"""The Helm releases that a plan becomes where a tool installs charts and nothing else.

A component is up to five of them, one after another: its early manifests, its chart (or Kustomize folder, or
manifests), its late manifests, and before each group of manifests the definitions that this very group needs: Helm
reads a whole chart before it creates anything. A deployer says how each one looks; here is only which there are, what
they are called, and which waits for which.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.localchart import manifests_chart, wrapper_chart
from aicr_core.kit.manifests import without_hooks
from aicr_core.kit.yamlio import load_all
from aicr_core.model.bundle import Artifact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.model.bundle import BundlePlan, Release

NAME_LIMIT = 53
"""The longest name of a Helm release."""

CHART, ARCHIVE, KUSTOMIZE, MANIFESTS = "chart", "archive", "kustomize", "manifests"

_DOCUMENT = re.compile(rb"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_KIND = re.compile(rb"^kind:[ \t]*[\"']?(\w+)", re.MULTILINE)
_API_GROUP = re.compile(rb"[\"']?apiVersion[\"']?:\s*[\"']?([A-Za-z0-9.-]+)/")
_NAMESPACE = re.compile(rb"[\"']?kind[\"']?:\s*[\"']?Namespace\b")
_DEFINITION = "CustomResourceDefinition"
_BUILT_IN = frozenset({
    "", "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "apps",
    "authentication.k8s.io", "authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io",
    "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "extensions", "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io", "node.k8s.io", "policy", "rbac.authorization.k8s.io", "resource.k8s.io",
    "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io",
})  # fmt: skip

File = tuple[str, bytes]


class Part(NamedTuple):
    """One Helm release: ``name`` (distinct in the bundle) and ``folder``, of the component ``release``.

    ``kind`` is ``chart`` (fetched), ``archive`` (brought along), ``kustomize`` or ``manifests``. ``manifests`` are
    (file name, bytes), without what would make hooks of them. ``needs`` are the names of the parts that have to be
    ready before. ``own_namespace``: its manifests hold the very namespace it is installed to. ``custom``: they hold
    kinds that no Kubernetes has by itself.
    """

    name: str
    folder: str
    kind: str
    release: Release
    needs: tuple[str, ...]
    manifests: tuple[File, ...] = ()
    own_namespace: bool = False
    custom: bool = False

    @property
    def chart_name(self) -> str:
        """The name of its chart, without the folders of a registry."""
        return self.release.chart.rpartition("/")[2]

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The objects of its manifests."""
        return [doc for file in self.manifests for doc in _objects(file)]


def parts(plan: BundlePlan) -> tuple[Part, ...]:
    """Give every Helm release in order of deployment.

    A component that installs nothing has no part; who needs it waits for what it needs. With ``plan.serial`` each part
    waits for the one before it. Raises AicrError for manifests that are no YAML, as far as they have to be read.
    """
    taken = {short(release.name) for release in plan.releases}
    found: list[Part] = []
    last: dict[str, tuple[str, ...]] = {}
    for release in plan.releases:
        # A dependency that is deployed later has no say (spec/recipe.md 12).
        needs = tuple(dict.fromkeys(n for d in release.depends_on for n in last.get(d, ())))
        if plan.serial:
            needs = (found[-1].name,) if found else ()
        for suffix, kind, manifests in _stages(release):
            name = _distinct(release.name + suffix, taken) if suffix else short(release.name)
            folder = name if suffix else release.name
            part = Part(name, folder, kind, release, needs, manifests)
            found.append(_described(part))
            needs = (name,)
        last[release.name] = needs
    return tuple(found)


def local_chart(part: Part, plan: BundlePlan) -> list[Artifact]:
    """Give the files of the chart that a part of kind ``manifests`` or ``archive`` is, below its folder.

    Values of an archive stand under its chart's name.
    """
    release, version = part.release, plan.tool_version
    payload = release.version or release.tag
    notes = {"aicr.run/generated-by": version}
    if payload:
        notes["aicr.run/component-version"] = payload
    if part.kind == ARCHIVE:
        assert release.archive is not None
        dependency = (part.chart_name, release.version)
        archive = (release.archive.path, release.archive.data)
        files = wrapper_chart(part.name, version, dependency, archive, annotations=notes)
    else:
        files = manifests_chart(
            part.name, version, part.manifests, app_version=payload, annotations=notes
        )
    return [Artifact(path=f"{part.folder}/{path}", data=data) for path, data in files]


def short(text: str, limit: int = NAME_LIMIT) -> str:
    """Give ``text`` if it is short enough, else its beginning and a digest of the whole."""
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]
    return f"{text[: limit - 9].rstrip('-')}-{digest}"


def _distinct(text: str, taken: set[str]) -> str:
    name = short(text)
    while name in taken:
        text += "-x"
        name = short(text)
    taken.add(name)
    return name


def _stages(release: Release) -> Iterator[tuple[str, str, tuple[File, ...]]]:
    """Give name suffix, kind and manifests of each part of a component."""
    files = _named(release)
    early = [file for path, file in files if path in release.pre_manifests]
    late = [file for path, file in files if path not in release.pre_manifests]
    if release.kind == "manifests" and not late:
        early, late = late, early
    yield from _groups("-pre", early, "-pre")
    if release.kind == "manifests":
        yield from _groups("", late, "")
        return
    main = ARCHIVE if release.archive is not None else CHART
    yield "", KUSTOMIZE if release.kind == "kustomize" else main, ()
    yield from _groups("-post", late, "")


def _groups(
    suffix: str, files: list[File], definitions: str
) -> Iterator[tuple[str, str, tuple[File, ...]]]:
    first, then = _apart(files)
    if first:
        yield f"{definitions}-crds", MANIFESTS, tuple(first)
    if then:
        yield suffix, MANIFESTS, tuple(then)


def _named(release: Release) -> list[tuple[str, File]]:
    """Give path and (name, bytes) of each manifest, under a name that Helm takes for a template and nothing else."""
    found: list[tuple[str, File]] = []
    taken: set[str] = set()
    for item in release.manifests:
        name = item.path.rpartition("/")[2]
        if name[0] in "_.":
            name = f"x{name}"
        if not name.endswith((".yaml", ".yml", ".json")):
            name += ".yaml"
        while name in taken:
            name = f"x-{name}"
        taken.add(name)
        _check_text(item, release.name)
        found.append((item.path, (name, without_hooks(item.data, item.path))))
    return found


def _check_text(item: Artifact, component: str) -> None:
    try:
        item.data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AicrError(
            Code.INVALID_REQUEST,
            f"{item.path} is no text: byte {error.start} is not UTF-8",
            where=f"component {component}",
            hint="give a manifest in YAML",
        ) from None


def _apart(files: list[File]) -> tuple[list[File], list[File]]:
    """Part definitions from the rest, document by document, where the rest holds objects of the kinds they define."""
    # A glance at the text spares nearly every bundle the reading: large files of definitions hold nothing else.
    kinds = {kind.decode() for _, data in files for kind in _KIND.findall(data) or [b"?"]}
    if kinds == {_DEFINITION} or not any(_DEFINITION.encode() in data for _, data in files):
        return [], files
    objects = [doc for file in files for doc in _objects(file)]
    defined = {_defines(doc) for doc in objects if doc.get("kind") == _DEFINITION}
    if not any((_group(doc), doc.get("kind")) in defined for doc in objects):
        return [], files
    first: list[File] = []
    then: list[File] = []
    for name, data in files:
        pieces: dict[bool, list[bytes]] = {True: [], False: []}
        for piece in _pieces(data):
            found = _objects((name, piece))
            if found:
                pieces[all(doc.get("kind") == _DEFINITION for doc in found)].append(piece)
        for is_definition, place in ((True, first), (False, then)):
            if pieces[is_definition]:
                place.append((name, b"".join(pieces[is_definition])))
    return first, then


def _pieces(data: bytes) -> list[bytes]:
    """Split a stream before each document marker, each piece with its marker."""
    cuts = [found.start() for found in _DOCUMENT.finditer(data)]
    ends = [*cuts, len(data)] if cuts and cuts[0] == 0 else [0, *cuts, len(data)]
    return [data[start:end] for start, end in itertools.pairwise(ends) if start < end]


def _objects(file: File) -> list[dict[str, Any]]:
    return [doc for doc in load_all(file[1], file[0]) if isinstance(doc, dict)]


def _group(doc: dict[str, Any]) -> str:
    group, slash, _ = str(doc.get("apiVersion") or "").partition("/")
    return group if slash else ""


def _defines(doc: dict[str, Any]) -> tuple[Any, Any]:
    spec = doc.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    names = spec.get("names")
    return spec.get("group"), names.get("kind") if isinstance(names, dict) else None


def _described(part: Part) -> Part:
    # Nested objects count as well: whoever asks only wants to know what to be careful with.
    groups = {g.decode() for _, data in part.manifests for g in _API_GROUP.findall(data)}
    return part._replace(
        own_namespace=any(_is_namespace(doc, part.release.namespace) for doc in part.documents)
        if any(_NAMESPACE.search(data) for _, data in part.manifests)
        else False,
        custom=bool(groups - _BUILT_IN),
    )


def _is_namespace(doc: dict[str, Any], name: str) -> bool:
    metadata = doc.get("metadata")
    named = isinstance(metadata, dict) and metadata.get("name") == name
    return named and doc.get("kind") == "Namespace" and not _group(doc)
