"""What an Application of each kind of component looks like, and what Argo CD cannot be given."""

from __future__ import annotations

from typing import Any

import pytest
from argocd_lab import CONFIG, applications, document, files, manifest, plan, release

from aicr_core.api import AicrError, Artifact, Code, load_all

REPO = "https://git.example.com/r.git"
MAIN = {"repoURL": REPO, "targetRevision": "main"}


def _one(*releases: Any, **fields: Any) -> dict[str, Any]:
    return applications(files("argocd", plan(*releases, **fields)))


def test_a_chart_takes_its_values_from_the_repository() -> None:
    found = _one(release("a"))["a"]["spec"]
    assert found["sources"] == [
        {
            "repoURL": "https://charts.example.com",
            "chart": "a",
            "targetRevision": "1.2.3",
            "helm": {"valueFiles": ["$values/a/values.yaml"]},
        },
        {**MAIN, "ref": "values"},
    ]
    assert found["syncPolicy"] == {
        "automated": {"prune": True, "selfHeal": True},
        "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"],
    }


def test_without_repo_the_placeholder_stands_everywhere() -> None:
    made = files("argocd", plan(release("a", manifests=(manifest(),)), repo=""))
    text = b"".join(made.values()).decode()
    assert text.count("https://github.com/YOUR-ORG/YOUR-REPO.git") >= 4
    assert "{{" not in text


def test_manifests_of_a_chart_come_in_applications_of_their_own() -> None:
    held = (manifest("a.yaml"), manifest("b.yaml"), manifest("sub/c.json", b'{"kind": "X"}'))
    item = release("a", manifests=held, pre_manifests=("manifests/b.yaml",))
    found = _one(item)
    assert list(found) == ["a-pre", "a", "a-post"]
    place = {**MAIN, "path": "a/manifests"}
    pre, post = found["a-pre"]["spec"], found["a-post"]["spec"]
    assert pre["source"] == {**place, "directory": {"recurse": True, "include": "b.yaml"}}
    assert post["source"] == {**place, "directory": {"recurse": True, "exclude": "b.yaml"}}
    for spec in (pre, post):
        assert "SkipDryRunOnMissingResource=true" in spec["syncPolicy"]["syncOptions"]
        assert spec["syncPolicy"]["retry"]["limit"] == 10
        assert spec["destination"]["namespace"] == "a-ns"


def test_manifests_of_a_kustomize_component_too() -> None:
    item = release(
        "k", kind="kustomize", repository="https://example.com/r", path="deploy", tag="v1",
        manifests=(manifest(),),
    )  # fmt: skip
    made = files("argocd", plan(item))
    found = applications(made)
    source = found["k"]["spec"]["source"]
    assert source == {"repoURL": "https://example.com/r", "path": "deploy", "targetRevision": "v1"}
    assert found["k-post"]["spec"]["source"]["path"] == "k/manifests"
    assert "k/values.yaml" not in made


def test_a_component_of_manifests_alone_is_one_folder() -> None:
    item = release(
        "m", kind="manifests", manifests=(manifest(),), pre_manifests=("manifests/c.yaml",)
    )
    found = _one(item)
    assert list(found) == ["m"]
    assert found["m"]["spec"]["source"] == {
        **MAIN,
        "path": "m/manifests",
        "directory": {"recurse": True},
    }


def test_a_component_that_installs_nothing_has_no_application() -> None:
    made = files("argocd", plan(release("nothing", kind="manifests"), release("a")))
    assert list(applications(made)) == ["a"]
    assert b"it installs nothing" in made["README.md"]


def test_annotations_of_helm_hooks_do_not_reach_argocd() -> None:
    """Argo CD would take them for hooks of its own, and delete what they are on."""
    text = b"""# why
kind: A
metadata:
  name: a
  annotations:
    helm.sh/hook: post-install
    helm.sh/hook-delete-policy: hook-succeeded
---
kind: B
metadata:
  annotations: {helm.sh/hook: pre-install, helm.sh/resource-policy: keep, other: "{{ no }}"}
data: {a: "no", b: "1e3", c: "x\\ny\\n"}
---
kind: List
items:
  - {kind: A, metadata: {name: a, annotations: {helm.sh/hook: post-install}}}
"""
    made = files("argocd", plan(release("a", manifests=(manifest(data=text), manifest("d.yaml")))))
    first, second, listed = load_all(made["a/manifests/c.yaml"], "c.yaml")
    assert listed["items"] == [first]
    assert first == {"kind": "A", "metadata": {"name": "a"}}
    assert second["metadata"]["annotations"] == {
        "helm.sh/resource-policy": "keep",
        "other": "{{ no }}",
    }
    assert second["data"] == {"a": "no", "b": "1e3", "c": "x\ny\n"}
    assert made["a/manifests/d.yaml"] == CONFIG, "what has no hook keeps its bytes"


