"""Packs: what one distribution may bring, in which order, what is refused, and that nothing of it stays."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import pytest
from distributions import distribution, environment, row
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.app.layering import catalogue_inputs, ordered
from aicr_core.cli.root import run
from aicr_core.kit.errors import AicrError

OVERLAY = "kind: RecipeMetadata\nmetadata: {name: %s}\nspec:\n  criteria: {intent: training}\n"
MIXIN = "kind: RecipeMixin\nmetadata: {name: %s}\n"
REGISTRY = """
components:
  - name: %s
    displayName: X
    valueOverrideKeys: [%s]
    helm: {defaultRepository: "https://charts.example", defaultChart: x, defaultVersion: "1.0.0", defaultNamespace: x}
"""
DATA = 'name = "{0}"\nhookspec = ">=1.0,<2"\ndata = "data"\n'
LINE = ["--intent", "training", "--allow-partial", "--format", "json"]


@pytest.fixture
def site(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """An empty folder of installed distributions, on the import path; own cache."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("AICR_INDEX_DIR", str(tmp_path / "index"))
    return folder


def pack(
    site: pathlib.Path, name: str, files: dict[str, str] | None = None, more: str = "",
    version: str = "1.0",
) -> pathlib.Path:  # fmt: skip
    """Install a pack with data files; ``more`` is put before the first table of its manifest."""
    root = distribution(site, name, DATA.format(name) + more)
    (root / "data").mkdir()
    for path, text in (files or {}).items():
        target = root / "data" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    if version != "1.0":
        metadata = next(site.glob(f"{root.name}-*/METADATA"))
        metadata.write_text(metadata.read_text().replace("Version: 1.0", f"Version: {version}"))
    return root


# --- the manifest ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('permissions = ["network"]', 'toml:4: unknown permission "network"'),
        ('permissions = ["cluster-read"]', 'did you mean "cluster.read"?'),
        ('permissions = ["exec:NAME"]', "unknown permission"),
        ('permissions = ["exec:*"]', "unknown permission"),
        ('permissions = ["exec:a b"]', "unknown permission"),
        ('\n\n[[provides]]\nkind = "x"\nname = "y"', "known: agent"),
        (
            '[[provides]]\nkind = "check"\nname = "a"\n[[provides]]\nname = "b"\nkind = "chek"',
            'toml:9: unknown kind "chek" (did you mean "check"?)',
        ),
        ('[[provides]]\nkind = "check"\nname = 1', "toml:6: provides.name must be text"),
        ('[hints.deployr]\na = "b"', 'toml:4: unknown kind "deployr"'),
        ('requires = ["A B"]', 'toml:4: requires: "A B" is no plugin name'),
        ('requires = ["a>=x"]', "is no version range"),
        ('min_python = "three"', 'toml:4: min_python "three" is no version'),
        ('[images]\na = "b"', "images must be a table of lists of images"),
        ("[limits]\nseconds = inf", "toml:5: limits.seconds must be a number above zero"),
        ("[limits]\nsecs = 1", "toml:5: unknown field"),
        ('[criteria.os.Bad]\naliases = ["x"]', "lower-case name"),
        ('[criteria.os.bad]\naliases = [" x"]', "toml:5: criteria.os.bad.aliases"),
        ("[criteria.os.bad]\nwhen = 1979-05-27", 'toml:5: unknown field "criteria.os.bad.when"'),
        ("summary = 1979-05-27", "toml:4: summary must be text"),
        ("x = [", "cannot read the manifest"),
        ("x = " + "[" * 3000, "cannot read the manifest"),
    ],
)
def test_a_manifest_is_refused_with_file_line_and_field(
    more: str, says: str, site: pathlib.Path
) -> None:
    pack(site, "acme", more=more)
    assert row("acme")["state"] == "broken"
    assert says in row("acme")["reason"]
    assert "aicr-plugin.toml" in row("acme")["reason"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "latin", "huge"])
