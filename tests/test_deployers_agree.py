"""Every deployer installs the same: releases, namespaces, charts, versions, values, manifests, and each edge in order.

Each deployer has a small reader here, which knows its tool's rules and nothing of how the files were made. What it
reads back is held to the plan, so one who loses or changes something is found, and so are two who disagree.
A deployer that is installed and has no reader fails the first test.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import posixpath
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from argocd_lab import Chart, inner, wave
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from plans import TRICKY, leaf_plan, leaves, made, manifests, plan, put, release

from aicr_core.api import Artifact, BundlePlan, Release, Settings, load, load_all, to_yaml
from aicr_core.app.environment import Environment
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aicr_core.plugins.providers import Deployer

Document = dict[str, Any]
Files = dict[str, bytes]
PRE, MAIN, POST = range(3)
SUFFIXES = {"-pre": PRE, "-pre-crds": PRE, "": MAIN, "-crds": MAIN, "-post": POST}
REPO = "https://git.example.com/bundle.git"
helm_engine = pytest.importorskip("helm_python")


class Unit(NamedTuple):
    """One thing a tool installs, of a component and phase: what is fetched (empty for manifests), or objects as text."""

    component: str
    phase: int
    namespace: str
    chart: tuple[str, ...] = ()
    values: str = "{}"
    objects: tuple[str, ...] = ()


class Bundle(NamedTuple):
    """Units by name, and of which pairs the first is done before the second begins."""

    units: dict[str, Unit]
    before: set[tuple[str, str]]


def as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def texts(documents: list[Any]) -> tuple[str, ...]:
    return tuple(sorted(as_text(doc) for doc in documents if doc))


def applied(*data: bytes) -> tuple[str, ...]:
    """Objects as ``kubectl apply`` takes them, to which Helm's hook is an annotation like any other."""
    documents = [doc for doc in read_all(*data) if doc]
    for doc in documents:
        notes = doc["metadata"].get("annotations", {})
        hooks = [key for key in notes if key.startswith("helm.sh/hook")]
        for key in hooks:
            del notes[key]
        if hooks and not notes:
            del doc["metadata"]["annotations"]
    return texts(documents)


def read_all(*data: bytes) -> list[Any]:
    return [doc for item in data for doc in load_all(item, "x")]


def owner(name: str, files: Files) -> tuple[str, int]:
    """Component and phase of a release that is called so."""
    listed = load(files["bundle-info.yaml"], "x")["layout"]["releases"]
    for component in sorted((entry["name"] for entry in listed), key=len, reverse=True):
        if name.startswith(component) and name.removeprefix(component) in SUFFIXES:
            return component, SUFFIXES[name.removeprefix(component)]
    raise AssertionError(f"{name} is of no component")


def merged(lower: Any, upper: Any) -> Any:
    """Values as Helm joins files of them: maps by key, all else replaced; a null is a value."""
    if not (isinstance(lower, dict) and isinstance(upper, dict)):
        return upper
    return {**lower, **{key: merged(lower.get(key), item) for key, item in upper.items()}}


def as_helm_reads(text: str) -> Any:
    """Values of a text by YAML 1.1, to which a bare ``on`` is true."""
    return helm_engine.values_from_yaml(text) or {}


def values_files(files: Files, paths: list[str]) -> str:
    found: Any = {}
    for path in paths:
        found = merged(found, as_helm_reads(files[path].decode()))
    return as_text(found)


def by_rank(units: Mapping[str, Unit], rank: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(a, b) for a in units for b in units if rank[a] < rank[b]}


