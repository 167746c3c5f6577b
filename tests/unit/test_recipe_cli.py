"""The command line of ``recipe``, ``recipe list`` and ``query``: flags, their order of checks, hostile values."""

from __future__ import annotations

import json
import pathlib

import pytest

from aicr_core.cli.root import run

PARTIAL = ["--service", "eks", "--allow-partial", "--format", "json"]


@pytest.mark.parametrize(
    ("text", "number"),
    [("0x10", 16), ("010", 8), ("0_7", 7), ("0o17", 15), ("0b11", 3), ("+3", 3), ("1_000", 1000)],
)
def test_nodes_take_every_form_of_an_integer(
    text: str, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", *PARTIAL, "--nodes", text]) == 0
    assert json.loads(capsys.readouterr().out)["criteria"]["nodes"] == number


@pytest.mark.parametrize(
    "text", ["o7", "_7", "7_", "1__0", "08", "1e3", "1.5", " 4", "4\n", "", "9" * 5000, str(2**63)]
)
def test_nodes_refuse_everything_else(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipe", *PARTIAL, "--nodes", text]) == 1
    err = capsys.readouterr().err
    assert err.startswith("usage error:")
    assert len(err) < 400


def test_every_nodes_is_checked_and_the_last_one_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["recipe", *PARTIAL, "--nodes", "x", "--nodes", "3"]) == 1
    capsys.readouterr()
    assert run(["recipe", *PARTIAL, "--nodes", "2", "--nodes", "3"]) == 0
    assert json.loads(capsys.readouterr().out)["criteria"]["nodes"] == 3


@pytest.mark.parametrize("command", [["recipe"], ["query", "-selector", ""]])
def test_one_dash_is_as_good_as_two(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
) -> None:  # fmt: skip
    """-os must not be read as -o s: that would write a file named "s"."""
    monkeypatch.chdir(tmp_path)
    line = [*command, "-service", "eks", "-os=ubuntu", "-format", "json", "-allow-partial"]
    assert run(line) == 0
    assert json.loads(capsys.readouterr().out)["criteria"]["os"] == "ubuntu"
    assert not list(tmp_path.iterdir())


def test_repeated_flags_are_refused_before_the_catalogue_is_read(tmp_path: pathlib.Path) -> None:
    missing = str(tmp_path / "missing")
    twice = ["--format", "json", "--format", "yaml", "--data", missing]
    assert run(["recipe", "--service", "eks", *twice]) == 2
    assert run(["query", "--selector", "", "--service", "eks", *twice]) == 2
    assert run(["recipe", "--service", "eks", "--format", "xml", "--data", missing]) == 3


def test_options_before_list_are_not_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipe", "--service", "eks", "list"]) == 1
    assert "--service has to stand after list" in capsys.readouterr().err


def test_an_empty_data_flag_is_none_for_list_too() -> None:
    assert run(["recipe", "list", "--data", ""]) == 0


def test_a_list_position_of_any_length(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["query", *PARTIAL, "--selector"]
    for digits in ("7777", "9" * 18, "9" * 5000):
        assert run([*line, f"constraints[{digits}]"]) == 3
        assert capsys.readouterr().err.startswith("[NOT_FOUND]")


def test_a_reading_of_any_length_is_no_defect(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python refuses to parse 5,000 digits; that is the snapshot's fault, not ours."""
    file = tmp_path / "s.yaml"
    data = f"data: {{service: eks, version: '{'9' * 5000}'}}"
    file.write_text(f"measurements: [{{type: K8s, subtypes: [{{subtype: server, {data}}}]}}]\n")
    line = ["recipe", "-s", str(file), "--intent", "training", "--allow-partial"]
    assert run([*line, "-t", "json"]) == 0
    assert "no version" in capsys.readouterr().err


def test_a_table_shows_every_field(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Spec 14: field names without omission, blank texts, <nil> phases, no row for an empty list."""
    (tmp_path / "overlays").mkdir()
    (tmp_path / "registry.yaml").write_text("components: []\n")
    (tmp_path / "overlays/base.yaml").write_text(
        "spec:\n  constraints: [{name: K8s.server.version, value: '>= 1.25'}]\n"
        "  componentRefs:\n    - name: a\n      version: '1.10'\n      dependencyRefs: [b]\n"
        "      overrides: {x: {y: null, osName: [1, 2.0]}}\n    - name: b\n"
        "  validation: {conformance: {checks: [c1]}}\n"
    )
    line = ["recipe", "--nodes", "3", "--external-only", "--data", str(tmp_path), "-t", "table"]
    assert run(line) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["FIELD", "VALUE"]
    assert set(lines[1]) == {"-", " "}
    rows = dict([*line.split(maxsplit=1), ""][:2] for line in lines[2:])
    assert list(rows) == sorted(rows)
    assert rows["APIVersion"] == "aicr.nvidia.com/v1alpha1"
    expected = {
        "Metadata.AppliedOverlays.[0]": "base",
        "Criteria.OS": "any",
        "Criteria.Nodes": "3",
        "Constraints.[0].Severity": "",
        "ComponentRefs.[0].Version": "1.10",
        "ComponentRefs.[0].DependencyRefs.[0]": "b",
        "ComponentRefs.[0].Overrides.x.y": "<nil>",
        "ComponentRefs.[0].Overrides.x.osName.[1]": "2",
        "ComponentRefs.[0].ValuesFile": "",
        "ComponentRefs.[0].Cleanup": "false",
        "ComponentRefs.[0].HealthCheckAsserts": "",
        "DeploymentOrder.[0]": "b",
        "Validation.Readiness": "<nil>",
        "Validation.Conformance.Checks.[0]": "c1",
        "Validation.Conformance.NodeSelection": "<nil>",
        "Validation.Conformance.Timeout": "",
    }
    assert expected.items() <= rows.items()
    assert not [name for name in rows if "ExcludedOverlays" in name or "HealthCheckSkip" in name]


@pytest.mark.parametrize(
    "name", ["full-v0.11.1.yaml", "full-v0.11.1.json", "full-v0.17.yaml", "full-v0.17.json"]
)
def test_snapshots_of_both_generations_are_read(
    name: str, shared: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of later versions carry a fingerprint of their own, which is not ours to refuse."""
    file = str(shared / "data/snapshots/golden" / name)
    assert run(["recipe", "-s", file, "--allow-partial", "-t", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["criteria"]["service"] == "eks"