def test_what_is_no_manifest_breaks_that_plugin_alone(kind: str, site: pathlib.Path) -> None:
    path = pack(site, "acme") / "aicr-plugin.toml"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(b"\xff" if kind == "latin" else b"#" * (1 << 21))
    assert row("acme")["state"] == "broken"
    assert environment().catalogue().names()


def test_a_manifest_for_a_later_core_may_use_words_of_its_own(site: pathlib.Path) -> None:
    root = distribution(site, "acme", 'name = "acme"\nhookspec = ">=9"\nnovelty = 1\n')
    assert row("acme")["state"] == "incompatible"
    (root / "aicr-plugin.toml").write_text('name = "acme"\nmin_python = "9.1"\nnovelty = 1\n')
    os.utime(site)
    assert row("acme")["state"] == "incompatible"
    assert "it needs Python 9.1 or later; this is 3." in row("acme")["reason"]


def test_requirements_are_of_plugins_and_their_versions(site: pathlib.Path) -> None:
    pack(site, "base-a", version="1.5rc1")
    pack(site, "fine", more='requires = ["base-a>=1.0,<2", "recipes"]\n')
    pack(site, "newer-wanted", more='requires = ["base-a>=1.5"]\n')
    pack(site, "absent", more='requires = ["base-b"]\n')
    pack(site, "chained", more='requires = ["absent"]\n')
    # A circle holds itself up.
    pack(site, "one", more='requires = ["two"]\n')
    pack(site, "two", more='requires = ["one==1.0"]\n')
    states = {item["name"]: item for item in environment().index.rows}
    assert [states[name]["state"] for name in ("fine", "one", "two")] == ["active"] * 3
    assert states["newer-wanted"]["state"] == "incompatible"
    assert states["newer-wanted"]["reason"] == "it requires base-a>=1.5; aicr-base-a is 1.5rc1"
    assert "base-b, which is not installed; did you mean" in states["absent"]["reason"]
    assert "absent, which is incompatible: it requires" in states["chained"]["reason"]
    assert "one, which is disabled" in row("two", AICR_DISABLE_PLUGINS="one")["reason"]


# --- order and collisions -------------------------------------------------------------------------

ROWS = st.dictionaries(
    st.sampled_from("abcdefg"), st.lists(st.sampled_from("abcdefghz"), max_size=3), max_size=7
)


def rows_of(after: dict[str, list[str]], base: str = "") -> list[dict[str, Any]]:
    empty = {"criteria": {}, "hints": {}, "data": "", "root": "", "version": "", "overrides": []}
    data = [{"kind": "data", "name": "base"}]
    return [
        {"name": name, "distribution": f"aicr-{name}", "after": names, "provides": data if name == base else [],
         **empty}
        for name, names in after.items()
    ]  # fmt: skip


@given(ROWS, st.randoms())
def test_the_order_is_that_of_the_manifests_whatever_order_they_are_found_in(
    after: dict[str, list[str]], random: Any
) -> None:
    rows = rows_of(after)
    try:
        names = [item["name"] for item in ordered(rows)]
    except AicrError as error:
        # Then there is a circle among those that are there: walking back from a member comes to it again.
        members = [part.split(" ")[0] for part in error.message.split(": ")[1].split(" after ")]
        assert members[0] == members[-1]
        for one, other in itertools.pairwise(members):
            assert other in after[one]
        return
    assert sorted(names) == sorted(after)
    for name, wanted in after.items():
        for other in set(wanted) & set(after) - {name}:
            assert names.index(other) < names.index(name)
    random.shuffle(rows)
    assert [item["name"] for item in ordered(rows)] == names


def test_the_base_catalogue_is_first_and_names_decide_the_rest() -> None:
    rows = rows_of({"c": [], "a": ["c"], "z": [], "b": ["nobody"]}, base="z")
    assert [item["name"] for item in ordered(rows)] == ["z", "b", "c", "a"]


def test_a_circle_names_its_members_alone() -> None:
    rows = rows_of({"a": ["b"], "b": ["c"], "c": ["b"], "d": []})
    with pytest.raises(AicrError, match=r"b \(aicr-b\) after c \(aicr-c\) after b \(aicr-b\)$"):
        ordered(rows)


