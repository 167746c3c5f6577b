"""Each command of the command line calls a method of the session for its work: what a person can do, a program can."""

from __future__ import annotations

import ast
import inspect
import pathlib
from typing import TYPE_CHECKING

import pytest
from commands import every_command

from aicr_core.session import Session

if TYPE_CHECKING:
    pass

GROUPS = {"aicr fleet", "aicr mirror", "aicr plugins"}
"""Commands that only hold others."""
METHODS = {
    "aicr snapshot": "snapshot",
    "aicr recipe": "resolve",
    "aicr recipe list": "list_overlays",
    "aicr recipe explain": "explain_recipe",
    "aicr recipe validate": "lint_catalogue",
    "aicr recipe new": "begin_overlay",
    "aicr recipe diff": "compare_recipes",
    "aicr recipe coverage": "criteria_matrix",
    "aicr recipe dedupe": "repetitions",
    "aicr query": "query",
    "aicr bundle": "write_bundle",
    "aicr bundle check": "check_bundle",
    "aicr bundle pull": "pull_bundle",
    "aicr verify": "verify",
    "aicr validate": "run_validation",
    "aicr mirror list": "mirror",
    "aicr diff": "compare_snapshots",
    "aicr fleet import": "import_fleet",
    "aicr fleet report": "fleet_report",
    "aicr fleet check": "fleet_check",
    "aicr check": "run_check",
    "aicr plugins list": "plugins",
    "aicr plugins info": "plugin_info",
    "aicr plugins doctor": "examine_plugins",
    "aicr plugins enable": "switch_plugin",
    "aicr plugins disable": "switch_plugin",
    "aicr plugins index": "write_index",
    "aicr plugins new": "new_plugin",
    "aicr plugins lock": "lock_plugins",
}


ALL = {path: command for path, command in every_command().items() if path != "aicr"}


def test_every_command_has_a_method() -> None:
    assert set(METHODS) == set(ALL) - GROUPS


@pytest.mark.parametrize("path", METHODS)
def test_the_command_calls_its_method(path: str) -> None:
    method = METHODS[path]
    assert inspect.getdoc(getattr(Session, method)), method
    callback = inspect.unwrap(ALL[path].callback)  # type: ignore[arg-type]
    source = pathlib.Path(inspect.getsourcefile(callback) or "").read_text("utf-8")
    called = {
        node.func.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert method in called
