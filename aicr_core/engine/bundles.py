"""Make a bundle: run bundlers side by side, hand the plan to one deployer, list and sum what it wrote.

Everything is built in memory and is a function of plan and options alone, so ``--jobs`` and scheduling cannot
change a byte. The core owns some files of every bundle: ``recipe.yaml``, ``bundle-info.yaml`` (``engine.bundle_info``),
``inventory.json`` (closed: every file with digest, size, mode and producer) and ``checksums.txt`` (spec/bundle.md 5,
spec/beyond.md F9 to F11).
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from aicr_core.engine import bundle_info, render
from aicr_core.engine.bundle_names import CHECKSUMS, INVENTORY, LISTS_MODE, RECIPE
from aicr_core.engine.plan import Planned, Selection, sorted_names
from aicr_core.kit.emit import to_json, to_yaml
from aicr_core.kit.errors import AicrError, AicrErrors, Code
from aicr_core.kit.paths import safe_relative
from aicr_core.kit.run import Context, Runner, Task
from aicr_core.model.bundle import Artifact, BundlePlan, ComponentBundle, Release

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]
_KINDS = re.compile(rb"^[\"']?kind[\"']?:[ \t]*[\"']?([A-Za-z]+)", re.MULTILINE)
# Without them the chart's own pods may not be created, so nobody may wait for the chart first (spec/bundle.md 12).
_BEFORE_PODS = frozenset({b"LimitRange", b"Namespace", b"PriorityClass", b"ResourceQuota"})

_MANIFEST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.(yaml|yml|json)\Z")


class File(NamedTuple):
    """One file of a bundle and who made it."""

    path: str
    data: bytes
    mode: int
    producer: str


def generic(catalogue: Catalogue, ref: Document, values: Mapping[str, Any]) -> ComponentBundle:
    """Bundle a component that has no bundler of its own: values as they are, manifests rendered."""
    paths = [*(ref.get("preManifestFiles") or []), *(ref.get("manifestFiles") or [])]
    return ComponentBundle(
        name=ref["name"],
        values=values,
        manifests=render_manifests(catalogue, ref, values, paths),
    )


def render_manifests(
    catalogue: Catalogue, ref: Document, values: Mapping[str, Any], paths: Sequence[str]
) -> tuple[Artifact, ...]:
    """Render manifest files of a component, sorted by path; blank results are left out.

    Raises AicrError: NOT_FOUND for a file no layer holds, INVALID_REQUEST for a template that fails or two
    files of one name (B-12).
    """
    version = (ref.get("version") or "").removeprefix("v") or "0.1.0"
    context = {
        "Values": {ref["name"]: values},
        "Release": {"Namespace": ref.get("namespace") or "", "Service": "Helm"},
        "Chart": {"Name": ref.get("chart") or ref["name"], "Version": version},
    }
    found: dict[str, Artifact] = {}
    for path in sorted(set(paths)):
        file = (
            path
            if catalogue.has_file(path) or not catalogue.has_file(f"{path}.j2")
            else f"{path}.j2"
        )
        text = catalogue.read_file(file).decode("utf-8")
        rendered = render.manifest(text, file, context, ref["name"])
        if render.is_blank(rendered):
            continue
        name = path.rpartition("/")[2].removesuffix(".j2")
        if name in found:
            raise AicrError(
                Code.INVALID_REQUEST,
                f"two manifest files are called {name}",
                where=f"component {ref['name']}",
                hint="rename one of the two",
            )
        found[name] = Artifact(path=name, data=rendered.encode("utf-8"))
    return tuple(found.values())


def run_bundlers(
    selection: Selection,
    plan: BundlePlan,
    bundlers: Mapping[str, tuple[str, Any, Callable[..., ComponentBundle]]],
    fallback: Callable[..., ComponentBundle],
    jobs: int,
    settings: Any,
) -> dict[str, ComponentBundle]:
    """Run one bundler a component: its own, else ``*``, else the generic one.

    ``bundlers`` maps component to (plugin, provider, function). Raises AicrErrors with every failure.
    """
    tasks = []
    for planned in selection.components:
        name = planned.ref["name"]
        own = bundlers.get(name) or bundlers.get("*")

        def call(
            context: Context,
            planned: Planned = planned,
            function: Callable[..., ComponentBundle] = own[2] if own else fallback,
        ) -> ComponentBundle:
            bundle: Any = function(context, planned.ref, planned.values, plan)
            if not isinstance(bundle, ComponentBundle):
                got = type(bundle).__name__
                raise AicrError(Code.INTERNAL, f"the bundler gave a {got}, not a ComponentBundle")
            return bundle

        tasks.append(
            Task(
                name=name,
                plugin=own[0] if own else "",
                call=call,
                timeout=own[1].timeout if own else 60.0,
                inline=own is None or own[1].pure,
            )
        )
    outcomes = Runner(jobs, settings=settings, render=render.template).run(tasks)
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise AicrErrors(f"{len(errors)} components cannot be bundled", errors)
    return {outcome.name: outcome.value for outcome in outcomes}


def releases(selection: Selection, bundles: Mapping[str, ComponentBundle]) -> tuple[Release, ...]:
    """Give the releases in deployment order."""
    by_name = {planned.ref["name"]: planned for planned in selection.components}
    names = set(by_name)
    made = [
        _release(by_name[name], bundles[name], names) for name in sorted_names(selection.recipe)
    ]
    tiers: dict[str, int] = {}
    for release in made:
        # In deployment order a dependency stands before; one that does not has no say (spec/recipe.md 12).
        tiers[release.name] = max(
            (tiers[n] + 1 for n in release.depends_on if n in tiers), default=0
        )
    return tuple(attrs.evolve(release, tier=tiers[release.name]) for release in made)


def _release(planned: Planned, bundle: ComponentBundle, names: set[str]) -> Release:
    ref, rollout = planned.ref, planned.entry.get("rollout") or {}
    source = ref.get("source") or ""
    if source.startswith("oci://"):
        # The chart's name is joined to it, and no registry knows an empty part.
        source = source.rstrip("/")
    kind = "manifests"
    if ref.get("type") == "Kustomize":
        kind = "kustomize"
    elif ref.get("source"):
        kind = "helm"
    manifests = tuple(
        Artifact(path=f"manifests/{_file_name(item.path, ref)}", data=item.data, mode=item.mode)
        for item in bundle.manifests
    )
    early = {
        path.rpartition("/")[2].removesuffix(".j2") for path in ref.get("preManifestFiles") or ()
    }
    return Release(
        name=ref["name"],
        kind=kind,
        namespace=ref.get("namespace") or "",
        chart=ref.get("chart") or ref["name"],
        repository=source,
        version=ref.get("version") or "",
        tag=ref.get("tag") or "",
        path=ref.get("path") or "",
        values=bundle.values,
        dynamic=planned.dynamic,
        manifests=manifests,
        pre_manifests=tuple(
            item.path
            for item in manifests
            if item.path.rpartition("/")[2] in early
            or (kind != "manifests" and _before_pods(item.data))
        ),
        depends_on=tuple(n for n in ref.get("dependencyRefs") or () if n in names),
        wait=rollout.get("wait", True),
        crd_groups=tuple(rollout.get("crdGroups") or ()),
        extra_namespaces=tuple(rollout.get("namespaces") or ()),
        restart_daemonsets=rollout.get("restartDaemonSets") or "",
    )


def _file_name(path: str, ref: Document) -> str:
    """Hold the name of a manifest to what every tool reads in a folder. Raises AicrError(INVALID_REQUEST).

    ``kubectl apply -f FOLDER`` passes over other endings and folders without a word.
    """
    name = safe_relative(path)
    if _MANIFEST.match(name):
        return name
    raise AicrError(
        Code.INVALID_REQUEST,
        f"kubectl would pass over the manifest {name}",
        where=f"component {ref['name']}",
        hint="a manifest is a file without a folder, called with letters, digits, ., _ and -, that ends in .yaml, "
        ".yml or .json",
    )


def _before_pods(data: bytes) -> bool:
    """Whether a manifest holds nothing but what pods of its namespace may need to be admitted at all."""
    kinds = set(_KINDS.findall(data))
    return bool(kinds) and kinds <= _BEFORE_PODS


def deploy_files(
    plan: BundlePlan, plugin: str, function: Callable[..., Any], settings: Any, timeout: float
) -> list[File]:
    """Run the deployer and check what it gives: safe, distinct paths, none of the core's own."""
    context = Context(settings=settings, timeout=timeout, render=render.template)
    files = []
    seen = {RECIPE, bundle_info.FILE, INVENTORY, CHECKSUMS}
    for artifact in _artifacts(plugin, lambda: function(context, plan)):
        path = artifact.path
        if path in seen:
            raise AicrError(Code.INTERNAL, f"the deployer writes {path} twice", plugin=plugin)
        seen.add(path)
        files.append(File(path, artifact.data, artifact.mode, plugin))
    return files


