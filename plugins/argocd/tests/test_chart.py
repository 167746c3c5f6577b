"""The chart of ``argocd-helm``, rendered by the real engine as Argo CD renders it: stack, Applications, manifests."""

from __future__ import annotations

import json
import pathlib
import tarfile
from typing import Any

import pytest
from aicr_argocd.hooks import aicr_deployers
from argocd_lab import CONFIG, Chart, document, files, inner, manifest, plan, put, release, wave

from aicr_core.api import AicrError, Artifact
from aicr_core.engine import bundle_info

helm = pytest.importorskip("helm_python")
REPO = "https://git.example.com/r.git"
HOSTILE: dict[str, Any] = {
    "template": '{{ .Values.x }}{{ fail "x" }}',
    "dollar": "$HOME $(id) `id` ${x}",
    "quotes": "'\"'\"",
    "lines": "a\n  b\n\nc\n",
    "trailing": "a\n\n",
    "blank": "  a ",
    "words": [
        "no",
        "on",
        "y",
        "1e3",
        "0o7",
        "1_000",
        "null",
        "~",
        "",
        "=",
        "2024-01-01",
        "0x1f",
        "1:30",
    ],
    "numbers": [0, -1, 1.5, 9007199254740991, 12345678901234, 1e21],
    "nothing": None,
    "empty": [{}, []],
    "no": True,
    "key: odd": {"{{ x }}": 1},
    "unicode": "\u00e4\u2028\ufeff\U0001f600",
}


def _values(application: Any) -> Any:
    """The values as Helm reads them, by YAML 1.1."""
    return helm.values_from_yaml(application["spec"]["source"]["helm"]["values"])


def test_the_chart_shows_one_application_and_that_one_all_others(tmp_path: pathlib.Path) -> None:
    made = files("argocd-helm", plan(release("a"), release("b", tier=1, depends_on=("a",))))
    chart = Chart(made, tmp_path)
    (parent,) = chart.show()
    assert parent["metadata"]["name"] == "aicr-stack"
    source = parent["spec"]["source"]
    assert (source["repoURL"], source["targetRevision"], source["path"]) == (REPO, "main", ".")
    found = chart.roll_out()
    assert {name: wave(item) for name, item in found.items()} == {"a": 1, "b": 5}
    assert found["a"]["spec"]["source"]["chart"] == "a"
    assert "sources" not in found["a"]["spec"]


def test_values_of_the_bundle_arrive_as_they_are(tmp_path: pathlib.Path) -> None:
    chart = Chart(files("argocd-helm", plan(release("a", values=HOSTILE))), tmp_path)
    assert _values(chart.roll_out()["a"]) == HOSTILE


def test_values_of_the_installation_go_over_them(tmp_path: pathlib.Path) -> None:
    baked = {
        "keep": {"x": 1, "no": "no"},
        "off": True,
        "list": [1, 2],
        "n": None,
        "big": 12345678901234,
    }
    given = {"keep": {"x": 0, "y": "{{ .Release.Name }}"}, "off": False, "list": [], "new": "1e3"}
    chart = Chart(files("argocd-helm", plan(release("a", values=baked), release("b"))), tmp_path)
    found = chart.roll_out({"a": given})
    assert _values(found["a"]) == {
        "keep": {"x": 0, "no": "no", "y": "{{ .Release.Name }}"},
        "off": False, "list": [], "n": None, "big": 12345678901234, "new": "1e3",
    }  # fmt: skip
    assert _values(found["b"]) == {}


def test_hostile_values_of_the_installation_arrive_as_they_are(tmp_path: pathlib.Path) -> None:
    given = {key: item for key, item in HOSTILE.items() if key not in ("nothing", "numbers")}
    chart = Chart(files("argocd-helm", plan(release("a", values={"x": 1}))), tmp_path)
    assert _values(chart.roll_out({"a": given})["a"]) == {**given, "x": 1}


