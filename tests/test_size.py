"""Modules stay small: above 600 lines a module has more than one reason to change (design 5)."""

from __future__ import annotations

import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODULES = [
    *(ROOT / "aicr_core").rglob("*.py"),
    *(ROOT / "recipes").rglob("*.py"),
    *(ROOT / "plugins").rglob("*.py"),
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_small_and_says_what_it_is_for(path: pathlib.Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= 600
    assert text.lstrip().startswith(('"""', 'r"""')), "no module docstring"