def closure(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    found = set(edges)
    while more := {(a, d) for a, b in found for c, d in found if b == c} - found:
        found |= more
    return found


def packed(files: Files, path: str) -> tuple[str, ...]:
    """What tells a packaged chart from another."""
    return ("packed", posixpath.basename(path), files[path].decode())


def without_v(url: str, version: str) -> str:
    """A version as it is compared: an index of charts knows it with and without ``v``, a registry's tag is a text."""
    return version if url.startswith("oci://") else version.removeprefix("v")


def wanted(of: BundlePlan) -> dict[str, Unit]:
    """What has to be installed, said by the plan."""
    found = {}
    for item in of.releases:
        early = [m.data for m in item.manifests if m.path in item.pre_manifests]
        late = [m.data for m in item.manifests if m.path not in item.pre_manifests]
        if item.kind == "manifests":
            if item.manifests:
                objects = applied(*early, *late)
                found[item.name] = Unit(item.name, MAIN, item.namespace, objects=objects)
            continue
        if early:
            objects = applied(*early)
            found[f"{item.name}-pre"] = Unit(item.name, PRE, item.namespace, objects=objects)
        values = "{}"
        if item.kind == "kustomize":
            chart: tuple[str, ...] = ("kustomize", item.repository, item.path, item.tag)
        else:
            values = as_text(merged(dict(item.values), dict(item.dynamic)))
            chart = (item.repository, item.chart, without_v(item.repository, item.version))
            if item.archive is not None:
                chart = packed({item.archive.path: item.archive.data}, item.archive.path)
        found[item.name] = Unit(item.name, MAIN, item.namespace, chart, values)
        if late:
            objects = applied(*late)
            found[f"{item.name}-post"] = Unit(item.name, POST, item.namespace, objects=objects)
    return found


def settled(units: Mapping[str, Unit]) -> Iterator[tuple[str, Unit]]:
    """Say of definitions that a component's late manifests need that they come after its chart as well."""
    for name, unit in units.items():
        main = units.get(unit.component)
        late = name != unit.component and unit.phase == MAIN and main is not None and main.chart
        yield name, unit._replace(phase=POST) if late else unit


def joined(units: Mapping[str, Unit]) -> dict[str, Unit]:
    """Units by component and phase: definitions that stand apart from their objects count with them."""
    found: dict[str, Unit] = {}
    for unit in units.values():
        name = unit.component + ("-pre", "", "-post")[unit.phase]
        if name in found:
            assert not found[name].chart
            assert not unit.chart
            unit = unit._replace(objects=tuple(sorted([*found[name].objects, *unit.objects])))
        found[name] = unit
    return found


# --- readers, one a deployer ---------------------------------------------------------------------------------------


def read_helm(files: Files) -> Bundle:
    """As ``lib.sh`` does it: line by line, ``kubectl apply -f FOLDER`` before and after a chart.

    kubectl tries every manifest before the chart too, so a late one may be there early; it is applied again.
    """
    units, rank = {}, {}
    lines = [line for line in files["releases.tsv"].decode().splitlines() if line[0] != "#"]
    for number, line in enumerate(lines):
        cells = ["" if cell == "-" else cell for cell in line.split("\t")]
        name, kind, namespace, repository, chart, version, tag, path, _, has_manifests = cells[:10]
        info = load(files["bundle-info.yaml"], "x")["layout"]["releases"][number]
        assert info["name"] == name
        early = {f"{name}/{item}" for item in info.get("early", ())}
        folder = f"{name}/manifests/"
        # kubectl does not look into folders of a folder, nor at files of other endings.
        listed = [
            item for item in files
            if item.startswith(folder) and "/" not in item.removeprefix(folder)
            and item.endswith((".yaml", ".yml", ".json"))
        ]  # fmt: skip
        assert bool(listed) == (has_manifests == "yes")
        if kind == "manifests":
            early = set()
        groups = {
            PRE: [files[item] for item in listed if item in early],
            POST if kind != "manifests" else MAIN: [files[i] for i in listed if i not in early],
        }
        for phase, data in groups.items():
            if data:
                full = name + ("-pre", "", "-post")[phase]
                units[full] = Unit(name, phase, namespace, objects=applied(*data))
                rank[full] = (number, phase)
        if kind == "manifests":
            continue
        source: tuple[str, ...] = ("kustomize", repository, path, tag)
        values = "{}"
        if kind == "helm":
            source = (repository, chart, without_v(repository, version))
            if len(cells) > 13 and cells[13]:
                source = packed(files, f"{name}/{cells[13]}")
            names = [f"{name}/values.yaml", f"{name}/cluster-values.yaml"]
            values = values_files(files, [item for item in names if item in files])
        units[name] = Unit(name, MAIN, namespace, source, values)
        rank[name] = (number, MAIN)
    return Bundle(units, by_rank(units, rank))


def read_argocd(files: Files) -> Bundle:
    """As Argo CD does it: each Application that the parent's pattern finds, by wave."""
    parent = load(files["app-of-apps.yaml"], "x")["spec"]["source"]["directory"]
    units, rank = {}, {}
    for path in sorted(files):
        if path.startswith((".", "data/")) or not path.endswith((".yaml", ".yml", ".json")):
            continue
        if not glob_matches(parent["include"], path) or glob_matches(
            parent.get("exclude", ""), path
        ):
            continue  # fmt: skip
        application = load(files[path], path)
        name = application["metadata"]["name"]
        units[name] = _application(application, files)
        rank[name] = wave(application)
    return Bundle(units, by_rank(units, rank))


def _application(application: Document, files: Files) -> Unit:
    spec = application["spec"]
    source, *others = spec.get("sources") or [spec["source"]]
    component, phase = owner(application["metadata"]["name"], files)
    namespace = spec["destination"]["namespace"]
    if "directory" in source:
        rules, folder = source["directory"], source["path"]
        assert rules["recurse"] is True
        data = [
            files[item] for item in sorted(files)
            if item.startswith(f"{folder}/") and item.endswith((".yaml", ".yml", ".json"))
            and ("include" not in rules or glob_matches(rules["include"], item.removeprefix(f"{folder}/")))
            and not glob_matches(rules.get("exclude", ""), item.removeprefix(f"{folder}/"))
        ]  # fmt: skip
        return Unit(component, phase, namespace, objects=texts(read_all(*data)))
    if "chart" not in source and "helm" not in source:
        place = ("kustomize", source["repoURL"], source["path"], source.get("targetRevision", ""))
        return Unit(component, phase, namespace, place)
    url, helm = source["repoURL"], source.get("helm", {})
    if "chart" in source:
        # Argo CD takes an address without a scheme for a registry.
        url = url if "://" in url else f"oci://{url}"
        chart = (url, source["chart"], without_v(url, source["targetRevision"]))
        found: Any = helm.get("valuesObject") or as_helm_reads(helm.get("values", "{}"))
        for path in helm.get("valueFiles", ()):
            assert others[0]["ref"] == "values"
            found = merged(found, as_helm_reads(files[path.removeprefix("$values/")].decode()))
        return Unit(component, phase, namespace, chart, as_text(found))
    folder = source["path"]
    found = as_helm_reads(helm.get("values", "{}"))
    for path in helm.get("valueFiles", ()):
        found = merged(found, as_helm_reads(files[f"{folder}/{path}"].decode()))
    return Unit(component, phase, namespace, *_wrapped(files, folder, found))


def _wrapped(files: Files, folder: str, values: Any) -> tuple[tuple[str, ...], str]:
    """The packaged chart in a chart of ours, and the values it gets."""
    (needed,) = load(files[f"{folder}/Chart.yaml"], "x")["dependencies"]
    (path,) = [item for item in files if item.startswith(f"{folder}/charts/")]
    assert set(values) <= {needed["name"]}
    return packed(files, path), as_text(values.get(needed["name"], {}))


def glob_matches(pattern: str, path: str) -> bool:
    """Whether a pattern of Argo CD's directories matches: ``*`` crosses ``/``, ``{a,b}`` is either."""
    import fnmatch

    choices = pattern[1:-1].split(",") if pattern.startswith("{") else [pattern]
    return any(fnmatch.fnmatchcase(path, choice) for choice in choices)


def read_argocd_helm(files: Files) -> Bundle:
    """As Argo CD does it: the chart is rendered for the stack, then for its Applications, then for their manifests."""
    units, rank = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        chart = Chart(files, pathlib.Path(folder))
        for name, application in chart.roll_out().items():
            source = application["spec"]["source"]
            if source.get("path") == ".":
                component, phase = owner(name, files)
                space = application["spec"]["destination"]["namespace"]
                objects = texts(chart.show(inner(application)))
                units[name] = Unit(component, phase, space, objects=objects)
            else:
                units[name] = _application(application, files)
            rank[name] = wave(application)
    return Bundle(units, by_rank(units, rank))


def read_flux(files: Files) -> Bundle:
    """As the controllers of Flux do it; a HelmRelease and the Kustomization that applies it are one unit."""
    objects: dict[tuple[str, str], Document] = {}
    for path in _listed(files, ""):
        document = load(files[path], path)
        objects[document["kind"], document["metadata"]["name"]] = document
        spec = document.get("spec", {})
        if document["kind"] == "Kustomization" and spec["sourceRef"]["name"] in (
            "aicr-bundle",
            "git-example-com-bundle",
        ):
            assert spec["wait"] is True
            for inside in _listed(files, posixpath.normpath(spec["path"])):
                item = load(files[inside], inside)
                objects[item["kind"], item["metadata"]["name"]] = item
    units: dict[str, Unit] = {}
    edges: set[tuple[str, str]] = set()
    for (kind, name), document in objects.items():
        if kind not in ("HelmRelease", "Kustomization"):
            continue
        for need in document["spec"].get("dependsOn", ()):
            assert (kind, need["name"]) in objects, "Flux waits for ever"
            edges.add((need["name"], name))
        if kind == "HelmRelease":
            assert document["spec"]["releaseName"] == name
            units[name] = _helm_release(document, files, objects)
        elif ("HelmRelease", name) not in objects:
            spec = document["spec"]
            source = objects["GitRepository", spec["sourceRef"]["name"]]["spec"]
            assert ("Namespace", spec["targetNamespace"]) in objects
            path = posixpath.normpath(spec["path"])
            chart = ("kustomize", source["url"], path, source["ref"].get("tag", ""))
            units[name] = Unit(*owner(name, files), spec["targetNamespace"], chart)
    return Bundle(units, closure(edges))


def _listed(files: Files, folder: str) -> list[str]:
    path = posixpath.join(folder, "kustomization.yaml")
    return [posixpath.join(folder, item) for item in load(files[path], path)["resources"]]


def _helm_release(document: Document, files: Files, objects: Mapping[Any, Document]) -> Unit:
    spec, name = document["spec"], document["metadata"]["name"]
    values: Any = {}
    for item in spec.get("valuesFrom", ()):
        text = objects["ConfigMap", item["name"]]["data"][item["valuesKey"]]
        values = merged(values, as_helm_reads(text))
    values = merged(values, spec.get("values", {}))
    start = (*owner(name, files), spec["targetNamespace"])
    chart = spec.get("chart", {}).get("spec", {})
    if chart.get("sourceRef", {}).get("kind") == "HelmRepository":
        url = objects["HelmRepository", chart["sourceRef"]["name"]]["spec"]["url"]
        version = without_v(url, chart.get("version", ""))
        return Unit(*start, (url, chart["chart"], version), as_text(values))
    folder = posixpath.normpath(chart["chart"]) if chart else spec["chartRef"]["name"]
    return _local(start, files, folder, values)


def _local(start: tuple[str, int, str], files: Files, folder: str, values: Any) -> Unit:
    """A chart in the bundle: a packaged one inside, or manifests that the engine renders."""
    if any(path.startswith(f"{folder}/charts/") for path in files):
        return Unit(*start, *_wrapped(files, folder, values))
    assert not values
    with tempfile.TemporaryDirectory() as place:
        mine = {path: data for path, data in files.items() if path.startswith(f"{folder}/")}
        put(mine, pathlib.Path(place))
        chart = helm_engine.Chart.load(str(pathlib.Path(place) / folder))
        found = read_all(*(text.encode() for text in chart.render({}).values()))
    return Unit(*start, objects=texts(found))


def read_helmfile(files: Files) -> Bundle:
    """As helmfile does it: file after file, by ``needs`` within one."""
    units: dict[str, Unit] = {}
    edges: set[tuple[str, str]] = set()
    levels: dict[str, int] = {}
    for number, item in enumerate(load(files["helmfile.yaml"], "x")["helmfiles"]):
        state = load(files[item["path"]], item["path"])
        known = {repo["name"]: repo for repo in state.get("repositories", ())}
        names = {f"{entry['namespace']}/{entry['name']}" for entry in state["releases"]}
        for entry in state["releases"]:
            name = entry["name"]
            levels[name] = number
            for need in entry.get("needs", ()):
                assert need in names, "helmfile knows no release of another file"
                edges.add((need.partition("/")[2], name))
            units[name] = _release(entry, known, files)
    order = by_rank(units, levels)
    return Bundle(units, closure(edges) | order)


def _release(entry: Document, known: Mapping[str, Document], files: Files) -> Unit:
    start = (*owner(entry["name"], files), entry["namespace"])
    values = values_files(files, entry.get("values", []))
    path = entry["chart"]
    if not path.startswith("./"):
        repository, _, chart = path.partition("/")
        found = known[repository]
        url = f"oci://{found['url']}" if found.get("oci") else found["url"]
        return Unit(*start, (url, chart, without_v(url, entry["version"])), values)
    path = posixpath.normpath(path)
    if path.endswith(".tgz"):
        return Unit(*start, packed(files, path), values)
    if f"{path}/kustomization.yaml" in files:
        (address,) = load(files[f"{path}/kustomization.yaml"], "x")["resources"]
        place, _, ref = address.partition("?ref=")
        url, _, folder = place.rpartition("//")
        return Unit(*start, ("kustomize", url, folder, ref), values)
    return _local(start, files, path, {})


READERS: dict[str, Callable[[Files], Bundle]] = {
    "helm": read_helm,
    "argocd": read_argocd,
    "argocd-helm": read_argocd_helm,
    "flux": read_flux,
    "helmfile": read_helmfile,
}


# --- what is held ---------------------------------------------------------------------------------------------------


@functools.cache
def deployers() -> dict[str, Deployer]:
    manager = Environment(Settings.from_env({**os.environ, "AICR_INDEX": "off"})).manager
    return {name: item for name, (_, item) in manager.named("aicr_deployers", "name").items()}


def bundle(name: str, of: BundlePlan) -> Bundle:
    """Make the bundle of a plan, with every setting as it is by default, and read it back."""
    import attrs

    from aicr_core.engine import bundle_info
    from aicr_core.engine.bundle_reading import read

    deployer = deployers()[name]
    given = {option.name: option.default for option in deployer.options}
    of = attrs.evolve(of, settings=given)
    files = made(resolve(deployer.call), of)
    info = bundle_info.document(of, b"{}\n", deployer)
    files["bundle-info.yaml"] = to_yaml(info).encode()
    for entry in info["layout"]["releases"]:
        named = [entry[key] for key in ("manifest", "values", "nulls", "vendored") if key in entry]
        assert set(named) <= {*files}, f"{name}: {entry}"
    # `aicr bundle check` judges the same values.
    for item, checked in zip(of.releases, read(list(files), files.get, "x").releases, strict=True):
        assert as_text(checked.values) == as_text(item.values if item.kind == "helm" else {}), name
    found = READERS[name](files)
    return found._replace(units=dict(settled(found.units)))


def edges(of: BundlePlan) -> Iterator[tuple[str, str]]:
    """Pairs of components: the first has to be done before the second begins."""
    place = {item.name: number for number, item in enumerate(of.releases)}
    for item in of.releases:
        for other in of.releases:
            later = place[item.name] > place[other.name]
            if later and (of.serial or other.name in item.depends_on):
                yield other.name, item.name


def agree(of: BundlePlan) -> None:
    """Hold every deployer to the plan."""
    want = wanted(of)
    needed = closure(set(edges(of)))
    for name, deployer in deployers().items():
        if any(item.dynamic for item in of.releases) and not deployer.dynamic:
            continue
        found = bundle(name, of)
        assert joined(found.units) == want, name
        for first, one in found.units.items():
            for then, two in found.units.items():
                same = one.component == two.component and one.phase < two.phase
                if same or (one.component, two.component) in needed:
                    assert (first, then) in found.before, (
                        f"{name}: {then} does not wait for {first}"
                    )
                assert (first, then) not in found.before or (then, first) not in found.before


def test_every_deployer_has_a_reader() -> None:
    assert set(deployers()) == set(READERS)


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(-1e6, 1e6).filter(lambda number: not number.is_integer()),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12),
    st.sampled_from([value for value in TRICKY.values() if isinstance(value, str)]),
)  # fmt: skip
KEYS = st.sampled_from(["a", "b", "no", "1", "{{ x }}", "x.y", "ü", "on"])
VALUES = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda inside: st.one_of(
            st.lists(inside, max_size=3), st.dictionaries(KEYS, inside, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=4,
)  # fmt: skip
KIND = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "spec": {"group": "e.example", "names": {"kind": "Thing"}}}  # fmt: skip