def test_values_that_are_left_open_are_asked_for(tmp_path: pathlib.Path) -> None:
    dynamic = {"driver": {"version": ""}, "x": 5}
    item = release("a", values={"driver": {"on": True}}, dynamic=dynamic)
    made = files("argocd-helm", plan(item))
    assert document(made, "values.yaml")["a"] == dynamic
    chart = Chart(made, tmp_path)
    with pytest.raises(helm.HelmError, match="/a/driver/version"):
        chart.show()
    found = chart.roll_out({"a": {"driver": {"version": "570"}}})
    assert _values(found["a"]) == {"driver": {"on": True, "version": "570"}, "x": 5}
    readme = made["README.md"].decode()
    assert "--set a.driver.version=VALUE" in readme
    assert "--set a.x=VALUE" in readme


def test_manifests_are_shown_by_the_chart_itself(tmp_path: pathlib.Path) -> None:
    """One address does for everything, in Git and in a registry; and nothing in a manifest is evaluated."""
    odd = CONFIG + b"data:\n  a: '{{ .Values.show }} {{ fail \"x\" }}'\n---\nkind: Other\n"
    held = (manifest("a.yaml", odd), manifest("b.json", b'{"kind": "J"}'), manifest("sub/z.yaml"))
    item = release("c", manifests=held, pre_manifests=("manifests/b.json",))
    alone = release("m", kind="manifests", manifests=(manifest(),))
    chart = Chart(files("argocd-helm", plan(item, alone)), tmp_path)
    found = chart.roll_out()
    assert set(found) == {"c-pre", "c", "c-post", "m"}
    for name in ("c-pre", "c-post", "m"):
        source = found[name]["spec"]["source"]
        assert (source["repoURL"], source["path"]) == (REPO, ".")
    shown = {name: chart.show(inner(found[name])) for name in ("c-pre", "c-post", "m")}
    assert shown["c-pre"] == [{"kind": "J"}]
    assert [doc["kind"] for doc in shown["c-post"]] == ["ConfigMap", "Other", "ConfigMap"]
    assert shown["c-post"][0]["data"] == {"a": '{{ .Values.show }} {{ fail "x" }}'}
    assert [doc["kind"] for doc in shown["m"]] == ["ConfigMap"]


def test_kustomize_components_come_from_their_own_repository(tmp_path: pathlib.Path) -> None:
    item = release("k", kind="kustomize", repository="https://example.com/{{r}}", path="p")
    found = Chart(files("argocd-helm", plan(item)), tmp_path).roll_out()
    assert found["k"]["spec"]["source"] == {"repoURL": "https://example.com/{{r}}", "path": "p"}


def test_charts_of_registries_are_named_as_argocd_finds_them(tmp_path: pathlib.Path) -> None:
    item = release("k", repository="oci://ghcr.io/x", version="v1.0.0")
    source = Chart(files("argocd-helm", plan(item)), tmp_path).roll_out()["k"]["spec"]["source"]
    assert (source["repoURL"], source["targetRevision"]) == ("ghcr.io/x", "v1.0.0")


def test_an_address_is_required(tmp_path: pathlib.Path) -> None:
    chart = Chart(files("argocd-helm", plan(release("a"), repo="")), tmp_path)
    with pytest.raises(helm.HelmError, match="repoURL is empty"):
        chart.show()
    (parent,) = chart.show({"repoURL": "oci://reg.example/p/aicr-stack", "targetRevision": "0.1.0"})
    assert parent["spec"]["source"]["repoURL"] == "oci://reg.example/p/aicr-stack"
    assert inner(parent)["targetRevision"] == "0.1.0"


