"""Plugins of every state, made as real distributions on ``sys.path``: none of them harms another."""

from __future__ import annotations

import json
import os
import pathlib

import pytest
from distributions import distribution, environment
from distributions import row as state

HOOKS = """
from aicr_core.api import Bundler, hookimpl

@hookimpl
def aicr_bundlers():
    yield Bundler(component="{name}", call=lambda *a: None)
"""


@pytest.fixture
def site(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("AICR_INDEX_DIR", str(tmp_path / "index"))
    return folder


def test_active_and_data_only(site: pathlib.Path) -> None:
    distribution(site, "acme")
    assert state("acme")["state"] == "active"


@pytest.mark.parametrize(
    ("manifest", "expected", "text"),
    [
        ('name = "acme"\nhookspec = ">=9"\n', "incompatible", ">=9"),
        ('name = "other"\n', "broken", "other"),
        ('name = "acme"\nhoks = []\n', "broken", 'did you mean "hooks"'),
        ('name = "acme"\nhooks = "x"\n', "broken", "list of texts"),
        ("name = \n", "broken", "manifest"),
        ('name = "acme"\nhookspec = "what"\n', "broken", "version range"),
        ('name = "acme"\ndata = "../.."\n', "broken", "inside the package"),
        ('name = "acme"\n[criteria.colour.red]\n', "broken", "colour"),
        (None, "undeclared", "aicr-plugin.toml"),
    ],
)
def test_bad_manifests_give_a_state_and_a_reason(
    manifest: str | None, expected: str, text: str, site: pathlib.Path
) -> None:
    distribution(site, "acme", manifest)
    row = state("acme")
    assert row["state"] == expected
    assert text in row["reason"] or expected == "broken"
    assert row["reason"]


def test_a_second_distribution_of_one_name_is_shadowed(site: pathlib.Path) -> None:
    distribution(site, "acme", 'name = "acme"\n', dist="aaa")
    distribution(site, "acme", 'name = "acme"\n', dist="bbb")
    rows = [row for row in environment().index.rows if row["name"] == "acme"]
    assert [(row["distribution"], row["state"]) for row in rows] == [
        ("aicr-aaa", "active"),
        ("aicr-bbb", "shadowed"),
    ]


def test_disabled_by_environment_policy_and_selection(site: pathlib.Path) -> None:
    distribution(site, "acme")
    assert state("acme", AICR_DISABLE_PLUGINS="acme")["state"] == "disabled"
    assert state("acme", AICR_PLUGINS="recipes")["state"] == "disabled"
    config = pathlib.Path(os.environ["XDG_CONFIG_HOME"]) / "aicr"
    config.mkdir(parents=True, exist_ok=True)
    policy = config / "plugins.toml"
    policy.write_text('deny = ["acme"]\n')
    try:
        assert state("acme")["state"] == "blocked"
    finally:
        policy.unlink()


def test_a_broken_plugin_never_stops_the_others(site: pathlib.Path) -> None:
    declared = 'name = "{}"\nhooks = ["aicr_bundlers"]\n'
    distribution(site, "bad-import", declared.format("bad-import"), "import nothing_of_that_name")
    wrong = "from aicr_core.api import hookimpl\n@hookimpl\ndef aicr_bundlers(nonsense): ...\n"
    distribution(site, "bad-hook", declared.format("bad-hook"), wrong)
    raising = "from aicr_core.api import hookimpl\n@hookimpl\ndef aicr_bundlers():\n    raise SystemError('x')\n"
    distribution(site, "bad-call", declared.format("bad-call"), raising)
    distribution(site, "good", declared.format("good"), HOOKS.format(name="good"))
    manager = environment().manager
    assert list(manager.named("aicr_bundlers", "component")) == ["good"]
    assert {(p.plugin, p.hook) for p in manager.problems} == {
        ("bad-import", "import"),
        ("bad-hook", "import"),
        ("bad-call", "aicr_bundlers"),
    }


def test_two_plugins_with_one_provider_name_are_both_named(site: pathlib.Path) -> None:
    from aicr_core.kit.errors import AicrError

    declared = 'name = "{}"\nhooks = ["aicr_bundlers"]\n'
    for name in ("one", "two"):
        distribution(site, name, declared.format(name), HOOKS.format(name="same"))
    with pytest.raises(AicrError, match=r"one \(aicr-one\) and two \(aicr-two\)"):
        environment().manager.named("aicr_bundlers", "component")


def test_two_plugins_with_one_catalogue_file_are_both_named(site: pathlib.Path) -> None:
    from aicr_core.kit.errors import AicrError

    text = "kind: RecipeMetadata\nmetadata:\n  name: same\nspec:\n  criteria: {}\n"
    for name in ("one", "two"):
        root = distribution(site, name, f'name = "{name}"\ndata = "data"\n')
        (root / "data/overlays").mkdir(parents=True)
        (root / f"data/overlays/{name}.yaml").write_text(text)
    with pytest.raises(AicrError, match="aicr-one and aicr-two"):
        environment().catalogue()
    # What does not need the catalogue still works.
    assert environment().index.row("one") is not None


def test_hot_commands_import_no_plugin(site: pathlib.Path) -> None:
    manifest = 'name = "acme"\nhooks = ["aicr_deployers"]\n'
    distribution(site, "acme", manifest, "raise SystemExit('imported')")
    from aicr_core.cli.root import run

    assert run(["recipe", "--intent", "training", "--allow-partial", "-o", os.devnull]) == 0


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        ("hooks = []", "plugin acme lists it: `aicr plugins doctor` says"),
        ('hooks = ["aicr_deployers"]\nhookspec = ">=9"', "plugin acme lists it, is incompatible: "),
    ],
)
def test_who_lists_a_thing_and_does_not_bring_it_is_named(
    manifest: str, says: str, site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provides = '[[provides]]\nkind = "deployer"\nname = "paper"\n'
    distribution(site, "acme", f'name = "acme"\n{manifest}\n{provides}', "")
    from aicr_core.cli.root import run

    recipe = site.parent / "recipe.yaml"
    assert run(["recipe", "--intent", "training", "--allow-partial", "-o", str(recipe)]) == 0
    assert run(["bundle", "-r", str(recipe), "-o", str(site.parent / "b"), "-d", "paper"]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["empty", "magic", "payload", "mode", "directory"])
def test_a_damaged_index_is_rebuilt(
    damage: str, site: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    first = environment().catalogue().fingerprint
    (path,) = (tmp_path / "index").glob("index-*.bin")
    data = bytearray(path.read_bytes())
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "magic":
        path.write_bytes(b"XXXX" + data[4:])
    elif damage == "payload":
        data[100] ^= 0xFF
        path.write_bytes(bytes(data))
    elif damage == "mode":
        path.chmod(0o666)
    else:
        path.unlink()
        path.mkdir()
    assert environment().catalogue().fingerprint == first


def test_an_index_that_cannot_be_stored_costs_nothing_else(site: pathlib.Path) -> None:
    assert environment(AICR_INDEX_DIR="/proc/nowhere").catalogue().names()
    assert environment(AICR_INDEX="off").catalogue().names()


def test_an_edit_of_editable_data_is_seen_at_once(
    tmp_path: pathlib.Path, site: pathlib.Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    root = distribution(source, "acme", 'name = "acme"\ndata = "data"\n')
    (root / "data/overlays").mkdir(parents=True)
    info = next(source.glob("*.dist-info"))
    info.rename(site / info.name)
    import sys

    sys.path.append(str(source))
    try:
        assert "mine" not in environment().catalogue().names()
        text = "kind: RecipeMetadata\nmetadata:\n  name: mine\nspec:\n  criteria: {}\n"
        (root / "data/overlays/mine.yaml").write_text(text)
        assert "mine" in environment().catalogue().names()
    finally:
        sys.path.remove(str(source))


def test_the_doctor_follows_import_strings(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from aicr_core.cli.root import run

    source = """
from aicr_core.api import Bundler, hookimpl
@hookimpl
def aicr_bundlers():
    yield Bundler(component="a", call="json:loads")
    yield Bundler(component="b", call="json:laods")
"""
    distribution(site, "acme", 'name = "acme"\nhooks = ["aicr_bundlers"]\n', source)
    assert run(["plugins", "doctor", "--format", "json"]) == 2
    verdicts = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert '"json:laods", which is not there' in verdicts["acme"]["problem"]
    assert "json:loads" not in verdicts["acme"]["problem"]
    assert [name for name, row in verdicts.items() if not row["ok"]] == ["acme"]


def test_commands_list_info_doctor_and_switch(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from aicr_core.cli.root import run

    distribution(site, "acme", 'name = "acme"\nhooks = ["aicr_bundlers"]\n', "import nothing_here")
    assert run(["plugins", "list", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"acme", "helm", "recipes"} <= {row["name"] for row in rows}
    assert run(["plugins", "info", "acmee"]) == 3
    assert 'did you mean "acme"' in capsys.readouterr().err
    assert run(["plugins", "doctor", "--format", "json"]) == 2
    verdicts = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert not verdicts["acme"]["ok"]
    assert "nothing_here" in verdicts["acme"]["problem"]
    assert verdicts["helm"]["ok"]
    try:
        assert run(["plugins", "disable", "acme"]) == 0
        assert state("acme")["state"] == "disabled"
    finally:
        assert run(["plugins", "enable", "acme"]) == 0
    assert state("acme")["state"] == "active"
    assert run(["plugins", "list", "--format", "xml"]) == 2


def test_what_an_unused_plugin_brings_is_not_called_absent(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`pip install` would not help somebody who has switched the plugin off."""
    from aicr_core.cli.root import run

    distribution(site, "acme", 'name = "acme"\nhookspec = ">=9"\n[criteria.service.acme]\n')
    assert run(["recipe", "--service", "acme"]) == 2
    err = capsys.readouterr().err
    assert (
        "aicr-acme, whose plugin acme is incompatible (it is written for hookspec >=9; this core has 1.0)"
        in err
    )
    assert run(["--no-plugin", "kind", "recipe", "--service", "kind"]) == 2
    err = capsys.readouterr().err
    assert "plugin kind is disabled" in err
    assert "pip install" not in err


def test_a_hook_that_changes_the_recipe_changes_nothing(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from aicr_core.cli.root import run

    hooks = (
        "from aicr_core.api import hookimpl\n@hookimpl\ndef aicr_recipe_built(recipe):\n"
        "    recipe['componentRefs'][0]['version'] = 'poisoned'\n    recipe.clear()\n"
    )
    line = ["recipe", "--service", "kind", "--format", "json"]
    assert run(line) == 0
    before = capsys.readouterr().out
    distribution(site, "acme", 'name = "acme"\nhooks = ["aicr_recipe_built"]\n', hooks)
    shared = environment()
    for _ in range(2):
        assert run(line, shared) == 0
        assert capsys.readouterr().out == before


@pytest.mark.parametrize("name", ["Acme", "ac me", "external:1", "../acme"])
def test_a_plugin_needs_a_plain_name(name: str, site: pathlib.Path) -> None:
    """Names stand in lists, policies and layers: "external:1" would pass for a user's directory."""
    distribution(site, name, f'name = "{name}"\n', dist="acme")
    row = state(name)
    assert (row["state"], row["distribution"]) == ("broken", "aicr-acme")
    assert "lower-case" in row["reason"]