@st.composite
def objects(draw: st.DrawFn, name: str) -> bytes:
    """A manifest of one or two objects; perhaps of a kind and its definition."""
    found = []
    for number in range(draw(st.integers(1, 2))):
        notes = draw(st.sampled_from([{}, {"a": "{{ x }}"}, {"helm.sh/hook": "post-install"}]))
        start: Document = draw(st.sampled_from([KIND, {"apiVersion": "e.example/v1", "kind": "Thing"},
                                                {"apiVersion": "v1", "kind": "ConfigMap"}]))  # fmt: skip
        metadata: Document = {"name": f"{name}-{number}", "namespace": "n"}
        if notes:
            metadata["annotations"] = notes
        document = {**start, "metadata": metadata}
        if document["kind"] == "ConfigMap":
            document["data"] = {"text": draw(st.sampled_from(list(map(str, TRICKY.values()))))}
        found.append(to_yaml(document))
    return "---\n".join(found).encode()


@st.composite
def releases(draw: st.DrawFn) -> list[Release]:
    found: list[Release] = []
    leave_open = draw(st.booleans())
    for number in range(draw(st.integers(1, 5))):
        name = f"c{number}"
        known = [item.name for item in found] or ["absent"]
        needs = draw(st.lists(st.sampled_from(known), max_size=3, unique=True))
        kind = draw(st.sampled_from(["helm", "oci", "packed", "kustomize", "manifests", "nothing"]))
        files = [f"manifests/{item}.yaml" for item in draw(st.sets(st.sampled_from("xyz")))]
        if kind == "nothing":
            files = []
        fields: dict[str, Any] = {
            "namespace": draw(st.sampled_from(["n", "m"])),
            "manifests": tuple(
                Artifact(path=path, data=draw(objects(f"{name}-{path[10]}"))) for path in sorted(files)
            ),
            "pre_manifests": tuple(path for path in sorted(files) if draw(st.booleans())),
        }  # fmt: skip
        if kind == "kustomize":
            fields |= {
                "kind": kind,
                "repository": "https://github.com/e/k",
                "path": "base",
                "tag": "v1",
                "version": "",
            }
        elif kind in ("manifests", "nothing"):
            fields |= {"kind": "manifests", "pre_manifests": ()}
        else:
            fields["values"] = draw(VALUES)
            fields["chart"] = draw(st.sampled_from(["gpu-operator", "on"]))
            if kind == "oci":
                fields["repository"] = draw(
                    st.sampled_from(["oci://r.example/charts", "oci://r.example/other"])
                )
            if kind == "packed":
                fields["archive"] = Artifact(
                    path=f"charts/{fields['chart']}-1.2.3.tgz", data=name.encode()
                )
            if leave_open and draw(st.booleans()):
                fields["dynamic"] = {"open": {"x": draw(st.sampled_from([5, "no", [1]]))}}
        found.append(release(name, *needs, **fields))
    return found


