"""The public surface: what is imported late is what the type checker sees, and registering stays cheap."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys

from aicr_core import api

SOURCE = pathlib.Path(api.__file__).read_text("utf-8")


def _seen_by_the_type_checker() -> dict[str, str]:
    branch = next(node for node in ast.parse(SOURCE).body if isinstance(node, ast.If))
    return {
        alias.asname or alias.name: f"{node.module}:{alias.name}"
        if alias.asname
        else str(node.module)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_the_table_of_late_names_is_what_is_declared() -> None:
    assert _seen_by_the_type_checker() == api._LATE


def test_every_public_name_is_there() -> None:
    assert len(api.__all__) == len(set(api.__all__)) > 100
    for name in api.__all__:
        assert getattr(api, name) is not None, name
    assert set(api._LATE) <= set(api.__all__)


def test_a_name_that_is_not_there() -> None:
    try:
        api.nothing  # noqa: B018
    except AttributeError as error:
        assert "nothing" in str(error)
    else:
        raise AssertionError("no AttributeError")


def test_registering_imports_no_model_of_checks_and_no_codec() -> None:
    code = (
        "import sys, aicr_core.api; from aicr_core.api import Deployer, hookimpl;"
        "print([m for m in sys.modules if m.startswith('aicr_core.model') or m in ('json', 'base64', 'urllib.parse')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == ["aicr_core.model", "aicr_core.model.bundle"]