def test_a_published_chart_knows_where_it_is(tmp_path: pathlib.Path) -> None:
    of = plan(
        release("a", manifests=(manifest(),)), repo="", destination="oci://reg.example/p/stack:v7"
    )
    source = Chart(files("argocd-helm", of), tmp_path).roll_out()["a-post"]["spec"]["source"]
    assert (source["repoURL"], source["targetRevision"]) == ("oci://reg.example/p/stack", "v7")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"gpuoperator": {}}, "gpuoperator"),
        ({"a": "x"}, "got string, want object"),
        ({"show": "everything"}, "pattern"),
        ({"show": "manifests/none"}, "has no manifests/none"),
        ({"repoURL": 5}, "want string"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(
    values: dict[str, Any], reason: str, tmp_path: pathlib.Path
) -> None:
    chart = Chart(files("argocd-helm", plan(release("a"))), tmp_path)
    with pytest.raises(helm.HelmError, match=reason):
        chart.show(values)


@pytest.mark.parametrize(
    "name", ["aicr-stack", "charts", "templates", "crds", "static", "show", "global"]
)
def test_a_component_named_as_a_part_of_the_chart_is_refused(name: str) -> None:
    with pytest.raises(AicrError, match="part of its own") as caught:
        files("argocd-helm", plan(release(name), settings={"appName": "x"}))
    assert caught.value.where == f"component {name}"


def _package(folder: pathlib.Path) -> bytes:
    """A chart ``op`` 1.2.3 that shows its values, packaged by the real Helm."""
    text = 'kind: Shown\nvalues: {{ omit .Values "global" | toJson }}\n'
    for path, data in {
        "Chart.yaml": "apiVersion: v2\nname: op\nversion: 1.2.3\n",
        "values.yaml": "mine: 1\ndropped: 2\n",
        "templates/a.yaml": text,
    }.items():
        (folder / "op" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "op" / path).write_text(data, "utf-8")
    return pathlib.Path(helm.package(str(folder / "op"), destination=str(folder))).read_bytes()


def _without_packaged_charts(folder: pathlib.Path) -> None:
    """Helm keeps an installed chart in a Secret of one MiB: the packaged ones are not part of it."""
    with tarfile.open(helm.package(str(folder), destination=str(folder.parent))) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert "static/a.yaml" in names
    assert "templates/a.yaml" in names
    assert not [name for name in names if name.startswith("a/")]


@pytest.mark.parametrize("number", [0, 1], ids=["argocd", "argocd-helm"])
def test_bundle_info_says_where_values_lie(number: int) -> None:
    """``aicr bundle check`` finds a component's values by it, also those of a packaged chart."""
    deployer = list(aicr_deployers())[number]
    archive = Artifact(path="charts/op-1.2.3.tgz", data=b"tgz")
    items = (
        release("a", chart="team/op", archive=archive, values={"x": 1}),
        release("b", values={"x": 2}),
    )
    made = files(deployer.name, plan(*items))
    found = bundle_info.document(plan(*items), b"{}\n", deployer)["layout"]["releases"]
    for entry, item in zip(found, items, strict=True):
        values = document(made, entry["values"])
        key = entry.get("valuesKey")
        assert (values[key] if key else values) == item.values
        assert entry["manifest"] in made
        assert entry.get("vendored", entry["manifest"]) in made


@pytest.mark.parametrize("deployer", ["argocd", "argocd-helm"])
def test_a_packaged_chart_gets_its_values(deployer: str, tmp_path: pathlib.Path) -> None:
    archive = Artifact(path="charts/op-1.2.3.tgz", data=_package(tmp_path))
    item = release(
        "a", chart="op", version="v1.2.3", archive=archive, values={"x": {"y": "no"}, "mine": 5}
    )
    made = files(deployer, plan(item))
    values: Any = None
    if deployer == "argocd-helm":
        application = Chart(made, tmp_path / "chart").roll_out({"a": {"x": {"z": 1}}})["a"]
        source = application["spec"]["source"]
        assert (source["repoURL"], source["path"]) == (REPO, "a")
        values = _values(application)
        _without_packaged_charts(tmp_path / "chart")
    folder = tmp_path / "component"
    put(made, folder)
    with helm.Chart.load(str(folder / "a")) as wrapper:
        rendered = wrapper.render(values or {}, name="a", namespace="a-ns")
    (text,) = [text for text in rendered.values() if "Shown" in text]
    shown = json.loads(text.partition("values: ")[2])
    more = {"z": 1} if deployer == "argocd-helm" else {}
    assert shown == {"mine": 5, "dropped": 2, "x": {"y": "no", **more}}


def test_chart_and_schema_satisfy_helm_s_own_lint(tmp_path: pathlib.Path) -> None:
    made = files("argocd-helm", plan(release("a", manifests=(manifest(),))))
    chart = document(made, "Chart.yaml")
    assert (chart["name"], chart["version"], chart["appVersion"]) == ("aicr-stack", "0.1.0", "v9")
    assert chart["annotations"]["aicr.run/generated-by"] == "0.1.0"
    Chart(made, tmp_path)
    report = helm.lint(str(tmp_path), strict=True)
    # 1 is a word of information (no icon); 2 a warning, 3 an error.
    assert not [item for item in report["messages"] if item["severity"] > 1], report
    assert not report["errors"]
