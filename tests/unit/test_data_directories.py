"""What a user's ``--data`` directory may hold, and that nothing in it is dropped without a word."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import pytest

from aicr_core.cli.root import run

OVERLAY = "kind: RecipeMetadata\nmetadata: {name: %s}\nspec:\n  criteria: {intent: training}\n"
MIXIN = "kind: RecipeMixin\nmetadata: {name: %s}\n"
LINE = ["--intent", "training", "--allow-partial", "--format", "json", "--data"]


def write(folder: pathlib.Path, files: dict[str, str], registry: str = "components: []\n") -> str:
    for name, text in {"registry.yaml": registry, **files}.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return str(folder)


def applied(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], str]:
    captured = capsys.readouterr()
    document: dict[str, Any] = json.loads(captured.out)
    return document["metadata"]["appliedOverlays"], captured.err


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"overlays/a.yaml": OVERLAY % "a" + "---\n" + OVERLAY % "b"}, "a.yaml: only its first"),
        ({"overlays/a.yaml": OVERLAY % "a" + "---\n{"}, "a.yaml: only its first"),
        ({"mychecks/a.yaml": OVERLAY % "a"}, "mychecks/a.yaml: not read as an overlay"),
        ({"mycomponents/a.yaml": OVERLAY % "a"}, "mycomponents/a.yaml: not read as an overlay"),
        ({"sub/registry.yaml": "components: []\n"}, "sub/registry.yaml: ignored, only the"),
        ({"overlays/a.json": "{}"}, "a.json: ignored"),
        ({".git/config": "", ".git/objects/x": ""}, "/.git/: ignored"),
    ],
)
def test_what_is_not_used_is_named_once(
    files: dict[str, str], text: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """B10."""
    assert run(["recipe", *LINE, write(tmp_path, files)]) == 0
    names, err = applied(capsys)
    assert err.count(text) == 1
    assert err.count("ignored") <= 1
    assert "b" not in names


def test_an_empty_second_document_is_no_news(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path, {"overlays/a.yaml": "---\n" + OVERLAY % "a" + "---\n"})
    assert run(["recipe", *LINE, folder]) == 0
    assert "document" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"overlays/a.yaml": "kind: RecipeMetadata\nspec: {criteria: {}}\n"}, "has no name"),
        ({"mixins/a.yaml": "kind: RecipeMixin\n"}, "the mixin has no name"),
        ({"overlays/a.yaml": OVERLAY % "base"}, '"base" is the name of the root'),
        (
            {"overlays/base.yaml": OVERLAY % "base", "overlays/x/base.yaml": OVERLAY % "base"},
            "two files are the base overlay",
        ),
        (
            {
                "overlays/base.yaml": "metadata: {name: base}\n"
                "spec: {componentRefs: [{name: a, dependencyRefs: [b]}]}\n"
            },
            '"a" depends on "b"',
        ),
    ],
)
def test_names_and_the_base(
    files: dict[str, str], text: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An overlay without a name would be applied under none; a second base would win by its place."""
    assert run(["recipe", *LINE, write(tmp_path, files)]) == 2
    assert text in capsys.readouterr().err


