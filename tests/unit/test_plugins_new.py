"""``aicr plugins new``: what it writes installs, passes its own tests, and is clean, for every kind and for all of them."""

from __future__ import annotations

import ast
import json
import os
import pathlib
import subprocess
import sys
import tomllib
from typing import Any

import pytest
from environments import NO_DOWNLOADS, build_wheels, environment_on_this
from hypothesis import given, settings
from hypothesis import strategies as st

from aicr_core.app.environment import Environment
from aicr_core.app.plugins_new import LONGEST, NewPlugin, new_plugin
from aicr_core.cli.root import run
from aicr_core.engine import skeleton
from aicr_core.kit import yamlio
from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.settings import Settings

KINDS = skeleton.kinds()
LONG = "a" + "-b" * 19 + "c"
"""As long as a name may be."""
PACKAGES = {
    **{kind: [f"x{kind}", "--kind", kind] for kind in KINDS},
    "all": [LONG, *(word for kind in KINDS for word in ("--kind", kind)), "--author", "Zoë <z@x.example>"],
    "trained": ["xtrained", "--kind", "data", "--kind", "matcher", "--intent", "training", "--service", "x-cloud"],
}  # fmt: skip


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment(Settings.from_env({}))


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    # Another test may have imported a package of the name that is used here.
    for module in [name for name in sys.modules if name.partition(".")[0] == "aicr_acme"]:
        monkeypatch.delitem(sys.modules, module)
    return tmp_path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with a package of each kind, ``PACKAGES``."""
    place = tmp_path_factory.mktemp("new")
    for name, words in PACKAGES.items():
        assert run(["plugins", "new", *words, "-o", str(place / name)]) == 0
    return place


class Installed:
    """All packages, as wheels in an environment of their own."""

    def __init__(self, place: pathlib.Path, home: pathlib.Path) -> None:
        self.bin = environment_on_this(home / "env")
        self.env = {**os.environ, **NO_DOWNLOADS, "XDG_CACHE_HOME": str(home / "cache")}
        self.env |= {"PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"}
        wheels = build_wheels(home / "dist", (place / name for name in PACKAGES))
        assert len(wheels) == len(PACKAGES)
        self.run(place, "python", "-m", "pip", "install", "-q", "--no-deps", "--no-index", *wheels)

    def run(self, folder: pathlib.Path, program: str, *words: str) -> str:
        """Run a program; what it prints is in the message when it fails."""
        done = subprocess.run(
            [self.bin / program, *words], cwd=folder, env=self.env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, f"{program} {' '.join(words)}\n{done.stdout}"
        return done.stdout


@pytest.fixture(scope="module")
def installed(place: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(place, tmp_path_factory.mktemp("installed"))


def test_all_of_them_load_and_agree_with_their_manifests(
    installed: Installed, place: pathlib.Path
) -> None:
    names = {words[0] for words in PACKAGES.values()}
    rows = json.loads(installed.run(place, "aicr", "plugins", "doctor", "--format", "json"))
    found = {row["name"]: row for row in rows}
    assert names <= set(found)
    assert [row["problem"] for name, row in found.items() if name in names and not row["ok"]] == []


def test_their_own_tests_pass(installed: Installed, place: pathlib.Path) -> None:
    folders = [f"{name}/tests" for name in PACKAGES]
    words = ["-m", "pytest", "-q", "-c", "all/pyproject.toml", "--import-mode=importlib", "-p", "no:randomly"]  # fmt: skip
    output = installed.run(place, "python", *words, "-p", "no:cacheprovider", *folders)
    assert "passed" in output
    assert "warning" not in output


def test_they_pass_the_kit(installed: Installed, place: pathlib.Path) -> None:
    """Every check of the kit passes, or does not apply."""
    (place / "elsewhere").mkdir()
    words = [word for name in PACKAGES.values() for word in ("--aicr-plugin", name[0])]
    options = ["-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    output = installed.run(place / "elsewhere", "python", *options, *words)
    assert "passed" in output


def test_ruff_finds_nothing(place: pathlib.Path) -> None:
    for words in (["check"], ["format", "--diff"]):
        argv = [sys.executable, "-m", "ruff", *words, "--no-cache", "."]
        done = subprocess.run(argv, cwd=place, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_strict_types_hold(place: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = str(tmp_path_factory.mktemp("types"))
    argv = [sys.executable, "-m", "mypy", "--cache-dir", cache]
    done = subprocess.run(
        argv,
        cwd=place / "all",
        capture_output=True,
        text=True,
        env={**os.environ, "MYPYPATH": "src"},
    )
    assert done.returncode == 0, done.stdout
    sources = [f"{name}/src" for name in PACKAGES if name != "all"]
    done = subprocess.run([*argv, "--strict", *sources], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_each_thing_does_its_work(installed: Installed, place: pathlib.Path) -> None:
    """The package of all kinds from recipe to bundle, as its README shows it."""
    installed.run(place, "aicr", "recipe", "--platform", LONG, "-o", "recipe.yaml")
    assert f"{LONG} 1.0.0" in installed.run(place, "aicr", LONG, "recipe.yaml")
    installed.run(place, "aicr", "bundle", "-r", "recipe.yaml", "-o", "bundle", "--deployer", LONG)
    values = (place / f"bundle/{LONG}/values.yaml").read_text("utf-8")
    assert "profile: general" in values
    assert (place / "bundle/releases.yaml").is_file()
    rows = json.loads(installed.run(place, "aicr", "plugins", "list", "--format", "json"))
    (row,) = [row for row in rows if row["name"] == LONG]
    assert {item["kind"] for item in row["provides"]} == {*KINDS, "criteria", "component"} - {
        "data"
    }
    trained = [
        "--intent",
        "training",
        "--service",
        "x-cloud",
        "--selector",
        "components.xtrained.version",
    ]
    assert "1.0.0" in installed.run(place, "aicr", "query", *trained)


def test_nothing_is_left_behind(installed: Installed, place: pathlib.Path) -> None:
    """A README names all that is provided, as the contract of plugins asks; nothing is for later."""
    for name in PACKAGES:
        (source,) = (place / name / "src").iterdir()
        manifest = tomllib.loads((source / "aicr-plugin.toml").read_text("utf-8"))
        readme = (place / name / "README.md").read_text("utf-8")
        wanted = [
            f"# aicr-{manifest['name']}",
            f"pip install aicr-{manifest['name']}",
            "```console",
        ]
        wanted += [f"`{item['name']}`" for item in manifest["provides"]]
        assert [one for one in wanted if one not in readme] == []
        texts = [path.read_text("utf-8") for path in (place / name).rglob("*") if path.is_file()]
        assert not [text for text in texts if "TODO" in text or "{%" in text or "PACKAGE" in text]


def test_help_names_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "new", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"what it brings (repeatable): {', '.join(KINDS)}" in text


def test_what_it_prints(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "new", "acme", "--kind", "collector"]) == 0
    out, err = capsys.readouterr()
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert sorted(out.splitlines()) == files
    assert "aicr-acme/.github/workflows/ci.yaml" in files
    assert "cd aicr-acme && pip install -e '.[test]'" in err
    words = ["plugins", "new", "acme", "--kind", "matcher", "-o", "b/c", "--format", "json"]
    assert run(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["folder"] == "b/c"
    assert document["provides"] == [
        {"kind": "criteria", "name": "platform=acme"}, {"kind": "matcher", "name": "acme"}
    ]  # fmt: skip


def test_the_same_words_give_the_same_bytes(environment: Environment, folder: pathlib.Path) -> None:
    for target in ("one", "two"):
        new_plugin(environment, NewPlugin("acme", KINDS, {}, folder=target))
    texts = [
        {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
        for target in (folder / "one", folder / "two")
    ]  # fmt: skip
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["Acme", "--kind", "data"], 2, "lower-case letters"),
        (["a_b", "--kind", "data"], 2, "lower-case letters"),
        (["a-", "--kind", "data"], 2, "lower-case letters"),
        (["9a", "--kind", "data"], 2, "lower-case letters"),
        (["../a", "--kind", "data"], 2, "lower-case letters"),
        (["a" * 41, "--kind", "data"], 2, "at most 40"),
        (["acme"], 2, "kinds: bundler, check"),
        (["acme", "--kind", "colector"], 2, 'did you mean "collector"?'),
        (["eks", "--kind", "data"], 2, "is installed, from aicr-eks"),
        (["core", "--kind", "data"], 2, 'a package "aicr_core" is installed'),
        (["base", "--kind", "data"], 2, 'an overlay "base"'),
        (["acme", "--kind", "data", "--component", "gpu-operator"], 2, "give another --component"),
        (["acme", "--kind", "data", "--component", "A"], 2, "--component"),
        (["acme", "--kind", "data", "--distribution", "a b"], 2, "--distribution"),
        (["acme", "--kind", "data", "--service", "a b"], 2, "--service"),
        (["acme", "--kind", "data", "--service", "a" * 41], 2, "at most 40"),
        (["acme", "--kind", "data", "--license", "Whatever"], 2, "SPDX"),
        (["acme", "--kind", "data", "--author", "a <b"], 2, "--author"),
        (["acme", "--kind", "data", "--contact", "a\nb"], 2, "one line"),
        (["acme", "--kind", "data", "-o", "full"], 2, "not empty"),
        (["acme", "--kind", "data", "-o", "file"], 2, "a file, where"),
        (["acme", "--kind", "data", "-o", "file/below"], 2, "file"),
        (["acme", "--kind", "data", "-o", "oci://x/y"], 2, "name a directory"),
        (["acme", "--kind", "data", "--format", "xml"], 2, "known: text, json, yaml"),
        (["acme", "--kind", "data", "-o", "a", "-o", "b"], 2, "given 2 times"),
    ],
)  # fmt: skip
def test_bad_input_says_what_is_wrong_and_nothing_is_written(
    folder: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    status: int,
    says: str,
) -> None:
    (folder / "full").mkdir()
    (folder / "full/file").touch()
    (folder / "file").touch()
    before = sorted(folder.rglob("*"))
    assert run(["plugins", "new", *words]) == status
    out, err = capsys.readouterr()
    assert says in err
    message, *hint = err.splitlines()
    assert message.startswith("[")
    assert [line.partition(":")[0] for line in hint] in ([], ["hint"])
    assert (out, sorted(folder.rglob("*"))) == ("", before)


def test_a_plugin_is_written_anew_where_the_installed_one_is_left_out(
    folder: pathlib.Path, installed: Installed
) -> None:
    words = ["xcheck", "--kind", "check", "--kind", "collector", "-o", "more"]
    with pytest.raises(AssertionError, match="--no-plugin xcheck"):
        installed.run(folder, "aicr", "plugins", "new", *words)
    installed.run(folder, "aicr", "plugins", "new", *words, "--no-plugin", "xcheck")
    assert (folder / "more/src/aicr_xcheck/collector.py").is_file()


def test_an_empty_directory_is_taken(folder: pathlib.Path) -> None:
    (folder / "aicr-acme").mkdir()
    assert run(["plugins", "new", "acme", "--kind", "lint"]) == 0
    assert not [path for path in folder.iterdir() if path.name != "aicr-acme"]


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,7}(-[a-z0-9]{1,6}){0,3}", fullmatch=True)
TEXTS = st.text(max_size=30)


@settings(max_examples=40, deadline=None)
@given(name=st.one_of(NAMES, TEXTS), component=st.one_of(st.just(""), NAMES), author=TEXTS,
       value=st.one_of(NAMES, TEXTS))  # fmt: skip
def test_any_words_give_whole_files_or_an_error(
    environment: Environment,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    component: str,
    author: str,
    value: str,
) -> None:
    folder = tmp_path_factory.mktemp("any") / "out"
    request = NewPlugin(
        name, KINDS, {"service": value} if value.strip() else {}, folder=str(folder),
        component=component, author=author, contact=author,
    )  # fmt: skip
    try:
        made = new_plugin(environment, request)
    except AicrError as error:
        assert error.code in (Code.INVALID_REQUEST, Code.CONFLICT)
        assert not folder.exists()
        return
    assert len(name) <= LONGEST
    for path in made.files:
        data = (folder / path).read_bytes()
        loaded: Any = data
        if path.endswith(".py"):
            ast.parse(data)
        elif path.endswith(".toml"):
            loaded = tomllib.loads(data.decode("utf-8"))
        elif path.endswith(".yaml"):
            loaded = list(yamlio.load_all(data, path))
        assert loaded is not None
    manifest = tomllib.loads(
        (folder / f"src/{made.package.package}/aicr-plugin.toml").read_text("utf-8")
    )
    assert manifest["name"] == name
