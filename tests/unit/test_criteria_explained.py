"""From a snapshot to a recipe by the command line: overrides are said, criteria are explained, F3 holds."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pathlib
import sys
from typing import Any

import pytest
from distributions import distribution
from snapshots import snapshot

from aicr_core.app.environment import Environment
from aicr_core.kit import yamlio
from aicr_core.model.settings import Settings

AWS = {
    "K8s.server": {"version": "v1.33.4"},
    "K8s.node": {"provider": "eks"},
    "GPU.smi": {"gpu.model": "NVIDIA H100 80GB HBM3"},
    "OS.release": {"ID": "ubuntu", "VERSION_ID": "24.04"},
    "OS.sysctl": {"/proc/sys/kernel/osrelease": "6.8.0-1028-aws"},
}


def run(arguments: list[str], environment: Environment | None = None) -> tuple[int, str, str]:
    from aicr_core.cli.root import run as run_cli

    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run_cli(arguments, environment)
    out.seek(0)
    return status, out.read(), err.getvalue()


@pytest.fixture
def write(tmp_path: pathlib.Path) -> Any:
    def to_file(subtypes: dict[str, dict[str, Any]]) -> str:
        path = tmp_path / "s.json"
        path.write_text(json.dumps(snapshot(subtypes)))
        return str(path)

    return to_file


def explained(*arguments: str) -> tuple[dict[str, Any], str]:
    status, out, err = run([*arguments, "--explain-criteria", "-t", "json"])
    assert status == 0, err
    return json.loads(out), err


def test_a_recipe_by_snapshot_alone(write: Any) -> None:
    status, out, err = run(["recipe", "-s", write(AWS), "--intent", "training", "-t", "json"])
    assert (status, err) == (0, "")
    criteria = json.loads(out)["criteria"]
    assert criteria["service"] == "eks"
    assert criteria["accelerator"] == "h100"
    assert criteria["os"] == "ubuntu"


def test_each_criterion_with_the_reading_it_came_from(write: Any) -> None:
    document, err = explained("recipe", "-s", write(AWS), "--intent", "training")
    assert err == ""
    used = {row["dimension"]: row for row in document["evidence"] if row["used"]}
    assert used["service"] == {
        "dimension": "service", "value": "eks", "source": "snapshot", "reading": "K8s.node.provider",
        "text": "eks", "used": True, "confidence": 0.95, "matcher": "eks", "plugin": "eks",
    }  # fmt: skip
    assert used["accelerator"]["text"] == "NVIDIA H100 80GB HBM3"
    assert (used["intent"]["source"], used["intent"]["reading"]) == ("flag", "--intent")
    assert document["criteria"]["platform"] == "any"


def test_a_flag_overrides_and_says_so(write: Any) -> None:
    path = write(AWS | {"GPU.hardware": {"model": "a100"}})
    arguments = ["--gpu", "gb200", "--intent", "training"]
    status, _, err = run(["recipe", "-s", path, *arguments])
    assert status == 0
    assert "--accelerator gb200 overrides h100 of the snapshot (GPU.smi.gpu.model)" in err
    assert "a100" not in err, "where a flag decides, readings that differ are nobody's concern"
    document, _ = explained("query", "-s", path, *arguments)
    rows = [row for row in document["evidence"] if row["dimension"] == "accelerator"]
    assert [(row["value"], row["used"], row.get("unused", "")) for row in rows] == [
        ("gb200", True, ""),
        ("h100", False, "--accelerator overrides it"),
        ("a100", False, "less sure"),
    ]


def test_any_takes_a_detected_value_away(write: Any) -> None:
    document, err = explained("recipe", "-s", write(AWS), "--os", "any")
    assert document["criteria"]["os"] == "any"
    assert "--os any overrides ubuntu of the snapshot (OS.release.ID)" in err


def test_the_same_flag_overrides_nothing(write: Any) -> None:
    _, err = explained("recipe", "-s", write(AWS), "--service", "eks")
    assert err == ""


def test_sources_of_the_gpu_that_differ_are_named(write: Any) -> None:
    label = "nvidia.com/gpu.product"
    path = write(AWS | {
        "NodeTopology.label": {label: "NVIDIA-B200|a"},
        "GPU.hardware": {"model": "gb200"},
    })  # fmt: skip
    document, err = explained("recipe", "-s", path)
    assert document["criteria"]["accelerator"] == "h100"
    assert (
        "accelerator is h100 (GPU.smi.gpu.model), though there is also "
        f"b200 (NodeTopology.label.{label}), gb200 (GPU.hardware.model); say which with --accelerator"
    ) in err


def test_nodes_that_differ_leave_the_accelerator_unset(write: Any) -> None:
    label = "nvidia.com/gpu.product"
    path = write({
        "NodeTopology.label": {
            f"{label}.NVIDIA-H100-PCIe": "NVIDIA-H100-PCIe|a",
            f"{label}.NVIDIA-A100-PCIe": "NVIDIA-A100-PCIe|b",
        },
        "K8s.server": {"version": "v1.34.1"},
        "GPU.hardware": {"model": "h100"},
    })  # fmt: skip
    document, err = explained("recipe", "-s", path)
    assert document["criteria"]["accelerator"] == "any"
    assert "left unset: a100" in err
    status, out, err = run(
        ["recipe", "-s", path, "--service", "aks", "--intent", "training", "-t", "json"]
    )
    assert status == 0, err
    assert json.loads(out)["criteria"]["accelerator"] == "any"


def test_a_refusal_names_the_constraints_that_the_snapshot_fails(write: Any) -> None:
    status, _, err = run(
        ["recipe", "-s", write({"K8s.server": {"version": "v1.20.0-aks-1"}}), "--service", "aks"]
    )
    assert status == 2
    assert (
        "service=aks is carried by aks, which the snapshot excludes; aks: K8s.server.version: expected"
        in err
    )


def test_groups_of_a_fleet_that_differ_are_named(write: Any, tmp_path: pathlib.Path) -> None:
    from aicr_core.engine import fleet
    from aicr_core.engine.drift import Rules

    def node(name: str, changes: dict[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
        subtypes = AWS | {"GPU.smi": {"gpu.model": "NVIDIA H100 NVL", "gpu-count": 8}} | changes
        return name, snapshot(subtypes)

    nodes = [
        *(node(f"n{number}", {}) for number in range(3)),
        node("old-1", {"GPU.smi": {"gpu.model": "NVIDIA A100-SXM4-40GB", "gpu-count": 8}}),
        # A node without GPUs: its system is not what the recipe's `os` is about.
        node("cpu-1", {"GPU.smi": {"gpu-count": 0}, "OS.release": {"ID": "rhel"}}),
    ]
    path = tmp_path / "fleet.json"
    path.write_text(json.dumps(fleet.build("run", nodes, [], [], Rules())))
    document, err = explained("recipe", "-s", str(path))
    assert document["criteria"]["accelerator"] == "h100"
    assert err.splitlines() == [
        "warning: accelerator is h100 by most nodes, but a100 on 1 more (old-1); "
        "they need a recipe of their own: --accelerator a100"
    ]
    assert explained("recipe", "-s", str(path), "--gpu", "h100")[1] == ""


def test_a_product_nobody_knows_is_said(write: Any) -> None:
    _, err = explained("recipe", "-s", write(AWS | {"GPU.smi": {"gpu.model": "Tesla T4"}}))
    assert "accelerator t4 (GPU.smi.gpu.model) is no value of the catalogue in use" in err


def test_f3_detected_dimensions_are_relaxed_once_with_a_warning(write: Any) -> None:
    """beyond.md F3 and 2.1: the snapshot's ubuntu gives way; what was stated never does."""
    path = write(AWS)
    status, out, err = run(["recipe", "-s", path, "--service", "kind", "-t", "json"])
    assert status == 0, err
    criteria = json.loads(out)["criteria"]
    assert (criteria["service"], criteria["os"]) == ("kind", "any")
    assert "--service kind overrides eks of the snapshot (K8s.node.provider)" in err
    assert (
        "detected accelerator=h100, os=ubuntu is covered by no overlay that applies: left out"
        in err
    )
    # Stated itself, the same value is refused.
    assert run(["recipe", "-s", path, "--service", "kind", "--os", "ubuntu"])[0] == 2
    # F3's own words: gke has overlays for another system only, so what was stated is not covered.
    status, _, err = run(["recipe", "-s", path, "--service", "gke"])
    assert status == 2
    assert "service=gke" in err


