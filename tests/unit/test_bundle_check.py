"""`aicr bundle check` from the command line: exit statuses, formats, stages that did not run, and bundles that are none."""

from __future__ import annotations

import json
import pathlib
import xml.etree.ElementTree as ET
from typing import Any

import pytest
import sarif
from bundle_lab import release, snapshot, write_bundle
from registry import registry

from aicr_core.cli.root import run
from aicr_core.engine import bundle_cluster
from aicr_core.kit.emit import to_yaml

LATEST = (
    "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: w}\nspec:\n  template:\n    spec:\n"
    "      nodeSelector: {pool: none}\n      containers:\n      - {name: c, image: x}\n"
)


@pytest.fixture
def bundle(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A bundle with an error (with the snapshot), a warning, and a chart that is not at hand; the working directory."""
    monkeypatch.chdir(tmp_path)
    write_bundle(
        tmp_path / "bundle",
        [release("a"), release("b", chart="engine")],
        {"a/manifests/w.yaml": LATEST},
        {
            "kind": "RecipeResult",
            "constraints": [{"name": "K8s.server.version", "value": ">= 1.32.4"}],
        },
    )
    nodes = [{"name": "n1", "labels": {"pool": "cpu"}}]
    (tmp_path / "nodes.yaml").write_text(to_yaml(snapshot(nodes)))
    return tmp_path / "bundle"


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = run(["bundle", "check", "bundle", "--offline", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_text(bundle: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = check(capsys, "--snapshot", "nodes.yaml")
    assert status == 2
    assert out.splitlines() == [
        "a",
        "  error    AB301  a/manifests/w.yaml:7: DaemonSet w selects no node of the snapshot: pool=none",
        "                  label the nodes so, or select by a label that they have",
        "  warning  AB411  a/manifests/w.yaml:9: the image x of DaemonSet w has neither tag nor digest",
        "                  give it the tag of a release, or better a digest",
        "",
        "Stage A (the bundle as it lies there) ran.",
        "Stage B (charts rendered) did not run:",
        *out.splitlines()[8:10],
        "Kubernetes 1.33.1, of the snapshot.",
        "1 node of the snapshot.",
        "",
        "FAILED: 1 error, 1 warning, 0 notes in 2 components, 1 object",
    ]
    assert out.splitlines()[8].startswith("  b: the chart engine 1.0.0 is not in ")
    assert err.count("\n") <= 2
    assert "1 finding of severity error or worse" in err


def test_severity_ignore_require_and_versions(
    bundle: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(capsys)[0] == 0
    assert check(capsys, "--severity", "warning")[0] == 2
    status, out, _ = check(capsys, "--severity", "warning", "--ignore", "AB411")
    assert status == 0
    assert "PASSED: 0 errors, 0 warnings, 0 notes, 1 ignored in" in out
    assert "Kubernetes 1.32.4, the lowest that the recipe allows." in out
    status, out, _ = check(capsys, "--require", "B")
    assert status == 2
    assert "AB005  stage B is required and did not run" in out
    assert check(capsys, "--require", "A")[0] == 0
    assert "Kubernetes 1.29, as asked." in check(capsys, "--kubernetes-version", "v1.29")[1]
    assert "--stage A leaves it out" in check(capsys, "--stage", "A")[1]
    assert check(capsys, "--stage", "A", "--require", "B")[0] == 2


def test_json(bundle: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = check(capsys, "-s", "nodes.yaml", "-t", "json")
    found = json.loads(out)
    assert status == 2
    assert found["summary"] == {
        "error": 1, "warning": 1, "note": 0, "components": 2, "objects": 1, "ignored": 0, "failing": 1,
    }  # fmt: skip
    assert [stage["status"] for stage in found["stages"]] == ["ran", "not run"]
    assert found["stages"][1]["reasons"]
    assert found["findings"][0] == {
        "rule": "AB301", "severity": "error", "component": "a", "path": "a/manifests/w.yaml", "line": 7,
        "message": "DaemonSet w selects no node of the snapshot: pool=none",
        "hint": "label the nodes so, or select by a label that they have",
    }  # fmt: skip


def test_sarif(bundle: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(capsys, "-s", "nodes.yaml", "-t", "sarif", "-o", "out.sarif")[:2] == (2, "")
    (found,) = sarif.valid(pathlib.Path("out.sarif").read_text("utf-8"))["runs"]
    rules = [rule["id"] for rule in found["tool"]["driver"]["rules"]]
    first = found["results"][0]
    assert (first["ruleId"], first["level"], rules[first["ruleIndex"]]) == (
        "AB301",
        "error",
        "AB301",
    )
    place = first["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "bundle/a/manifests/w.yaml"},
        "region": {"startLine": 7},
    }
    notes = found["invocations"][0]["toolExecutionNotifications"]
    assert "stage B" in notes[0]["message"]["text"]
    assert check(capsys, "-t", "sarif")[1].count("no nodes are known") == 1


def test_junit(bundle: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = check(capsys, "-s", "nodes.yaml", "-t", "junit")
    root = ET.fromstring(out)
    assert root.attrib == {
        "name": "aicr bundle check",
        "tests": "6",
        "failures": "1",
        "errors": "0",
        "skipped": "2",
    }
    assert root[0][0].tag == "properties"
    names = [suite.get("name") for suite in root]
    assert names == ["stages", "bundle", "a", "b"]
    stage = root[0][2]
    assert stage.get("name") == "stage B"
    assert (stage[0].tag, "engine 1.0.0" in str(stage[0].get("message"))) == ("skipped", True)
    assert "no nodes are known" in check(capsys, "-t", "junit")[1]
    failure, skipped = (case[0] for case in root[2])
    assert (failure.tag, failure.get("type")) == ("failure", "AB301")
    assert skipped.tag == "skipped"


def test_the_same_bytes_every_time(
    bundle: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for fmt in ("text", "json", "sarif", "junit"):
        assert check(capsys, "-t", fmt) == check(capsys, "-t", fmt)


def test_a_bundle_that_was_changed(
    bundle: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bundle / "a/manifests/w.yaml").write_text(LATEST + "# more\n")
    (bundle / "a/new.txt").write_text("")
    status, out, _ = check(capsys)
    assert status == 2
    assert out.count("AB001") >= 2
    assert "AB411" in out, "what is in it is looked at all the same"
    assert check(capsys, "--ignore", "AB001")[0] == 0


def test_modes_are_no_matter(bundle: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bundle / "a/manifests/w.yaml").chmod(0o600)
    assert check(capsys)[0] == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: [\n", 2), ("a: b\na: c\n", 2), ("{{ nope }}: x: y\n", 1), ("\tx: 1\n", 1), ("a: *nowhere\n", 1)],
)  # fmt: skip
def test_files_that_are_no_yaml(
    bundle: pathlib.Path, capsys: pytest.CaptureFixture[str], text: str, line: int
) -> None:
    (bundle / "a/manifests/x.yaml").write_text(text)
    status, out, _ = check(capsys, "--ignore", "AB001", "-t", "json")
    (found,) = [item for item in json.loads(out)["findings"] if item["rule"] == "AB002"]
    assert (status, found["severity"], found["component"]) == (2, "error", "a")
    assert (found["path"], found["line"]) == ("a/manifests/x.yaml", line)


@pytest.mark.parametrize(
    "text", [b"\xff\xfe\x00", b"[1, 2]\n", b"7\n", b"a: " + b"[" * 500, b"kind: 1\napiVersion: []\n", b""]
)  # fmt: skip
def test_odd_files_are_no_traceback(
    bundle: pathlib.Path, capsys: pytest.CaptureFixture[str], text: bytes
) -> None:
    (bundle / "a/manifests/x.yaml").write_bytes(text)
    status, out, err = check(capsys, "--ignore", "AB001")
    assert status in (0, 2)
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    "document",
    ["metadata: []", "metadata: {name: [x], labels: 7, annotations: [a]}", "spec: 7", "spec: {template: 7}",
     "spec: {template: {spec: {containers: {a: b}, nodeSelector: [x], tolerations: {}, volumes: 7}}}",
     "spec: {template: {spec: {containers: [{image: 7, securityContext: [], ports: 7}], affinity: 7}}}",
     "spec: {replicas: x, names: 7, versions: 7, volumeClaimTemplates: [7, {spec: 7}]}"],
)  # fmt: skip
def test_odd_objects_are_no_traceback(
    bundle: pathlib.Path, capsys: pytest.CaptureFixture[str], document: str
) -> None:
    kinds = (
        "DaemonSet",
        "StatefulSet",
        "Namespace",
        "CustomResourceDefinition",
        "Secret",
        "CronJob",
    )
    texts = [f"apiVersion: apps/v1\nkind: {kind}\n{document}\n" for kind in kinds]
    texts += [f"apiVersion: v1\nkind: {kind}\n{document}\n" for kind in kinds]
    texts.append(
        f"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n{document}\n"
    )
    (bundle / "a/manifests/x.yaml").write_text("---\n".join(texts))
    _, out, err = check(capsys, "--ignore", "AB001", "-s", "nodes.yaml")
    assert "AB004" not in out, out
    assert "Traceback" not in err


def test_what_is_no_bundle(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert check(capsys)[0] == 3
    (tmp_path / "bundle").mkdir()
    status, _, err = check(capsys)
    assert (status, "this is no bundle" in err) == (2, True)
    (tmp_path / "bundle/bundle-info.yaml").write_text("kind: Other\n")
    assert check(capsys)[0] == 2
    (tmp_path / "bundle").rename(tmp_path / "other")
    (tmp_path / "bundle").write_text("a file")
    assert check(capsys)[0] == 2


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--ignore", "AB999"], 2), (["--stage", "C"], 2), (["--require", "x"], 2), (["--severity", "bad"], 2),
     (["--format", "yaml"], 2), (["--kubernetes-version", "new"], 2), (["--snapshot", "nowhere.yaml"], 3),
     (["--charts", "nowhere"], 3), (["-o", "nowhere/x"], 2), (["-o", "cm://n/x"], 2)],
)  # fmt: skip
def test_bad_requests(
    bundle: pathlib.Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int
) -> None:
    found, out, err = check(capsys, *arguments)
    assert found == status, err
    assert out == ""
    assert "Traceback" not in err


def test_a_bundle_of_the_reference(
    bundle: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has no bundle-info.yaml: the recipe says what is in it."""
    (bundle / "bundle-info.yaml").unlink()
    recipe = {
        "kind": "RecipeResult", "deploymentOrder": ["b", "a"],
        "componentRefs": [
            {"name": "a", "namespace": "n", "type": "Helm", "source": ""},
            {"name": "b", "namespace": "n", "type": "Helm", "source": "https://c.example", "version": "^1"},
        ],
    }  # fmt: skip
    (bundle / "recipe.yaml").write_text(to_yaml(recipe))
    status, out, _ = check(capsys, "--ignore", "AB001", "-t", "json")
    found = json.loads(out)
    assert [(f["rule"], f["component"]) for f in found["findings"]] == [
        ("AB421", "b"),
        ("AB411", "a"),
    ]
    assert status == 2


def test_without_the_packages(
    bundle: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICR_DISABLE_PLUGINS", "bundle-check")
    status, out, err = check(capsys)
    assert (status, out) == (3, "")
    assert "aicr-bundle-check" in err
    monkeypatch.setenv("AICR_DISABLE_PLUGINS", "charts")
    status, out, err = check(capsys)
    assert (status, "Stage B (charts rendered) did not run:" in out) == (0, True)
    assert "no plugin is installed that finds and renders charts" in out
    assert check(capsys, "--require", "B")[0] == 2


def test_a_published_bundle(bundle: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bundle of a registry is looked at in memory; here one that `aicr bundle` pushed."""
    recipe = {
        "kind": "RecipeResult", "apiVersion": "aicr.nvidia.com/v1alpha1", "metadata": {"version": "1"},
        "componentRefs": [
            {"name": "csi", "namespace": "n", "type": "Helm", "source": "https://c.example", "version": "1.0.0"}
        ],
    }  # fmt: skip
    pathlib.Path("recipe.yaml").write_text(to_yaml(recipe))
    with registry(bundle.parent / "registry") as host:
        uri = f"oci://{host}/stack:v1"
        assert run(["bundle", "-r", "recipe.yaml", "-o", uri, "--plain-http"]) == 0
        capsys.readouterr()
        assert run(["bundle", "check", uri, "--plain-http", "--offline"]) == 0
        assert "PASSED: 0 errors, 0 warnings, 0 notes in 1 component" in capsys.readouterr().out
        assert run(["bundle", "check", f"oci://{host}/nosuch:v1", "--plain-http", "--offline"]) == 3


# --- what is known of the cluster ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [("v1.33.1", "1.33.1"), ("1.33", "1.33"), ("v1.33.1-eks-abc123", "1.33.1"), ("1.33+", "1.33"), ("x", ""), ("", ""),
     ("1.33.1+k3s1", "1.33.1")],
)  # fmt: skip
def test_versions(text: str, found: str) -> None:
    assert bundle_cluster.version(text) == found


def test_nodes_are_turned_around() -> None:
    nodes = [
        {"name": "a", "labels": {"pool": "x", "k.v": "w"}, "taints": [("t", "1", "NoSchedule")]},
        {"name": "b", "labels": {"pool": "y.z"}, "taints": [("t", "1", "NoSchedule"), ("u", "", "NoExecute")]},
    ]  # fmt: skip
    found = bundle_cluster.nodes_of_snapshot(snapshot(nodes))
    assert found is not None
    assert [node["name"] for node in found] == ["a", "b"]
    assert {key: found[0]["labels"].get(key) for key in ("pool", "k.v")} == {
        "pool": "x",
        "k.v": "w",
    }
    assert found[1]["labels"]["pool"] == "y.z"
    assert found[0]["taints"] == [{"key": "t", "value": "1", "effect": "NoSchedule"}]
    assert found[1]["taints"][1] == {"key": "u", "value": "", "effect": "NoExecute"}


def test_a_key_with_several_effects() -> None:
    document: Any = snapshot([{"name": "a"}, {"name": "b"}])
    taints = document["measurements"][1]["subtypes"][1]["data"]
    taints |= {"x.y.NoSchedule": "1|a", "x.y.NoExecute": "|b"}
    found = bundle_cluster.nodes_of_snapshot(document)
    assert found is not None
    assert found[0]["taints"] == [{"key": "x.y", "value": "1", "effect": "NoSchedule"}]
    assert found[1]["taints"] == [{"key": "x.y", "value": "", "effect": "NoExecute"}]


def test_nodes_that_are_not_all_known() -> None:
    document: Any = snapshot([{"name": "a"}, {"name": "b"}])
    labels = document["measurements"][1]["subtypes"][2]["data"]
    labels["many"] = "x|a (+1 more)"
    assert bundle_cluster.nodes_of_snapshot(document) is None
    assert bundle_cluster.nodes_of_snapshot({"measurements": []}) is None
