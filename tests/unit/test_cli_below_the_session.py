"""What commands still take from below the session, besides request types, constants and the environment: a closed list.

A command asks the session; these are the helpers (where output goes, forms of it, flags that are parsed) that have no
method of it yet. The list may only get shorter: an entry that is not used fails, and so does an import that is not in it.
"""

from __future__ import annotations

import ast
import pathlib

from aicr_core import cli

HELPERS = {
    "agent_options": {"engine:setflags"},
    "bundle_check": {"app:sinks", "engine.bundle_formats:write"},
    "check": {"app:check_process"},
    "diff": {"app:sinks", "engine.sarif:as_sarif"},
    "fleet": {"engine.diff:text_of", "engine.fleet:flatten"},
    "mirror": {"app:sinks"},
    "options": {"app.environment:Environment"},
    "output": {"app:sinks"},
    "plugins_new": {"app.plugins_new:NewPlugin"},
    "query": {"app.recipe:catalogue_for"},
    "recipe": {"app.recipe:catalogue_for"},
    "recipe_coverage": {"engine.criteria:text"},
    "recipe_diff": {"app.recipediff:RecipeDiff", "app.recipediff:side_of"},
    "recipe_explain": {"app.recipe_explain:open_subject", "app.recipe_explain:provenance_document"},
    "recipe_validate": {"engine.lint_formats:write"},
    "root": {"app.environment:Environment"},
    "snapshot": {
        "app.snapshot:host_root",
        "app.snapshot:measures_host",
        "app.snapshot:require",
        "app:sinks",
        "app:sources",
        "engine.report_template:compile_template",
        "engine.report_template:render",
    },
    "validate": {
        "app.validate:check_skips",
        "app.validate:chosen_phases",
        "app.validation_inputs:read_snapshot",
        "app.validation_outputs:rbac",
        "app.validation_outputs:submission_inputs",
        "app.validation_recipe:open_recipe",
    },
    "validate_list": {
        "app.validation_inputs:entries_of",
        "app.validation_inputs:phases_of",
        "app.validation_outputs:listing",
    },
    "validate_options": {"app:sources", "engine:setflags", "engine:waivers"},
    "validate_reports": {
        "app.validation_outputs:facts_of",
        "app.validation_outputs:report_text",
        "app.validation_outputs:write_evidence",
        "app:sinks",
    },
    "verify": {"engine.trust:document"},
}


def _type_checking(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )


def _taken(tree: ast.Module) -> set[str]:
    for_types = {
        id(inner) for node in ast.walk(tree) if _type_checking(node) for inner in ast.walk(node)
    }
    return {
        f"{node.module.removeprefix('aicr_core.')}:{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in for_types
        if node.module.startswith(("aicr_core.app", "aicr_core.engine"))
        for alias in node.names
        if not (alias.name.endswith("Request") or alias.name.isupper())
    }


def test_the_command_line_reaches_below_the_session_only_here() -> None:
    found = {}
    for path in sorted(pathlib.Path(cli.__file__).parent.glob("*.py")):
        if taken := _taken(ast.parse(path.read_text("utf-8"))):
            found[path.stem] = taken
    assert found == HELPERS


def test_an_import_below_is_seen() -> None:
    text = "def f():\n    from aicr_core.app.mirror import MirrorRequest, mirror_list\n"
    assert _taken(ast.parse(text)) == {"app.mirror:mirror_list"}
    assert not _taken(ast.parse(f"if TYPE_CHECKING:\n    {text.splitlines()[1].strip()}\n"))