def test_criteria_of_files_and_flags_are_explained_too(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("kind: RecipeCriteria\nspec: {service: EKS, os: ubuntu, nodes: 4}\n")
    document, err = explained("recipe", "-c", str(path), "--os", "rhel", "--nodes", "8")
    assert err == ""
    assert document["criteria"]["nodes"] == 8
    rows = {(row["dimension"], row["used"]): row for row in document["evidence"]}
    assert rows["service", True]["reading"] == f"{path}: spec.service"
    assert (rows["service", True]["value"], rows["service", True]["text"]) == ("eks", "EKS")
    assert rows["os", False]["unused"] == "--os overrides it"
    assert rows["nodes", True]["source"] == "flag"
    assert run(["recipe", "--explain-criteria"])[0] == 2, "no criteria at all"


def test_forms_of_the_explanation(write: Any, tmp_path: pathlib.Path) -> None:
    path = write(
        AWS | {"NodeTopology.label": {"nvidia.com/gpu.product": "NVIDIA-H100|" + "n," * 900}}
    )
    status, table, _ = run(["recipe", "-s", path, "--explain-criteria"])
    assert status == 0
    header, first = table.splitlines()[:2]
    assert header.split() == [
        "DIMENSION",
        "VALUE",
        "SOURCE",
        "READS",
        "CONFIDENCE",
        "MATCHER",
        "USED",
    ]
    assert first.split() == ["service", "eks", "K8s.node.provider", "eks", "0.95", "eks/eks", "yes"]
    assert "platform     any" in table
    assert max(len(line) for line in table.splitlines()) < 220, "a label's nodes are cut"
    target = tmp_path / "e.yaml"
    assert (
        run(["recipe", "-s", path, "--explain-criteria", "-t", "yaml", "-o", str(target)])[0] == 0
    )
    assert yamlio.load(target.read_bytes(), "e")["criteria"]["service"] == "eks"
    assert run(["query", "-s", path, "--explain-criteria"])[1] == table


def test_a_query_still_needs_a_selector(write: Any) -> None:
    status, _, err = run(["query", "-s", write(AWS)])
    assert status == 1
    assert "--selector" in err


def test_hostile_readings_stay_on_their_line(write: Any) -> None:
    key = "nvidia.com/gpu.product.NVIDIA-B200\x1b[31m\nwarning: forged"
    path = write(
        AWS | {"NodeTopology.label": {key: f"{key.removeprefix('nvidia.com/gpu.product.')}|a"}}
    )
    _, out, err = run(["recipe", "-s", path, "--explain-criteria"])
    assert "\x1b" not in out + err
    assert not any(line.startswith("warning: forged") for line in err.splitlines())


def test_a_catalogue_of_ones_own_needs_no_code(write: Any, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "mine" / "overlays"
    folder.mkdir(parents=True)
    (folder.parent / "registry.yaml").write_text("components: []\n")
    (folder / "base.yaml").write_text("kind: RecipeMetadata\nmetadata: {name: base}\nspec: {}\n")
    (folder / "foo.yaml").write_text(
        "kind: RecipeMetadata\nmetadata: {name: foo}\n"
        "spec:\n  criteria: {service: foo, accelerator: mi300x}\n"
    )
    path = write({"K8s.node": {"provider": "foo"}, "GPU.smi": {"gpu.model": "Corp Mi300X OAM"}})
    status, out, err = run([
        "recipe", "-s", path, "--external-only", "--data", str(folder.parent), "-t", "json",
    ])  # fmt: skip
    assert status == 0, err
    assert json.loads(out)["metadata"]["appliedOverlays"] == ["base", "foo"]


def test_matchers_of_an_installed_plugin(
    write: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin's value and matcher come and go together; one that fails is named and left out."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    hooks = """
from aicr_core.api import Detection, Matcher, hookimpl

def good(snapshot):
    return Detection(value="foo", confidence=1, reading="K8s.server.version")

def bad(snapshot):
    return 1 / 0

@hookimpl
def aicr_matchers():
    yield Matcher(name="foo", dimension="service", detect=good)
    yield Matcher(name="foo-bad", dimension="service", detect=bad)
"""
    manifest = 'name = "match-probe"\nhookspec = ">=1.0,<2"\nhooks = ["aicr_matchers"]\n[criteria.service.foo]\n'
    distribution(site, "match-probe", manifest, hooks)
    document, err = explained("recipe", "-s", write(AWS))
    assert document["criteria"]["service"] == "foo"
    assert "plugin match-probe: matcher foo-bad is left out: ZeroDivisionError" in err
    assert "though there is also eks (K8s.node.provider)" in err
    document, err = explained("recipe", "-s", write(AWS), "--no-plugin", "match-probe")
    assert (document["criteria"]["service"], err) == ("eks", "")


def test_without_a_snapshot_no_matcher_is_imported(tmp_path: pathlib.Path) -> None:
    import subprocess

    code = (
        "import sys; from aicr_core.cli.root import run; "
        "status = run(['recipe', '--service', 'eks', '--intent', 'training', '-o', sys.argv[1]]); "
        "names = {'aicr_eks', 'aicr_recipes', 'pluggy', 'aicr_core.engine.schemas', 'aicr_core.model.readings'}; "
        "print(status, sorted(names & set(sys.modules)))"
    )
    argv = [sys.executable, "-c", code, str(tmp_path / "r.yaml")]
    # The first run may build the index, which reads the catalogue and so needs more.
    for _ in range(2):
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0 []", done.stderr


def test_settings_are_respected(write: Any) -> None:
    """A disabled plugin's matcher is not asked."""
    environment = Environment(Settings.from_env({**os.environ, "AICR_DISABLE_PLUGINS": "eks"}))
    status, out, err = run(
        ["recipe", "-s", write(AWS), "--explain-criteria", "-t", "json"], environment
    )
    assert status == 0, err
    assert json.loads(out)["criteria"]["service"] == "any"
