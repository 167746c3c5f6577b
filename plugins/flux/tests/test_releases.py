"""What a HelmRelease says: chart, version, namespace, waiting, values; and that values arrive as they were."""

from __future__ import annotations

import copy
import pathlib
from typing import Any

import pytest
from aicr_flux.values import part_nulls
from flux_lab import bundle, check, merge, settings
from hypothesis import given
from hypothesis import settings as tuning
from hypothesis import strategies as st
from plans import CONFIG, TRICKY, manifests, plan, release

from aicr_core.api import AicrError, Artifact, load_all

REPO = "https://git.example.com/bundle.git"


def one(*releases: Any, repo: str = REPO, **given: str) -> Any:
    return bundle(plan(*releases, repo=repo, settings=settings(**given)))


def spec(found: Any, name: str) -> Any:
    return found.releases[name]["spec"]


def test_a_chart_of_a_repository() -> None:
    found = one(release("a", namespace="ns"))
    assert spec(found, "a") == {
        "interval": "10m",
        "timeout": "10m",
        "releaseName": "a",
        "targetNamespace": "ns",
        "chart": {
            "spec": {
                "chart": "a",
                "version": "1.2.3",
                "interval": "5m",
                "sourceRef": {"kind": "HelmRepository", "name": "charts-example-com"},
            }
        },
        "install": {"createNamespace": True, "remediation": {"retries": 3}},
        "upgrade": {"crds": "CreateReplace", "remediation": {"retries": 3}},
    }
    assert found.releases["a"]["metadata"] == {"name": "a", "namespace": "flux-system"}
    assert not found.of_kind("GitRepository"), (
        "nothing is taken from the bundle, so nothing has to know where it is"
    )


def test_a_chart_of_a_registry_keeps_its_tag() -> None:
    found = one(release("a", repository="oci://ghcr.io/e/charts"))
    assert spec(found, "a")["chart"]["spec"]["version"] == "v1.2.3"
    assert found.of_kind("HelmRepository")["ghcr-io-e-charts"]["spec"] == {
        "type": "oci",
        "url": "oci://ghcr.io/e/charts",
    }


def test_a_release_that_is_not_waited_for() -> None:
    found = spec(one(release("a", wait=False)), "a")
    assert found["install"]["disableWait"] is True
    assert found["upgrade"]["disableWait"] is True


def test_a_chart_that_holds_its_own_namespace_creates_it() -> None:
    own = b"apiVersion: v1\nkind: Namespace\nmetadata: {name: ns, labels: {a: b}}\n"
    early = release("a", namespace="ns", manifests=manifests(n_yaml=own), pre_manifests=("manifests/n.yaml",))  # fmt: skip
    found = one(early)
    assert spec(found, "a-pre")["install"]["createNamespace"] is False
    assert spec(found, "a")["install"]["createNamespace"] is True


def test_manifests_without_a_namespace_go_where_kubectl_puts_them() -> None:
    found = one(release("a", kind="manifests", namespace="", manifests=manifests(c_yaml=CONFIG)))
    assert spec(found, "a")["targetNamespace"] == "default"


def test_values_stay_what_they_are() -> None:
    found = one(release("a", values=TRICKY))
    assert found.values("a") == TRICKY
    assert spec(found, "a")["values"] == TRICKY
    assert not found.of_kind("ConfigMap")


def test_nulls_are_not_left_to_the_api_server() -> None:
    values = {
        "a": {"b": None, "c": 1},
        "d": None,
        "e": [1, {"f": None}],
        "g": {},
        "h": {"i": {"j": None}},
    }
    found = one(release("a", values=values))
    assert spec(found, "a")["values"] == {"a": {"c": 1}, "g": {}}
    assert found.values("a") == values
    (reference,) = spec(found, "a")["valuesFrom"]
    assert reference == {
        "kind": "ConfigMap",
        "name": "a-values",
        "valuesKey": "removed-values.yaml",
    }