def test_a_base_in_any_folder_of_overlays_is_the_base(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = "metadata: {name: base}\nspec: {componentRefs: [{name: mine}]}\n"
    folder = write(tmp_path, {"overlays/x/base.yaml": spec})
    assert run(["recipe", "--nodes", "1", "--external-only", "-t", "json", "--data", folder]) == 0
    assert '"mine"' in capsys.readouterr().out


def test_a_replaced_mixin_file_is_gone_with_its_name(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = write(tmp_path / "1", {"mixins/m.yaml": MIXIN % "old"})
    uses = OVERLAY % "a" + "  mixins: [old]\n"
    second = write(tmp_path / "2", {"mixins/m.yaml": MIXIN % "new", "overlays/a.yaml": uses})
    assert run(["recipe", *LINE, first, "--data", second]) == 2
    assert 'no mixin "old"' in capsys.readouterr().err


@pytest.mark.parametrize("name", [b"overlays/\xff.yaml", b"\xff.txt"])
def test_a_name_that_is_not_utf8(
    name: bytes, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path, {"overlays/a.yaml": OVERLAY % "a"})
    pathlib.Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("x")
    assert run(["recipe", *LINE, folder]) == 2
    assert "\\udcff" in capsys.readouterr().err


def test_folders_without_end(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path, {})
    deep = pathlib.Path(folder, *["d"] * 300)
    deep.mkdir(parents=True)
    assert run(["recipe", *LINE, folder]) == 2
    assert "nested deeper" in capsys.readouterr().err


def test_lenient_warns_of_unknown_keys(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """B11: strict by default, with an escape that still says what it leaves out."""
    text = OVERLAY % "a" + "  colour: red\n"
    folder = write(tmp_path, {"overlays/a.yaml": text}, "components: [{name: x, size: 1}]\n")
    assert run(["recipe", *LINE, folder]) == 2
    capsys.readouterr()
    assert run(["recipe", *LINE, folder, "--lenient"]) == 0
    names, err = applied(capsys)
    assert "a" in names
    assert 'a.yaml:5:3: unknown key "colour" in spec is ignored' in err
    assert "registry.yaml:1:24" in err
    criteria = tmp_path / "c.yaml"
    criteria.write_text("spec: {intent: training, gpu: h100}\n")
    line = ["recipe", "--criteria", str(criteria), "--allow-partial"]
    assert run(line) == 2
    assert run([*line, "--lenient"]) == 0


def test_values_that_only_data_declares(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spec 22.4: a catalogue may bring values; strict mode takes those of plugins alone."""
    text = "metadata: {name: a}\nspec: {criteria: {service: ' Foo-Cloud'}}\n"
    line = ["--service", "FOO-cloud", "--data", write(tmp_path, {"overlays/a.yaml": text})]
    assert run(["recipe", *line]) == 0
    assert run(["recipe", *line, "--criteria-strict"]) == 2
    assert run(["recipe", "list", *line]) == 0
    assert run(["recipe", "list", *line, "--criteria-strict"]) == 2
    monkeypatch.setenv("AICR_CRITERIA_STRICT", "on")
    capsys.readouterr()
    assert run(["query", "--selector", "kind", *line]) == 2
    assert 'unknown service "FOO-cloud"' in capsys.readouterr().err


def test_list_grades_leaves(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    leaf = (
        "metadata: {name: %s}\nspec:\n  criteria: {platform: %s}\n  constraints: [%s]\n"
        "  componentRefs: [{name: x, type: Helm, source: 'https://x'%s}]\n"
        "  validation: {conformance: {checks: [a, b]}}\n"
    )
    files = {
        "overlays/good.yaml": leaf % ("good", "p1", "", ", version: v1"),
        "overlays/bad.yaml": leaf % ("bad", "p2", "{name: K8s.version, value: x}", ""),
        "overlays/worse.yaml": leaf % ("worse", "p3", "", ", dependencyRefs: [y]"),
    }
    line = ["recipe", "list", "--data", write(tmp_path, files)]
    assert run([*line, "--format", "json"]) == 0
    captured = capsys.readouterr()
    rows = {row["name"]: row for row in json.loads(captured.out)}
    assert "health" not in rows["eks"]
    good, bad, worse = (rows[name]["health"] for name in ("good", "bad", "worse"))
    assert good["status"] == "pass"
    assert good["coverage"]["conformance"] == {
        "declared": True,
        "checks": ["a", "b"],
        "constraints": 0,
    }
    assert bad["dimensions"] == {
        "resolves": "pass",
        "chart_pinned": "fail",
        "constraints_wellformed": "fail",
    }
    assert worse["dimensions"]["resolves"] == "fail"
    assert 'worse: [INVALID_REQUEST] component "x" depends on "y"' in captured.err
    assert run(line) == 0
    assert "R:0 D:0 P:0 C:2" in capsys.readouterr().out
    assert run([*line, "--no-health"]) == 0
    assert "STATUS" not in capsys.readouterr().out


def test_our_own_leaves_are_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipe", "list", "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    found = [row["health"]["status"] for row in json.loads(captured.out) if row["is_leaf"]]
    assert len(found) > 10
    assert set(found) == {"pass"}
