"""Use case ``plugins lock``: what is installed and used, as a piece of a policy, and how it differs. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aicr_core.kit import tomlfile
from aicr_core.kit.errors import AicrError, Code
from aicr_core.plugins import policy, records
from aicr_core.plugins.index import USABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.app.environment import Environment

_HEAD = """\
# Written by `aicr plugins lock`: the plugins that are used, by the digest of what was installed, and their versions.
# In a policy file it keeps out any other build of these; `aicr plugins lock --check FILE` compares.
"""


class Locked(NamedTuple):
    """A plugin that is used; ``sha256`` is empty for a working tree."""

    name: str
    distribution: str
    version: str
    sha256: str


def used(environment: Environment) -> list[Locked]:
    """Give the plugins that are used, sorted by name."""
    rows = [row for row in environment.index.rows if row["state"] in USABLE]
    digests = {
        item.name: item.sha256 for item in records.installed(row["distribution"] for row in rows)
    }
    return [
        Locked(
            row["name"], row["distribution"], row["version"],
            digests.get(records.normal(row["distribution"]), ""),
        )
        for row in rows
    ]  # fmt: skip


def lock(environment: Environment) -> tuple[str, list[str]]:
    """Give the lock as TOML, and the working trees in it, which have a version and no digest."""
    plugins = used(environment)
    lines = [_HEAD, "[versions]"]
    lines += [f"{item.name} = {tomlfile.quoted(item.version)}" for item in plugins]
    lines += ["", "[pins]"]
    for item in plugins:
        pin = f"{item.name} = {tomlfile.quoted(item.sha256)}"
        lines.append(pin if item.sha256 else f"# {item.name} is a working tree: it has no digest")
    trees = [item.name for item in plugins if not item.sha256]
    return "\n".join(lines) + "\n", trees


def differences(environment: Environment, path: str) -> list[str]:
    """Compare what is used with a lock; give one sentence for each difference.

    Files that were changed after the installation are told as well: the digest of a pin is that of the RECORD, which
    does not change with them. Raises AicrError: NOT_FOUND without the file, INVALID_REQUEST for one that is no policy.
    """
    written = tomlfile.read(path, "the lock")
    if written is None:
        raise AicrError(Code.NOT_FOUND, "no such file", where=path)
    return list(_differences(environment, policy.parse(written)))


def _differences(environment: Environment, locked: policy.Policy) -> Iterator[str]:
    found = {item.name: item for item in used(environment)}
    rows = {row["name"]: row for row in reversed(environment.index.rows)}
    named = {*locked.pins, *locked.versions}
    for name in sorted(named | set(found)):
        item = found.get(name)
        if item is None:
            row = rows.get(name)
            why = f"{row['state']}: {row['reason']}" if row is not None else "not installed"
            yield f"{name} is locked and {why}"
            continue
        if name not in named:
            yield f"{name} ({item.distribution} {item.version}) is used and not locked"
            continue
        wanted = locked.versions.get(name, item.version)
        if wanted != item.version:
            yield f"{name} is locked to version {wanted}; {item.distribution} is {item.version}"
        pin = locked.pins.get(name, item.sha256)
        if pin != item.sha256:
            got = item.sha256 or "a working tree, which has none"
            yield f"{name} is locked to digest {pin}; {item.distribution} is {got}"
        if item.sha256:
            changed = records.altered(item.distribution)
            if changed:
                shown = ", ".join(changed[:3]) + (", ..." if len(changed) > 3 else "")
                yield f"{name}: files of {item.distribution} are not as they were installed: {shown}"