def test_a_file_called_application_is_none_of_the_applications() -> None:
    """Neither a manifest, nor a file of ``--data``, which is copied into the bundle."""
    held = release("a", manifests=(manifest(),))
    odd = release("a", manifests=(manifest("application.yaml"),))
    for of, include in (
        (plan(held, data=("registry.yaml", "x/my-application.yaml")), "*/application.yaml"),
        (plan(odd), "{a,a-post}/application.yaml"),
        (plan(held, data=("application.yaml",)), "{a,a-post}/application.yaml"),
        (plan(release("b"), data=("components/{x}/application.yaml",)), "b/application.yaml"),
    ):
        parent = document(files("argocd", of), "app-of-apps.yaml")
        assert parent["spec"]["source"]["directory"] == {"recurse": True, "include": include}


@pytest.mark.parametrize("text", [b'{"kind":"A"}\n---\n{"kind":"B"}\n', b"[]"])
def test_a_json_file_of_several_objects_is_refused(text: bytes) -> None:
    with pytest.raises(AicrError, match="one object of a JSON file") as caught:
        files("argocd", plan(release("a", manifests=(manifest("c.json", text),))))
    assert caught.value.where == "component a"


def test_a_manifest_that_is_no_yaml_is_named() -> None:
    with pytest.raises(AicrError, match="not valid YAML") as caught:
        files("argocd", plan(release("a", manifests=(manifest(data=b"a: ["),))))
    assert caught.value.where == "component a: c.yaml:1:5"


def test_what_only_mentions_hooks_keeps_its_bytes() -> None:
    text = b"# helm.sh/hook: see there\nkind: X\ndata: {a: helm.sh/hook}\n---\n- no object\n"
    made = files("argocd", plan(release("a", manifests=(manifest(data=text),))))
    assert made["a/manifests/c.yaml"] == text


NO_NAMESPACE = b"kind: ClusterRole\nmetadata: {name: r}\n"


def test_the_namespace_of_manifests_is_the_one_they_agree_on() -> None:
    both = CONFIG + b"---\n" + NO_NAMESPACE
    item = release("m", kind="manifests", namespace="", manifests=(manifest(data=both),))
    assert _one(item)["m"]["spec"]["destination"]["namespace"] == "n"


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (NO_NAMESPACE, "nothing names one"),
        (CONFIG + b"---\n" + CONFIG.replace(b": n\n", b": other\n"), "several (n, other)"),
        (b"kind: List\nmetadata: null\n", "nothing names one"),
    ],
)
def test_no_namespace_is_refused(held: bytes, reason: str) -> None:
    item = release("m", kind="manifests", namespace="", manifests=(manifest(data=held),))
    with pytest.raises(AicrError) as caught:
        files("argocd", plan(item))
    assert reason in caught.value.message
    assert (caught.value.code, caught.value.where) == (Code.INVALID_REQUEST, "component m")


def test_a_name_that_the_manifests_need_is_refused() -> None:
    for suffix in ("post", "pre"):
        held = release(
            "a", manifests=(manifest(),), pre_manifests=("manifests/c.yaml",) * (suffix == "pre")
        )
        with pytest.raises(AicrError, match=f"called a-{suffix}, and so is a component"):
            files("argocd", plan(held, release(f"a-{suffix}", kind="manifests")))
    assert len(_one(release("a"), release("a-post"))) == 2


def test_a_long_name_is_refused() -> None:
    assert _one(release("a" * 53))
    for name, settings in (("a" * 54, {}), ("a" * 49, {"namePrefix": "team-"})):
        with pytest.raises(AicrError, match="of 53 allowed"):
            files("argocd", plan(release(name), settings=settings))
    with pytest.raises(AicrError, match="of 53 allowed"):
        files("argocd", plan(release("a" * 50, manifests=(manifest(),))))


def test_the_parent_has_a_name_of_its_own() -> None:
    with pytest.raises(AicrError, match="both called nvidia-stack"):
        files("argocd", plan(release("nvidia-stack")))
    with pytest.raises(AicrError, match="both called x-a"):
        files("argocd", plan(release("a"), settings={"namePrefix": "x-", "appName": "x-a"}))


def test_a_chart_of_a_registry() -> None:
    item = release("k", repository="oci://ghcr.io/nvidia/k", version="v0.13.0")
    legacy = _one(item, settings={"ociCharts": "legacy"})["k"]["spec"]["sources"][0]
    plain = _one(item)["k"]["spec"]["sources"][0]
    assert (legacy["repoURL"], legacy["targetRevision"]) == ("oci://ghcr.io/nvidia/k", "0.13.0")
    assert (plain["repoURL"], plain["targetRevision"]) == ("ghcr.io/nvidia/k", "v0.13.0")