def _artifacts(plugin: str, deploy: Callable[[], Any]) -> list[Artifact]:
    """Give what a deployer yields. What is wrong with it is said to be the plugin's, not the core's."""
    try:
        given = list(deploy())
    except AicrError:
        # It is about the user's input, which the deployer refuses.
        raise
    except Exception as error:
        text = f"the deployer failed: {type(error).__name__}: {error}"
        raise AicrError(Code.INTERNAL, text, plugin=plugin) from error
    for item in given:
        if not isinstance(item, Artifact) or not isinstance(item.data, bytes):
            what = getattr(item, "path", None) or type(item).__name__
            text = f"the deployer gives {what}, which is no Artifact of bytes"
            raise AicrError(Code.INTERNAL, text, plugin=plugin)
        try:
            safe_relative(item.path)
        except AicrError as error:
            error.plugin = plugin
            raise
    return given


def complete(
    files: list[File], recipe: bytes, info: Document, catalogue: Catalogue, producer: str
) -> list[File]:
    """Add data files, ``recipe.yaml``, ``bundle-info.yaml``, ``inventory.json`` and ``checksums.txt``, in this order.

    The inventory lists every file but itself and the checksums; the checksums list every file but
    themselves, in order of generation.
    """
    whole = list(files)
    taken = {file.path for file in files}
    for path in catalogue.data_files():
        if f"data/{path}" in taken:
            raise AicrError(
                Code.INVALID_REQUEST,
                f'component "data" and the copy of --data both write data/{path}',
                hint="rename the component",
            )
        whole.append(File(f"data/{path}", catalogue.read_file(path), 0o644, "data"))
    whole.append(File(RECIPE, recipe, 0o600, producer))
    whole.append(File(bundle_info.FILE, to_yaml(info).encode("utf-8"), 0o600, producer))
    digests = {file.path: hashlib.sha256(file.data).hexdigest() for file in whole}
    inventory = {
        "kind": "BundleInventory",
        "apiVersion": "aicr.run/v1alpha2",
        "files": [
            {
                "path": file.path,
                "sha256": digests[file.path],
                "size": len(file.data),
                "mode": f"{file.mode:04o}",
                "producer": file.producer,
            }
            for file in sorted(whole, key=lambda file: file.path.encode())
        ],
    }
    listed = File(INVENTORY, to_json(inventory).encode("utf-8"), LISTS_MODE, producer)
    whole.append(listed)
    digests[INVENTORY] = hashlib.sha256(listed.data).hexdigest()
    lines = [f"{digests[file.path]}  {file.path}\n" for file in whole]
    whole.append(File(CHECKSUMS, "".join(lines).encode("utf-8"), LISTS_MODE, producer))
    return whole
