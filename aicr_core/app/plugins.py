"""Use cases of ``aicr plugins``: list, info, enable, disable, index (doctor and lock have modules). Prints nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.plugins.index import USABLE

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment

Document = dict[str, Any]
_SHOWN = (
    "name", "version", "distribution", "state", "reason", "conformance", "summary", "hookspec", "min_python",
    "hooks", "provides", "requires", "permissions", "isolation", "limits", "environment", "after", "overrides",
    "images", "license", "contact", "module", "root",
)  # fmt: skip
_HEAD = "# Written by `aicr plugins enable|disable`; every field may be edited by hand (docs/user/plugins.md).\n"


def rows(environment: Environment, *, all_states: bool = True) -> list[Document]:
    """Give the plugins, sorted by name; without ``all_states`` only those that are used."""
    return [
        {field: row[field] for field in _SHOWN} | {"criteria": _criteria(row)}
        for row in environment.index.rows
        if all_states or row["state"] in USABLE
    ]


def _criteria(row: Document) -> list[str]:
    return [
        f"{dimension}={value}"
        for dimension, values in row["criteria"].items()
        for value in values
        if value != "any"
    ]


def info(environment: Environment, name: str) -> Document:
    """Give everything known about one plugin. Raises AicrError(NOT_FOUND) with the nearest name."""
    # Of several distributions with one plugin name the used one comes first.
    known = {row["name"]: row for row in reversed(rows(environment))}
    if name not in known:
        close = nearest(name, known)
        hint = f'did you mean "{close}"?' if close else f"installed: {', '.join(known) or 'none'}"
        raise AicrError(Code.NOT_FOUND, f'no plugin "{name}" is installed', hint=hint)
    row = known[name]
    index = environment.index
    if index.hot is not None:
        root = f"{row['root']}/"
        row["files"] = sorted(
            path
            for path, number in index.hot["files"].items()
            if index.hot["layers"][number]["root"].startswith(root)
        )
    return row


def write_index(environment: Environment, folder: str) -> str:
    """Write the index of this environment for an image; give the file. Raises AicrError."""
    from aicr_core.app.environment import compile_sections
    from aicr_core.plugins.index import write_image

    return write_image(environment.settings, compile_sections, folder)


def switch(environment: Environment, name: str, *, enabled: bool) -> tuple[str, str]:
    """Enable or disable a plugin in the user's policy file; give the file, and why an enabled one stays unused.

    The rest of the file stays as it is, comments too. Raises AicrError: NOT_FOUND for a name nobody has,
    INVALID_REQUEST for a file that cannot be changed, UNAUTHORIZED when it cannot be written.
    """
    from aicr_core.app.environment import Environment
    from aicr_core.kit import tomlfile
    from aicr_core.kit.paths import atomic_write, fault

    path = environment.settings.policy_path
    written = tomlfile.read(path, "the policy")
    document = written.document if written is not None else {}
    disabled = set(document.get("disabled", ()))
    if not enabled or name not in disabled:
        info(environment, name)
    names = sorted(disabled - {name} if enabled else disabled | {name})
    text = tomlfile.with_list(written.text if written is not None else _HEAD, "disabled", names)
    if tomlfile.parsed(text) != {**document, "disabled": names}:
        raise AicrError(
            Code.INVALID_REQUEST, "the policy is written in a way that cannot be changed in place", where=path,
            hint=f"edit it: disabled = {tomlfile.texts(names)}",
        )  # fmt: skip
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as error:
        raise fault(error, path, "write") from None
    atomic_write(path, text.encode("utf-8"))
    if not enabled:
        return path, ""
    row = Environment(environment.settings).index.row(name)
    if row is None or row["state"] in USABLE:
        return path, ""
    return path, f"it is {row['state']}: {row['reason']}"