def test_a_published_bundle_is_its_own_source() -> None:
    """``$values`` works with Git alone, so values stand in the Applications."""
    items = (
        release("a", values={"z": {"b": 2, "a": 1}, "x": {"y": [1, "no"]}}),
        release("n", values={"x": None}),
        release("o", repository="oci://reg/p", manifests=(manifest(),)),
    )
    made = files(
        "argocd", plan(*items, repo="", destination="oci://reg.example:5000/team/stack:v1")
    )
    found = applications(made)
    own = {"repoURL": "oci://reg.example:5000/team/stack", "targetRevision": "v1"}
    source = found["a"]["spec"]["source"]
    assert source["helm"] == {"valuesObject": {"x": {"y": [1, "no"]}, "z": {"a": 1, "b": 2}}}
    assert list(source["helm"]["valuesObject"]["z"]) == ["a", "b"]
    # An object of the API may lose a null, which tells Helm to drop a default.
    assert found["n"]["spec"]["source"]["helm"] == {"values": "x: null\n"}
    assert found["o"]["spec"]["source"] == {
        "repoURL": "reg/p",
        "chart": "o",
        "targetRevision": "v1.2.3",
    }
    assert found["o-post"]["spec"]["source"] == {
        **own, "path": "o/manifests", "directory": {"recurse": True},
    }  # fmt: skip
    assert document(made, "app-of-apps.yaml")["spec"]["source"]["repoURL"] == own["repoURL"]
    assert not [data for data in made.values() if b"$values" in data or b"YOUR-ORG" in data]


def test_a_bundle_published_elsewhere_is_refused() -> None:
    with pytest.raises(AicrError, match="not s3://"):
        files("argocd", plan(release("a"), destination="s3://bucket/x"))


def test_a_packaged_chart_is_wrapped_in_the_component_s_folder() -> None:
    archive = Artifact(path="charts/op-1.2.3.tgz", data=b"tgz")
    item = release("a", chart="team/op", version="v1.2.3", archive=archive, values={"x": 1})
    made = files("argocd", plan(item))
    source = applications(made)["a"]["spec"]["source"]
    assert source == {**MAIN, "path": "a", "helm": {"valueFiles": ["values.yaml"]}}
    assert made["a/charts/op-1.2.3.tgz"] == b"tgz"
    assert document(made, "a/values.yaml") == {"op": {"x": 1}}
    chart = document(made, "a/Chart.yaml")
    assert (chart["name"], chart["version"], chart["appVersion"]) == ("a", "0.1.0", "v1.2.3")
    assert chart["annotations"] == {
        "aicr.run/component-version": "v1.2.3",
        "aicr.run/generated-by": "0.1.0",
    }


def test_settings_reach_every_application() -> None:
    settings = {
        "appName": "gpu", "namePrefix": "eu-", "destinationServer": "https://k.example:6443",
        "project": "gpu.team", "cascadeDelete": "true", "namespace": "openshift-gitops",
        "targetRevision": "release/1",
    }  # fmt: skip
    made = files("argocd", plan(release("a", manifests=(manifest(),)), settings=settings))
    parent = document(made, "app-of-apps.yaml")
    found = applications(made)
    assert list(found) == ["eu-a", "eu-a-post"]
    assert parent["metadata"]["name"] == "gpu"
    for item in (parent, *found.values()):
        assert item["metadata"]["namespace"] == "openshift-gitops"
        assert item["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
        assert item["spec"]["project"] == "gpu.team"
    assert parent["spec"]["destination"] == {
        "server": "https://kubernetes.default.svc",
        "namespace": "openshift-gitops",
    }
    assert {item["spec"]["destination"]["server"] for item in found.values()} == {
        "https://k.example:6443"
    }
    sources = found["eu-a"]["spec"]["sources"]
    assert sources[0]["helm"]["releaseName"] == "a", (
        "what a chart makes is called as without a prefix"
    )
    assert sources[1]["targetRevision"] == "release/1"


def test_several_early_manifests_are_one_pattern() -> None:
    held = tuple(manifest(name) for name in ("a.yaml", "b.yaml", "c.yaml"))
    item = release("a", manifests=held, pre_manifests=("manifests/c.yaml", "manifests/a.yaml"))
    found = _one(item)
    assert found["a-pre"]["spec"]["source"]["directory"]["include"] == "{a.yaml,c.yaml}"
    assert found["a-post"]["spec"]["source"]["directory"]["exclude"] == "{a.yaml,c.yaml}"
