"""Every command shown in the manual is run, and what the manual says it prints is what it prints.

A fenced ``console`` block after a line ``<!-- run -->`` (or ``<!-- run: exit 2 -->``) is run in one folder
a page, in order. Each line that follows a command must occur in its output in that order; a line ``...``
skips. A fenced block after ``<!-- file: NAME -->`` is written to that folder first. A page with a block after
``<!-- cluster -->`` has an emulated cluster with these objects (``docs_cluster``), a page with ``<!-- release: NAME -->``
a release in the folder NAME (``docs_release``).
A page with the mark ``<!-- registry: NAME -->`` has a real registry at ``$NAME`` (``docs_registry``), one with
``<!-- server: NAME -->`` a running aicrd (``docs_server``).
"""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest
from docs_cluster import cluster_of
from docs_registry import registry_of
from docs_release import release_of
from docs_server import server_of
from environments import NO_DOWNLOADS, environment_on_this

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    # The example of a vendor is run by test_vendor_pack.py, beside released wheels.
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if "examples" not in page.parts),
    *sorted(ROOT.glob("plugins/*/README.md")),
    ROOT / "recipes/README.md",
]
BLOCK = re.compile(
    r"<!-- (?P<what>run|file)(?:: (?P<argument>[^>]+?))? -->\n```\w*\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FENCED = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")


def _session(body: str) -> list[tuple[str, list[str]]]:
    """Split a console block into commands with the lines shown after each."""
    commands: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            commands.append((line[2:], []))
        elif commands and commands[-1][0].endswith("\\") and not commands[-1][1]:
            command, shown = commands.pop()
            commands.append((command[:-1] + line.strip(), shown))
        elif line.strip() and line.strip() != "..." and commands:
            commands[-1][1].append(line.rstrip())
    return commands


@pytest.fixture(scope="session")
def own_environment(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Make an environment that sees what is installed here, for pages that install something; give its bin."""
    return environment_on_this(tmp_path_factory.mktemp("docs") / "env")


def _run(
    command: str, folder: pathlib.Path, programs: pathlib.Path, more: dict[str, str]
) -> tuple[int, str]:
    env = {**os.environ, **more}
    env["PATH"] = f"{programs}{os.pathsep}{env['PATH']}"
    env |= NO_DOWNLOADS
    result = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=env, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return result.returncode, result.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page(page: pathlib.Path, tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> None:
    text = page.read_text("utf-8")
    programs = pathlib.Path(sys.executable).parent
    if "\n$ pip install" in text:
        programs = request.getfixturevalue("own_environment")
    for link in LINK.findall(FENCED.sub("", text)):
        assert (page.parent / link).exists(), f"{page.name}: dead link {link}"
    (tmp_path / "page").mkdir()
    release_of(text, tmp_path / "page", tmp_path)
    with (
        cluster_of(text, tmp_path) as variables,
        registry_of(text, tmp_path) as more,
        server_of(text) as server,
    ):
        play(text, tmp_path / "page", programs, {**variables, **more, **server})


def play(
    text: str, folder: pathlib.Path, programs: pathlib.Path, variables: dict[str, str]
) -> None:
    """Write the files of a page and run its commands, in order."""
    for block in BLOCK.finditer(text):
        argument = block["argument"] or ""
        if block["what"] == "file":
            target = folder / argument.strip()
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block["body"], "utf-8")
            continue
        expected = int(argument.removeprefix("exit ")) if argument else 0
        for command, shown in _session(block["body"]):
            status, output = _run(command, folder, programs, variables)
            assert status == expected, f"{command}\n{output}"
            position = 0
            for line in shown:
                found = output.find(line.removesuffix(" ..."), position)
                assert found >= 0, f"{shlex.quote(command)} does not print {line!r}:\n{output}"
                position = found


def test_readme_commands_are_there() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert text.count("<!-- command: main -->") == 1
    assert text.count("<!-- command: test -->") == 1
