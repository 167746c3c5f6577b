"""``aicr snapshot --local`` from end to end: plugins as installed, the real command line, every sink and demand."""

from __future__ import annotations

import json
import os
import pathlib
import sys
from typing import Any

import pytest
from distributions import distribution
from emulated_cluster import FakeCluster

from aicr_core.cli.root import run
from aicr_core.kit import yamlio
from aicr_core.kit.frames import read_frames

HOOKS = """
from aicr_core.api import Collector, Measurement, Subtype, hookimpl

def gpu(ctx):
    return Measurement(type="GPU", subtypes=(Subtype(name="smi", data={"gpu-count": 2, "driver": "570"}),))

def os_(ctx):
    return Measurement(type="OS", subtypes=(
        Subtype(name="grub", data={"token": "hunter2", "root_": ctx.options["host_root"]}),
        Subtype(name="kmod", data=None, status="skipped", reason="there is no /proc/modules"),
    ))

def cluster(ctx):
    return Measurement(type="K8s", subtypes=(Subtype(name="node", data={"source-node": ctx.options["node"]}),))

@hookimpl
def aicr_collectors():
    yield Collector(name="gpu", produces="GPU", call=gpu)
    yield Collector(name="os", produces="OS", call=os_)
    yield Collector(name="cluster", produces="K8s", call=cluster, where="cluster")
"""
MANIFEST = 'name = "snapprobe"\nhookspec = ">=1.0,<2"\nhooks = ["aicr_collectors"]\n'