# An example makes five bundles, so shrinking one takes minutes; a plan is small enough to be read.
FEW = settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate),
               suppress_health_check=[HealthCheck.too_slow])  # fmt: skip


@FEW
@given(releases(), st.booleans(), st.booleans())
def test_what_is_installed_and_in_which_order(
    found: list[Release], serial: bool, published: bool
) -> None:
    destination = "oci://r.example/bundle:v1" if published else ""
    agree(plan(*found, repo="" if published else REPO, serial=serial, destination=destination))


def spoilt(files: Files, what: str) -> Files:
    """The files of a bundle with something lost or changed."""
    if what == "a manifest":
        return {path: data.replace(b"lost", b"gone") for path, data in files.items()}
    if what == "a value":
        return {path: data.replace(b"kept", b"none") for path, data in files.items()}
    order = {b'sync-wave: "5"': b'sync-wave: "1"', b"  dependsOn:\n    - name: a\n": b""}
    names = {"level-0.yaml": "level-1.yaml", "level-1.yaml": "level-0.yaml"}
    changed = {}
    for path, data in files.items():
        for old, new in order.items():
            data = data.replace(old, new)
        changed[names.get(path, path)] = data
    rows = changed.get("releases.tsv", b"").decode().splitlines()
    if rows:
        info = load(files["bundle-info.yaml"], "x")
        info["layout"]["releases"].reverse()
        changed["bundle-info.yaml"] = to_yaml(info).encode()
        changed["releases.tsv"] = "\n".join([rows[0], *reversed(rows[1:])]).encode()
    return changed


@pytest.mark.parametrize("what", ["a manifest", "a value", "an order"])
@pytest.mark.parametrize("name", sorted(READERS))
def test_what_is_lost_is_seen(name: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = READERS[name]
    manifest = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: lost, namespace: n}\n"
    first = release("a", values={"x": "kept"})
    of = plan(
        first, release("b", "a", kind="manifests", manifests=manifests(m_yaml=manifest)), repo=REPO
    )
    agree(of)
    monkeypatch.setitem(READERS, name, lambda files: real(spoilt(files, what)))
    with pytest.raises(AssertionError, match=name):
        agree(of)


@pytest.mark.parametrize("name", sorted(leaves()))
def test_a_shipped_recipe(name: str, tmp_path: pathlib.Path) -> None:
    agree(leaf_plan(name, "helm", tmp_path, repo=REPO))
