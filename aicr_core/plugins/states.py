"""Decide the state of each plugin found (design of states: docs/plugins/manifest.md).

active, disabled, blocked, incompatible, broken, shadowed, newer (it has hooks this core lacks, which are ignored)
or undeclared (no manifest). The policy file (``plugins.toml`` in the user's configuration) holds ``disabled``,
``allow`` and ``deny`` lists of plugin names. Nothing of a plugin is imported here, except one without a manifest,
whose hooks cannot be known otherwise.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aicr_core._version import HOOKSPEC
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.plugins import manifest

if TYPE_CHECKING:
    from aicr_core.model.settings import Settings
    from aicr_core.plugins.discovery import Found

Document = dict[str, Any]
_NAME = re.compile(r"[a-z][a-z0-9-]*")
POLICY_FIELDS = ("disabled", "allow", "deny")


def read_policy(settings: Settings) -> dict[str, list[str]]:
    """Give the lists of the policy file, empty when there is none. Raises AicrError when it is malformed."""
    import tomllib

    path = settings.policy_path
    try:
        with open(path, "rb") as stream:
            document = tomllib.load(stream)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise AicrError(
            Code.INVALID_REQUEST, f"cannot read the policy: {error}", where=path
        ) from None
    for field, value in document.items():
        good = isinstance(value, list) and all(isinstance(name, str) for name in value)
        if field not in POLICY_FIELDS or not good:
            hint = f"known: {', '.join(POLICY_FIELDS)}, each a list of plugin names"
            raise AicrError(Code.INVALID_REQUEST, f'bad field "{field}"', where=path, hint=hint)
    return document


def rows(found: list[Found], settings: Settings, warnings: list[str]) -> list[Document]:
    """Give one row of builtins for each entry point, sorted by name."""
    policy = read_policy(settings)
    seen: dict[str, str] = {}
    result = []
    for item in found:
        row = _row(item)
        state, reason = _decide(row, item, settings, policy, seen)
        row["state"], row["reason"] = state, reason
        if state in ("broken", "shadowed"):
            warnings.append(f"plugin {item.name} ({item.distribution}) is {state}: {reason}")
        if state == "newer":
            warnings.append(f"plugin {item.name} ({item.distribution}): {reason}")
        seen.setdefault(item.name, item.distribution)
        result.append(row)
    _unknown_names(settings, [item.name for item in found], warnings)
    return result


def _unknown_names(settings: Settings, known: list[str], warnings: list[str]) -> None:
    """Warn of selected or disabled names nobody has: most likely they are misspelt."""
    for source, names in (
        ("AICR_PLUGINS", settings.only or frozenset()),
        ("AICR_DISABLE_PLUGINS or --no-plugin", settings.disabled),
    ):
        for name in sorted(names - set(known)):
            close = nearest(name, known)
            hint = f'; did you mean "{close}"?' if close else ""
            warnings.append(f'{source} names "{name}", which is not installed{hint}')


def _row(item: Found) -> Document:
    return {
        "name": item.name,
        "distribution": item.distribution,
        "version": item.version,
        "module": item.module,
        "root": item.root,
        "editable": item.editable,
        "summary": "",
        "hookspec": "",
        "hooks": [],
        "provides": [],
        "permissions": [],
        "isolation": "inline",
        "data": "",
        "criteria": {},
        "hints": {},
        "overrides": [],
        "after": [],
        "requires": [],
        "environment": [],
        "limits": {},
        "images": {},
        "min_python": "",
        "license": "",
        "contact": "",
    }


def _decide(
    row: Document,
    item: Found,
    settings: Settings,
    policy: dict[str, list[str]],
    seen: dict[str, str],
) -> tuple[str, str]:
    name = item.name
    if name in seen:
        return "shadowed", f"the name belongs to {seen[name]}"
    problem = ""
    declared: Document | None = None
    if not _NAME.fullmatch(name):
        problem = "a plugin's name is made of lower-case letters, digits and hyphens"
    elif item.root is None:
        problem = f"its package {item.module.split('.')[0]} is on no import path"
    else:
        try:
            declared = manifest.read(item.root)
        except AicrError as error:
            problem = str(error)
    if declared is not None:
        row.update({key: value for key, value in declared.items() if key != "name"})
        if declared["name"] != name:
            problem = f'the manifest says "{declared["name"]}", the entry point "{name}"'
    if name in settings.disabled or name in policy.get("disabled", ()):
        return "disabled", "by AICR_DISABLE_PLUGINS, --no-plugin or `aicr plugins disable`"
    if settings.only is not None and name not in settings.only:
        return "disabled", "not listed in AICR_PLUGINS"
    allow = policy.get("allow")
    if name in policy.get("deny", ()) or (allow is not None and name not in allow):
        return "blocked", f"by the policy {settings.policy_path}"
    if problem:
        return "broken", problem
    if declared is None:
        return _undeclared(row)
    try:
        if row["hookspec"] and not manifest.fits(row["hookspec"]):
            return "incompatible", f"it is written for hookspec {row['hookspec']}"
    except AicrError as error:
        return "broken", str(error)
    return _newer(row, row["hooks"]) or ("active", "")


def _newer(row: Document, hooks: list[str]) -> tuple[str, str] | None:
    if not hooks:
        return None
    from aicr_core.plugins.specs import HOOKS

    unknown = [hook for hook in hooks if hook not in HOOKS]
    row["hooks"] = [hook for hook in hooks if hook in HOOKS]
    if not unknown:
        return None
    close = nearest(unknown[0], HOOKS)
    hint = f' (did you mean "{close}"?)' if close else ""
    return "newer", f"ignored, as hookspec {HOOKSPEC} has no {', '.join(unknown)}{hint}"


def _undeclared(row: Document) -> tuple[str, str]:
    """Import a plugin that has no manifest, to learn its hooks; once, as the index keeps them."""
    from aicr_core.plugins import loading

    try:
        found = loading.implemented(loading.import_quietly(row["module"]))
    except Exception as error:
        # Whatever a plugin raises is its problem alone.
        return "broken", f"{type(error).__name__}: {error}"
    row["hooks"] = found.known
    newer = _newer(row, [*found.known, *found.unknown])
    reason = "it has no aicr-plugin.toml"
    return "undeclared", f"{reason}; {newer[1]}" if newer else reason