@pytest.fixture(autouse=True)
def snapprobe(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("AICR_INDEX_DIR", str(tmp_path / "index"))
    monkeypatch.setenv("AICR_PLUGINS", "snapprobe,recipes,kube")
    monkeypatch.setenv("NODE_NAME", "n1")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    for module in ("aicr_snapprobe", "aicr_snapprobe.hooks"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    distribution(folder, "snapprobe", MANIFEST, HOOKS)


def snapshot(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    only = (
        ()
        if "--collector" in arguments or "--only" in arguments
        else ("--collector", "gpu", "--collector", "os")
    )
    status = run(["snapshot", "--local", *only, *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = snapshot(capsys)
    document: Any = yamlio.load(out, "out")
    assert status == 0
    assert list(document) == ["kind", "apiVersion", "metadata", "measurements", "collection"]
    assert document["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    assert document["metadata"]["source-node"] == "n1"
    assert document["metadata"]["redaction"] == "standard/1"
    assert [item["type"] for item in document["measurements"]] == ["OS", "GPU"]
    assert document["measurements"][0]["subtypes"][0]["data"]["token"].startswith("<redacted:")
    assert "hunter2" not in out + err
    assert [(entry["subtype"], entry["status"]) for entry in document["collection"]] == [
        ("GPU.smi", "ok"), ("OS.grub", "ok"), ("OS.kmod", "skipped"),
    ]  # fmt: skip
    assert "warning: OS.kmod: skipped: there is no /proc/modules" in err


def test_formats_and_redaction(capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path) -> None:
    _, out, _ = snapshot(capsys, "-t", "json", "--redact", "none", "--host-root", str(tmp_path))
    document = json.loads(out)
    assert document["measurements"][0]["subtypes"][0]["data"] == {
        "root_": str(tmp_path),
        "token": "hunter2",
    }
    _, out, _ = snapshot(capsys, "-t", "table")
    assert "Measurements.[1].Subtypes.[0].Data.gpu-count.V" in out
    assert "Header.Metadata.source-node" in out
    _, out, _ = snapshot(capsys, "--redact", "minimal", "-t", "json")
    assert [item["type"] for item in json.loads(out)["measurements"]] == ["GPU"]


def test_files_are_written_whole_or_not_at_all(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> None:
    target = tmp_path / "out.json"
    target.write_text("old")
    status, out, err = snapshot(capsys, "-o", str(target), "-t", "json")
    assert (status, out) == (0, "")
    assert json.loads(target.read_text())["kind"] == "Snapshot"
    assert f"snapshot written to {target}" in err
    target.write_text("old")
    assert snapshot(capsys, "-o", str(target), "--template", "/none.j2")[0] == 3
    assert snapshot(capsys, "-o", str(target), "-t", "xml")[0] == 2
    assert target.read_text() == "old"
    status, _, err = snapshot(capsys, "-o", str(tmp_path / "no/dir.yaml"))
    assert status == 2
    assert "is not there" in err
    assert snapshot(capsys, "-o", str(tmp_path))[0] == 2
    assert snapshot(capsys, "-o", "https://example.org/x")[0] == 2


def test_templates(capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path) -> None:
    template = tmp_path / "t.j2"
    template.write_text(
        "{{ measurements.GPU.smi.driver }} on {{ snapshot.metadata['source-node'] }}\n"
    )
    assert snapshot(capsys, "--template", str(template))[:2] == (0, "570 on n1\n")
    assert snapshot(capsys, "--template", str(template), "-t", "json")[0] == 2
    assert snapshot(capsys, "--template", str(tmp_path))[0] == 2
    template.write_text("{{ .Kind }}")
    assert snapshot(capsys, "--template", str(template))[0] == 2
    template.write_text("{{ measurements.Nothing.x }}")
    assert snapshot(capsys, "--template", str(template))[:2] == (8, "")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--require", "GPU,OS.grub"], 0),
        (["--require", "OS.kmod"], 8),
        (["--require", "OS.grub", "--redact", "minimal"], 0),
        (["--require", "OS.kmod", "--redact", "minimal"], 8),
        (["--require-gpu"], 0),
        (["--require-gpu", "--collector", "os"], 3),
        (["--strict"], 8),
        (["--strict", "--collector", "gpu"], 0),
    ],
)
def test_demands_fail_after_writing(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path, arguments: list[str], status: int
) -> None:
    target = tmp_path / "out.yaml"
    assert snapshot(capsys, "-o", str(target), *arguments)[0] == status
    assert target.exists()


def test_frames_for_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = snapshot(capsys, "--framed", "-t", "json")
    data, others = read_frames(out.splitlines())
    assert (status, others) == (0, [])
    assert data is not None
    assert json.loads(data)["kind"] == "Snapshot"


def test_parts_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = snapshot(capsys, "--only", "cluster", "--collector", "cluster", "-t", "json")
    assert json.loads(out)["measurements"] == [
        {"type": "K8s", "subtypes": [{"subtype": "node", "data": {"source-node": "n1"}}]}
    ]
    status, _, err = snapshot(capsys, "--collector", "gpus")
    assert status == 3
    assert 'did you mean "gpu"?' in err
    assert snapshot(capsys, "--only", "moon")[0] == 2
    assert snapshot(capsys, "--systemd-unit", "")[0] == 2
    assert snapshot(capsys, "--host-root", "/none/such")[0] == 2


def test_the_environment_of_an_agent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICR_AGENT_MODE", "true")
    assert run(["snapshot", "--collector", "gpu"]) == 0
    assert capsys.readouterr().out.startswith("kind: Snapshot\n")


def test_a_configmap_round_trip(
    capsys: pytest.CaptureFixture[str],
    tmp_path: pathlib.Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with FakeCluster() as cluster:
        kubeconfig = cluster.kubeconfig(tmp_path / "kubeconfig")
        status, out, _ = snapshot(capsys, "-o", "cm://default/snap", "-k", kubeconfig)
        assert (status, out) == (0, "")
        found = cluster.get("configmaps", "default", "snap")
        assert found["metadata"]["annotations"]["aicr.run/source-node"] == "n1"
        assert found["metadata"]["annotations"]["aicr.run/redaction"] == "standard/1"
        assert (
            run(
                [
                    "diff",
                    "-b",
                    "cm://default/snap",
                    "--target",
                    "cm://default/snap",
                    "-k",
                    kubeconfig,
                    "-t",
                    "table",
                ]
            )
            == 0
        )
        assert capsys.readouterr().out == "NO CHANGES\n"
        status, _, err = snapshot(capsys, "-o", "cm://none/snap", "-k", kubeconfig)
        assert status == 3
        kept = pathlib.Path(err.rpartition("the result was kept in ")[2].strip())
        assert kept.read_text().startswith("kind: Snapshot\n")
        assert kept.is_relative_to(tmp_path_factory.getbasetemp())
        assert snapshot(capsys, "-o", "cm://bad", "-k", kubeconfig)[0] == 2


def test_without_an_agent_plugin_the_way_out_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICR_PLUGINS", "snapprobe,recipes")
    assert run(["snapshot"]) == 3
    err = capsys.readouterr().err
    assert "it comes with aicr-kube, whose plugin kube is disabled" in err
    assert "--local" in err


def test_no_collector_at_all(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICR_PLUGINS", "recipes")
    assert run(["snapshot", "--local"]) == 3
    assert "it comes with aicr-host, whose plugin host is disabled" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="hosts are Linux")
def test_this_host_really(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AICR_PLUGINS", "host,recipes")
    assert run(["snapshot", "--local", "-t", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {"OS", "GPU", "SystemD"} <= {item["type"] for item in document["measurements"]}
    assert {entry["status"] for entry in document["collection"]} <= {
        "ok",
        "empty",
        "skipped",
        "degraded",
        "forbidden",
    }


def test_a_group_without_a_command_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fleet"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "usage error: no command given\nhint: see `aicr fleet --help`\n"


@pytest.mark.parametrize(
    ("plugins", "words", "told"),
    [
        ("snapprobe,recipes", [], "it comes with aicr-kube"),
        ("snapprobe,recipes,kube", ["--agent", "kubernets"], 'did you mean "kubernetes"?'),
        ("snapprobe,recipes", ["--local", "-o", "cm://a/b"], "it comes with aicr-kube"),
        ("snapprobe,recipes,kube", ["--local", "-o", "cmm://a/b"], 'did you mean "cm"?'),
    ],
)
def test_no_catalogue_is_opened_to_say_what_is_not_installed(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    plugins: str,
    words: list[str],
    told: str,
) -> None:
    from aicr_core.app.environment import Environment

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("the catalogue was opened")

    monkeypatch.setenv("AICR_PLUGINS", plugins)
    monkeypatch.setattr(Environment, "catalogue", opened)
    assert run(["snapshot", *words]) == 3
    assert told in capsys.readouterr().err