def test_values_that_are_left_open_come_from_a_config_map() -> None:
    values, open_values = {"a": {"b": 1}, "n": None}, {"a": {"token": ""}}
    found = one(release("a", values=values, dynamic=open_values))
    (config,) = found.of_kind("ConfigMap").values()
    assert load_all(config["data"]["cluster-values.yaml"], "x") == [open_values]
    assert "a/configmap-values.yaml" in found.objects["kustomization.yaml"]["resources"]
    assert found.values("a") == {"a": {"b": 1, "token": ""}, "n": None}
    changed = copy.deepcopy(found)
    changed.of_kind("ConfigMap")["a-values"]["data"]["cluster-values.yaml"] = "a: {token: secret}\n"
    assert changed.values("a")["a"] == {"b": 1, "token": "secret"}


def test_nothing_can_be_left_open_where_there_is_no_chart() -> None:
    with pytest.raises(AicrError, match="no chart") as caught:
        one(release("a", kind="manifests", manifests=manifests(c_yaml=CONFIG), dynamic={"a": ""}))
    assert caught.value.where == "component a"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8)
    | st.sampled_from(list(TRICKY)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@tuning(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=5), json_values, max_size=4))
def test_any_values_arrive(values: dict[str, Any]) -> None:
    plain, nulls = part_nulls(values)
    assert merge(nulls, plain) == merge(plain, nulls) == values
    assert "None" not in repr(plain).replace("'None'", "")
    assert one(release("a", values=values)).values("a") == values


def test_a_chart_that_is_brought_along_is_wrapped(tmp_path: pathlib.Path) -> None:
    helm = pytest.importorskip("helm_python")
    (tmp_path / "real/templates").mkdir(parents=True)
    (tmp_path / "real/Chart.yaml").write_text("apiVersion: v2\nname: real\nversion: 1.2.3\n")
    (tmp_path / "real/templates/c.yaml").write_text(
        CONFIG.decode() + "data: {v: {{ .Values.v | quote }}}\n"
    )
    package = pathlib.Path(helm.package(str(tmp_path / "real"), destination=str(tmp_path)))
    archive = Artifact(path="charts/real-1.2.3.tgz", data=package.read_bytes())
    values = {"v": "{{ x }}", "gone": None}
    for where in ({}, {"destination": "oci://r.example.com/b:v1"}):
        of = plan(release("a", chart="real", archive=archive, values=values, dynamic={"o": "p"}), repo=REPO, settings=settings(), **where)  # fmt: skip
        found = bundle(of)
        assert found.files["a/charts/real-1.2.3.tgz"] == archive.data
        assert found.values("a") == {"real": {**values, "o": "p"}}
        assert not found.of_kind("HelmRepository")
        rendered = helm.Chart.load(str(found.chart("a", tmp_path))).render(found.values("a"))
        assert [
            doc["data"]["v"] for text in rendered.values() for doc in load_all(text, "x") if doc
        ] == ["{{ x }}"]


@pytest.mark.parametrize("destination", ["", "oci://r.example.com/b:v1"])
def test_manifests_reach_the_cluster_as_they_are(destination: str, tmp_path: pathlib.Path) -> None:
    helm = pytest.importorskip("helm_python")
    texts = {
        "templated": CONFIG + b"data: {rule: 'on {{ $labels.node }} }}', n: \"no\", e: 1e3}\n",
        "json": b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"j"},"data":{"a":"{}"}}',
    }
    a = release("a", manifests=manifests(t_yaml=texts["templated"], j_json=texts["json"]))
    found = bundle(plan(a, repo=REPO, settings=settings(), destination=destination))
    rendered = helm.Chart.load(str(found.chart("a-post", tmp_path))).render({})
    assert sorted(text.encode() for text in rendered.values()) == sorted(texts.values())


def test_an_object_that_flux_would_refuse_is_seen() -> None:
    found = one(release("a"))
    broken = copy.deepcopy(found.releases["a"])
    broken["spec"]["chart"]["spec"]["sourceRef"]["kind"] = "OCIRepository"
    with pytest.raises(AssertionError, match="OCIRepository"):
        check("a", broken)


def test_the_order_in_which_values_are_set_changes_no_byte() -> None:
    first = release("a", values={"b": 1, "a": {"z": 1, "y": [{"d": 1, "c": None}]}})
    then = release("a", values={"a": {"y": [{"c": None, "d": 1}], "z": 1}, "b": 1})
    assert one(first).files == one(then).files
