"""The real helmfile takes every bundle: in the right order, with the very values, charts and flags."""

from __future__ import annotations

import pathlib
from typing import Any

import attrs
import pytest
from aicr_helmfile.deployer import deploy
from helmfile_lab import Log, Tools, call
from plans import CONFIG, TRICKY, leaf_plan, leaves, made, manifests, plan, put, release

from aicr_core.api import Artifact, BundlePlan, load_all, parts


def synced(of: BundlePlan, folder: pathlib.Path, helmfile: Tools) -> Log:
    bundle = put(made(deploy, of), folder / "bundle")
    done, log = call(helmfile, bundle, "sync")
    assert done.returncode == 0, done.stderr
    return log


def holds(of: BundlePlan, log: Log) -> None:
    """Each release is begun once, after what it needs has ended."""
    place = {line: number for number, line in enumerate(log.order)}
    found = parts(of)
    assert len(log.order) == len(place) == 2 * len(found)
    for part in found:
        for need in part.needs:
            assert place[f"end {need}"] < place[f"start {part.name}"]


@pytest.mark.parametrize(
    ("name", "serial"),
    [("h100-eks-ubuntu-training-kubeflow", True), *((name, False) for name in sorted(leaves()))],
)
def test_a_shipped_recipe(name: str, serial: bool, tmp_path: pathlib.Path, helmfile: Tools) -> None:
    of = leaf_plan(name, "helmfile", tmp_path, serial=serial)
    log = synced(of, tmp_path, helmfile)
    holds(of, log)
    if serial:
        assert [line for line in log.order if line.startswith("start")] == [
            f"start {part.name}" for part in parts(of)
        ]
    for item in of.releases:
        if item.kind == "helm":
            words = log.args(item.name)
            assert words[words.index("--namespace") + 1] == item.namespace
            assert words[words.index("--timeout") + 1] == ("600s" if item.wait else "1200s")
            assert ("--wait" in words) == item.wait
            (values,) = log.values(item.name)
            assert (load_all(values, "x")[0] or {}) == item.values
            if not item.repository.startswith("oci://"):
                assert words[words.index("--version") + 1] == item.version


def test_values_stay_what_they_are(tmp_path: pathlib.Path, helmfile: Tools) -> None:
    of = plan(release("a", values={**TRICKY, "null": None}, dynamic={"open": "{{ y }}"}))
    base, given = synced(of, tmp_path, helmfile).values("a")
    assert load_all(base, "x") == [{**TRICKY, "null": None}]
    assert load_all(given, "x") == [{"open": "{{ y }}"}]


def test_manifests_are_rendered_as_they_were(tmp_path: pathlib.Path, helmfile: Tools) -> None:
    text = CONFIG + b"data: {rule: 'on {{ $labels.node }} }}', n: \"no\"}\n"
    of = plan(release("a", kind="manifests", manifests=manifests(c_yaml=text)))
    bundle = put(made(deploy, of), tmp_path / "bundle")
    done, _ = call(helmfile, bundle, "template", real_helm=True)
    assert done.returncode == 0, done.stderr
    assert load_all(done.stdout[done.stdout.index("---") :], "x")[0] == load_all(text, "x")[0]


def test_a_chart_that_is_brought_along(tmp_path: pathlib.Path, helmfile: Tools) -> None:
    archive = Artifact(path="charts/a-1.2.3.tgz", data=b"any")
    log = synced(plan(release("a", archive=archive, values={"v": 1})), tmp_path, helmfile)
    assert log.args("a")[3] == "a/charts/a-1.2.3.tgz"
    assert load_all(log.values("a")[0], "x") == [{"v": 1}]
    assert (tmp_path / "bundle/a/charts/a-1.2.3.tgz").read_bytes() == b"any"


def test_a_kustomize_component(tmp_path: pathlib.Path, helmfile: Tools) -> None:
    k = release(
        "k",
        kind="kustomize",
        repository="https://github.com/e/k",
        path="base",
        tag="v1",
        version="",
    )
    late = attrs.evolve(k, manifests=manifests(c_yaml=CONFIG))
    of = plan(late, release("b", "k"))
    log = synced(of, tmp_path, helmfile)
    holds(of, log)
    asked = (tmp_path / "log/kustomize").read_text()
    assert "edit set namespace k-ns" in asked
    assert "/bundle/k\n" in asked, "helmfile builds what our folder names"


def test_a_component_with_its_own_namespace(tmp_path: pathlib.Path, helmfile: Tools) -> None:
    own = b"apiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n"
    a = release("a", namespace="ns", manifests=manifests(n_yaml=own), pre_manifests=("manifests/n.yaml",))  # fmt: skip
    log = synced(plan(a), tmp_path, helmfile)
    words = log.args("a-pre")
    assert words[words.index("--namespace") + 1] == "default"
    assert log.order == ["start a-pre", "end a-pre", "start a", "end a"]


def test_what_is_removed_goes_in_reverse(tmp_path: pathlib.Path, helmfile: Tools) -> None:
    of = plan(release("a", manifests=manifests(c_yaml=CONFIG)), release("b", "a"))
    bundle = put(made(deploy, of), tmp_path / "bundle")
    done, log = call(helmfile, bundle, "destroy")
    assert done.returncode == 0, done.stderr
    assert log.order == ["gone b", "gone a-post", "gone a"]


def test_helmfile_has_no_needs_across_files(tmp_path: pathlib.Path, helmfile: Tools) -> None:
    """Why levels hold what they hold: once this fails, needs may name every release."""
    bundle = put(made(deploy, plan(release("a"), release("b", "a"))), tmp_path / "bundle")
    path = bundle / "level-1.yaml"
    path.write_text(path.read_text() + "    needs: [a-ns/a]\n")
    done, _ = call(helmfile, bundle, "sync")
    assert done.returncode != 0
    assert "undefined release" in done.stderr


def test_a_field_that_helmfile_has_not_is_seen(tmp_path: pathlib.Path, helmfile: Tools) -> None:
    bundle = put(made(deploy, plan(release("a"))), tmp_path / "bundle")
    path: Any = bundle / "level-0.yaml"
    path.write_text(path.read_text() + "    nedes: []\n")
    done, _ = call(helmfile, bundle, "list", "--skip-charts")
    assert done.returncode != 0
    assert "nedes" in done.stderr