@pytest.mark.parametrize(
    ("one", "two", "says"),
    [
        ({"components/x/values.yaml": "a: 1\n"}, None, 'file "components/x/values.yaml"'),
        ({"overlays/1.yaml": OVERLAY % "same"}, {"overlays/2.yaml": OVERLAY % "same"}, 'overlay "same"'),
        ({"mixins/1.yaml": MIXIN % "same"}, {"mixins/2.yaml": MIXIN % "same"}, 'mixin "same"'),
        ({"registry.yaml": REGISTRY % ("x", "k")}, {"registry.yaml": REGISTRY % ("x", "l")}, 'component "x"'),
        (
            {"registry.yaml": REGISTRY % ("x", "k")}, {"registry.yaml": REGISTRY % ("y", "k")},
            'value override key "k" means x of aicr-one and y of aicr-two',
        ),
        (
            {"registry.yaml": REGISTRY % ("x", "k")}, {"registry.yaml": REGISTRY % ("y", "x")},
            'value override key "x" means x of aicr-one and y of aicr-two',
        ),
        (
            {"overlays/base.yaml": OVERLAY % "base"}, {},
            'file "overlays/base.yaml" comes from aicr-recipes and aicr-one',
        ),
    ],
)  # fmt: skip
def test_what_two_packs_bring_is_an_error_that_names_both(
    one: dict[str, str], two: dict[str, str] | None, says: str, site: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    pack(site, "one", one)
    pack(site, "two", one if two is None else two)
    assert run(["recipe", *LINE]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert "aicr-one" in err
    # What needs no catalogue works, and without one of the two everything does.
    assert run(["plugins", "list"]) == 0
    assert run(["recipe", *LINE, "--no-plugin", "one"]) == 0


@pytest.mark.parametrize(
    ("one", "two", "says"),
    [
        ("[criteria.os.x]\naliases = ['w']", "[criteria.os.y]\naliases = ['w']", 'os "w" means "x" by'),
        ("[criteria.os.x]\naliases = ['y']", "[criteria.os.y]", 'os "y" means "x" by aicr-one and "y" by aicr-two'),
        ("[criteria.os.x]\naliases = ['ubuntu']", "", 'os "ubuntu" means "ubuntu" by aicr-recipes and "x" by aicr-one'),
    ],
)  # fmt: skip
def test_a_word_that_means_two_criteria_values_is_an_error_that_names_both(
    one: str, two: str, says: str, site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(site, "one", more=one)
    pack(site, "two", more=two)
    assert run(["recipe", *LINE]) == 2
    assert says in capsys.readouterr().err


def test_several_packs_may_declare_one_value_and_add_aliases() -> None:
    first, second = rows_of({"a": [], "b": []})
    first["criteria"] = {"os": {"x": {"aliases": ["v"]}}}
    second["criteria"] = {"os": {"x": {"aliases": ["w", "v"]}}}
    _, criteria, _ = catalogue_inputs([second, first])
    assert criteria["os"]["x"] == {"layer": "a", "aliases": ["v", "w"], "external": False}


def test_one_may_win_by_name_and_order(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"components/x/values.yaml": "a: 1\n", "overlays/o.yaml": OVERLAY % "mine"}
    pack(site, "one", files)
    mine = {"components/x/values.yaml": "a: 2\n", "overlays/p.yaml": OVERLAY % "mine"}
    pack(site, "two", mine, 'overrides = ["components/x/values.yaml", "mine", "nothing"]\n')
    catalogue = environment().catalogue()
    assert catalogue.values("components/x/values.yaml") == {"a": 2}
    overlay = catalogue.overlay("mine")
    assert overlay is not None
    assert overlay["layer"] == "two"
    assert run(["plugins", "doctor", "--format", "json"]) == 0
    verdicts = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    said = verdicts["two"]["warnings"]
    assert said == ['`overrides` lists "nothing", which nothing before it brings']


def test_who_overrides_from_an_earlier_layer_is_told_to_say_the_order(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"components/x/values.yaml": "a: 1\n"}
    root = pack(site, "one", files, 'overrides = ["components/x/values.yaml"]\n')
    pack(site, "two", files)
    assert run(["recipe", *LINE]) == 2
    assert 'add "two" to `after` in the manifest of aicr-one' in capsys.readouterr().err
    with (root / "aicr-plugin.toml").open("a") as stream:
        stream.write('after = ["two"]\n')
    os.utime(site)
    assert run(["recipe", *LINE]) == 0


def test_names_that_two_manifests_provide_are_told_by_the_doctor(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(site, "one", more='[[provides]]\nkind = "deployer"\nname = "helm"\n')
    assert run(["plugins", "doctor", "--format", "json"]) == 2
    verdicts = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert 'deployer "helm" is also provided by aicr-helm' in verdicts["one"]["problem"]
    assert 'deployer "helm" is also provided by aicr-one' in verdicts["helm"]["problem"]


EFFECTS = """
import os, socket, subprocess, sys, threading
os.environ["ACME"] = "1"
open("/tmp/../dev/null", "w").close()
with open(os.environ["ACME_FILE"], "w") as stream: stream.write("x")
try: socket.getaddrinfo("127.0.0.1", 1)
except OSError: pass
subprocess.run([sys.executable, "-c", ""])
threading.Thread(target=threading.Event().wait, name="acme-waits", daemon=True).start()
"""


def test_the_doctor_sees_what_an_import_does_beside(
    site: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("ACME_FILE", str(tmp_path / "written"))
    distribution(site, "acme", 'name = "acme"\nhooks = []\n', EFFECTS)
    distribution(site, "quiet", 'name = "quiet"\nhooks = []\n', "import json, sqlite3, ssl")
    assert run(["plugins", "doctor", "--format", "json"]) == 0
    verdicts = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    said = " | ".join(verdicts["acme"]["effects"])
    for part in (
        str(tmp_path / "written"),
        "network: getaddrinfo",
        "environment: ACME",
        "acme-waits",
    ):
        assert part in said
    assert f"starts {sys.executable}" in said
    assert [name for name, item in verdicts.items() if item["effects"]] == ["acme"]
    assert run(["plugins", "doctor"]) == 0
    assert "EFFECTS" in capsys.readouterr().out


# --- broken data hurts nobody ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"overlays/a.yaml": "a: [1\n"}, "overlays/a.yaml:"),
        ({"overlays/a.yaml": "kind: RecipeMetadata\nmetadata: {name: 1}\nnope: 1\n"}, "overlays/a.yaml:"),
        ({"overlays/a.yaml": "kind: RecipeMetadata\nmetadata: {}\n"}, "overlays/a.yaml"),
        ({"overlays/a.yaml": OVERLAY % "x", "overlays/b.yaml": OVERLAY % "x"}, "overlays/a.yaml and overlays/b.yaml"),
        ({"registry.yaml": "components: 1\n"}, "registry.yaml:"),
        ({"registry.yaml": REGISTRY % ("x", "k") + "  - name: x\n"}, 'component "x" stands twice'),
        ({"components/x/values.yaml": "- 1\n"}, "components/x/values.yaml"),
        ({"components/x/values.yaml": "a: &a [*a]\n"}, "components/x/values.yaml"),
        ({"overlays/a.yaml": "\x00"}, "overlays/a.yaml"),
    ],
)  # fmt: skip
def test_a_pack_whose_data_cannot_be_read_is_left_out_whole(
    files: dict[str, str], place: str, site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", *LINE]) == 0
    before = capsys.readouterr().out
    good = {"overlays/good.yaml": OVERLAY % "good", "components/g/values.yaml": "a: 1\n"}
    pack(site, "bad", good | files, "[criteria.os.badly]\n")
    pack(site, "leaning", {"overlays/l.yaml": OVERLAY % "leaning"}, 'requires = ["bad"]\n')
    assert run(["recipe", *LINE]) == 0
    captured = capsys.readouterr()
    assert captured.out == before
    assert captured.err.count("plugin bad (aicr-bad) is broken") == 1
    assert place in row("bad")["reason"]
    assert row("leaning")["state"] == "incompatible"
    assert run(["recipe", "--os", "badly", "--allow-partial"]) == 2
    assert "whose plugin bad is broken" in capsys.readouterr().err


def test_the_lint_reads_a_pack_that_is_left_out(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(site, "bad", {"overlays/a.yaml": "a: [", "overlays/b.yaml": "nope: 1\n"})
    assert run(["recipe", "validate", "--plugin", "bad"]) == 2
    said = capsys.readouterr().out
    assert "overlays/a.yaml:1" in said
    assert "overlays/b.yaml:1" in said
    # Of nobody else it is a finding.
    assert run(["recipe", "validate"]) == 0


def test_a_pack_without_its_folder_is_broken(site: pathlib.Path) -> None:
    shutil.rmtree(pack(site, "bad") / "data")
    assert row("bad")["state"] == "broken"
    assert "bad/data" in row("bad")["reason"]
    assert environment().catalogue().names()


def test_many_broken_packs_are_all_found_at_once(
    site: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aicr_core.engine import catalogue_build

    built: list[int] = []
    original = catalogue_build.build

    def counting(layers: Any, **more: Any) -> Any:
        built.append(len(layers))
        return original(layers, **more)

    monkeypatch.setattr(catalogue_build, "build", counting)
    for number in range(5):
        pack(site, f"bad{number}", {"registry.yaml": "["})
    states = [item["state"] for item in environment().index.rows if item["name"].startswith("bad")]
    assert states == ["broken"] * 5
    assert len(built) == 2
    assert built[0] - built[1] == 5


def test_an_edit_that_breaks_a_pack_and_one_that_mends_it_are_seen(site: pathlib.Path) -> None:
    root = pack(site, "acme", {"overlays/a.yaml": OVERLAY % "mine"})
    assert "mine" in environment().catalogue().names()
    path = root / "data/overlays/a.yaml"
    path.write_text("[")
    os.utime(site)
    assert "mine" not in environment().catalogue().names()
    path.write_text(OVERLAY % "mine")
    os.utime(site, ns=(1, 1))
    assert "mine" in environment().catalogue().names()


def test_imports_of_plugins_without_a_manifest_hurt_nobody(
    site: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """They have to be imported to learn their hooks: elsewhere, with the rest going on."""
    from aicr_core.kit import limits

    monkeypatch.setattr(limits, "HOOK", 3.0)
    hook = "from aicr_core.api import hookimpl\n@hookimpl\ndef aicr_deployers(): return ()\n"
    bad = {
        "bare-exit": "import os; os._exit(0)",
        "bare-flood": "import os\nwhile True: os.write(1, b'x' * 65536)",
        "bare-hang": "import time; time.sleep(99)",
        "bare-kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "bare-raise": "raise KeyError('no')",
        "bare-sysexit": "raise SystemExit(0)",
    }
    for name, source in bad.items():
        distribution(site, name, None, source)
    lasting = "import threading\nthreading.Thread(target=threading.Event().wait).start()\n"
    distribution(site, "bare-good", None, f"print('hello')\n{lasting}{hook}")
    states = {item["name"]: item for item in environment().index.rows}
    assert {states[name]["state"] for name in bad} == {"broken"}
    assert "takes more than 3 s" in states["bare-hang"]["reason"]
    assert "wrote too much" in states["bare-flood"]["reason"]
    assert states["bare-raise"]["reason"] == "KeyError: 'no'"
    good = states["bare-good"]
    assert (good["state"], good["hooks"]) == ("undeclared", ["aicr_deployers"])
    assert not any("bare_good" in name for name in sys.modules)
    assert capfd.readouterr() == ("", "")


# --- images, and what is gone is gone -------------------------------------------------------------


def test_images_of_the_manifest_reach_the_lists(
    site: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = '[images]\ngpu-operator = ["registry.example/hidden:1.0"]\nabsent = ["registry.example/not:1.0"]\n'
    pack(site, "acme", more=more)
    recipe = str(tmp_path / "r.yaml")
    flags = ["--service", "eks", "--accelerator", "h100", "--os", "ubuntu", "--intent", "training"]
    assert run(["recipe", *flags, "-o", recipe]) == 0
    line = ["mirror", "list", "-r", recipe, "--offline", "--allow-partial", "--format", "images"]
    assert run(line) == 0
    listed = capsys.readouterr().out
    assert "registry.example/hidden:1.0" in listed
    assert "registry.example/not:1.0" not in listed


def _tree(*roots: pathlib.Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for root in roots
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_removal_leaves_no_trace(
    site: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Install, use, remove: recipe, bundle, list and index are what they were, and no file of the user's is new."""
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "home" / name.lower()))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()

    def use(label: str) -> dict[str, Any]:
        capsys.readouterr()
        recipe, bundle = tmp_path / f"{label}.yaml", tmp_path / label
        assert run(["recipe", "--intent", "training", "--allow-partial", "-o", str(recipe)]) == 0
        assert run(["bundle", "-r", str(recipe), "-o", str(bundle)]) == 0
        capsys.readouterr()
        assert run(["plugins", "list", "--all", "--format", "json"]) == 0
        listed = capsys.readouterr().out
        index = environment(AICR_INDEX="off").index
        users = _tree(tmp_path / "home")
        return {
            "recipe": recipe.read_bytes(),
            "bundle": {key.removeprefix(str(bundle)): v for key, v in _tree(bundle).items()},
            "list": listed,
            "hot": repr(index.hot),
            "rows": repr(index.rows),
            "files": sorted(name for name in users if "/index-" not in name),
        }

    before = use("before")
    name = "acme"
    files = {
        "registry.yaml": REGISTRY % ("acme-store", "acme"),
        "components/acme-store/values.yaml": "a: 1\n",
        "overlays/acme.yaml": OVERLAY % "acme"
        + "  componentRefs:\n    - name: acme-store\n      type: Helm\n",
    }
    root = pack(site, name, files, "[criteria.service.acme]\n")
    during = use("during")
    assert b"acme-store" in during["recipe"]
    assert any("acme-store" in path for path in during["bundle"])
    shutil.rmtree(root)
    shutil.rmtree(next(site.glob("*.dist-info")))
    after = use("after")
    assert after == before
    assert "aicr_acme" not in "".join(_tree(tmp_path / "home"))


OPENED = """
import sys
site = sys.argv.pop(1)
seen = []
sys.addaudithook(lambda event, given: seen.append(str(given[0])) if event == "open" else None)
from aicr_core.cli.root import run
status = run(sys.argv[1:])
print(status, sum(path.startswith(site) for path in seen), [n for n in sys.modules if "noop" in n])
"""


def test_many_plugins_cost_a_warm_command_no_file_and_no_import(
    site: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Seconds are for tests/benchmarks/plugins.py; here is counted what must not grow with the number of plugins."""
    for number in range(200):
        hooks = '["aicr_deployers"]' if number % 2 else "[]"
        name = f"noop{number}"
        distribution(site, name, f'name = "{name}"\nhookspec = ">=1.0,<2"\nhooks = {hooks}\n')
    env = {**os.environ, "PYTHONPATH": str(site)}
    line = ["recipe", "--intent", "training", "--allow-partial", "-o", os.devnull]
    argv = [sys.executable, "-c", OPENED, str(site), *line]
    answers = []
    for _ in range(2):
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
        answers.append(done.stdout.split(maxsplit=2))
    cold, warm = answers
    assert int(cold[1]) >= 200
    assert warm == ["0", "0", "[]\n"]


def test_who_asks_for_what_an_overlay_without_its_base_carries_is_told(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = (
        "kind: RecipeMetadata\nmetadata: {name: acme-gke}\n"
        "spec: {base: gke-nosuch, criteria: {platform: acme}}\n"
    )
    pack(site, "acme", {"overlays/acme-gke.yaml": overlay}, "[criteria.platform.acme]\n")
    assert run(["recipe", "--platform", "acme"]) == 2
    assert "acme-gke (base gke-nosuch)" in capsys.readouterr().err
