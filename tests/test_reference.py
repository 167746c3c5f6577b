"""The reference pages are current and whole: every hook, option, exit code and variable is in the manual."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from commands import every_command

from aicr_core.cli.root import CANCELLED, USAGE
from aicr_core.kit.errors import AicrError, Code
from aicr_core.plugins.specs import HOOKS

if TYPE_CHECKING:
    pass

ROOT = pathlib.Path(__file__).resolve().parent.parent
USER = ROOT / "docs/user"


def test_generated_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs/generate.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_hook_has_a_heading_and_says_since_when() -> None:
    text = (ROOT / "docs/plugins/hooks.md").read_text("utf-8")
    sections = dict(re.findall(r"(?ms)^### `(aicr_\w+)\(.*?$\n(.*?)(?=^##)", text))
    assert set(sections) == HOOKS
    for name, body in sections.items():
        assert "Added in hookspec " in body, name


ALL = every_command()


@pytest.mark.parametrize("path", ALL)
def test_every_command_and_option_says_what_it_is_for(path: str) -> None:
    command = ALL[path]
    assert command.help
    silent = [
        p.name for p in command.params if isinstance(p, click.Option) and not (p.help or p.hidden)
    ]
    assert not silent
    assert f"\n## `{path}" in (USER / "cli.md").read_text("utf-8")


@pytest.mark.parametrize("path", ALL)
def test_every_command_shows_how_it_is_used(path: str) -> None:
    section = (
        (USER / "cli.md").read_text("utf-8").partition(f"\n## `{path}")[2].partition("\n## ")[0]
    )
    block = section.partition("```sh\n")[2].partition("```")[0]
    assert path in block
    assert all(line.strip() for line in block.splitlines()), (
        "a paragraph of text is among the commands"
    )


def test_every_exit_code_is_in_the_manual() -> None:
    rows = re.findall(r"(?m)^\| (\d) \| (.*?) \|", (USER / "errors.md").read_text("utf-8"))
    shown = {(int(status), code.strip("` ")) for status, code in rows}
    codes = {(AicrError(code, "x").exit_status, code.value) for code in Code}
    assert codes <= shown
    assert {status for status, _ in shown} == {s for s, _ in codes} | {0, USAGE, CANCELLED}


def test_every_variable_is_in_the_manual() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "aicr_core").rglob("*.py"))
    read = set(
        re.findall(r"[\"'`](AICR_[A-Z_]+|XDG_[A-Z_]+|NO_COLOR|SOURCE_DATE_EPOCH|HOME)\b", source)
    )
    text = (USER / "environment.md").read_text("utf-8")
    listed = set(re.findall(r"(?m)^\| `([A-Z_]+)`", text))
    assert read == listed
