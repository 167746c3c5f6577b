"""Decide the state of each plugin found (design of states: docs/plugins/manifest.md).

active, disabled, blocked, incompatible, broken, shadowed, newer (it has hooks this core lacks, which are ignored)
or undeclared (no manifest). What policy files say is ``plugins.policy``'s. Nothing of a plugin is imported in this
process; one without a manifest is imported in a child (``plugins.undeclared``).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from aicr_core._version import HOOKSPEC
from aicr_core.kit.errors import AicrError, nearest
from aicr_core.plugins import conformance, manifest, policy
from aicr_core.plugins.index import USABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aicr_core.model.settings import Settings
    from aicr_core.plugins.discovery import Found

Document = dict[str, Any]
_NAME = re.compile(r"[a-z][a-z0-9-]*")


def rows(found: list[Found], settings: Settings, warnings: list[str]) -> list[Document]:
    """Give one row of builtins for each entry point, sorted by name. Raises AicrError for a bad policy file."""
    judge = _Judge(found, settings)
    result = [judge.row(item) for item in found]
    bare = [row for row in result if row["state"] == "undeclared"]
    if bare:
        _learn(bare, settings)
    for row in result:
        if row["state"] in ("broken", "shadowed", "newer"):
            warnings.append(_warning(row))
    settle(result)
    _unknown_names(settings, [item.name for item in found], warnings)
    return result


def broken(row: Document, reason: str, warnings: list[str]) -> None:
    """Set aside a plugin whose data cannot be used; whoever requires it follows with :func:`settle`."""
    row["state"], row["reason"] = "broken", reason
    warnings.append(_warning(row))


def _warning(row: Document) -> str:
    is_state = "" if row["state"] == "newer" else f" is {row['state']}"
    return f"plugin {row['name']} ({row['distribution']}){is_state}: {row['reason']}"


def settle(rows: Sequence[Document]) -> None:
    """Set aside the plugins that require what is not used, and those that require them; cycles hold each other up."""
    changed = True
    while changed:
        known: dict[str, Document] = {}
        for row in rows:
            # Of several distributions with one plugin name the first is the one that may be used.
            known.setdefault(row["name"], row)
        changed = False
        for row in rows:
            if row["state"] in USABLE and row["requires"]:
                reason = _unmet(row["requires"], known)
                if reason:
                    row["state"], row["reason"] = "incompatible", reason
                    changed = True


def _unmet(requires: Iterable[str], known: dict[str, Document]) -> str:
    for text in requires:
        name, wanted = manifest.requirement(text)
        row = known.get(name)
        if row is None:
            close = nearest(name, known)
            hint = f'; did you mean "{close}"?' if close else ""
            return f"it requires the plugin {name}, which is not installed{hint}"
        if row["state"] not in USABLE:
            return f"it requires the plugin {name}, which is {row['state']}: {row['reason']}"
        if wanted and not _holds(wanted, row["version"]):
            return f"it requires {name}{wanted}; {row['distribution']} is {row['version'] or 'without version'}"
    return ""


def _holds(wanted: str, version: str) -> bool:
    from packaging.version import InvalidVersion

    try:
        # A pre-release that somebody installed counts: whether it is good enough is not asked here.
        return manifest.specifiers(wanted, "requires").contains(version, prereleases=True)
    except InvalidVersion:
        return False


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
        "conformance": "-",
    }


class _Judge:
    """Decides states one by one; keeps what all decisions need: policies, digests, reports, names already taken."""

    def __init__(self, found: Sequence[Found], settings: Settings) -> None:
        self._settings = settings
        self._policies = policy.read(settings)
        self._taken: dict[str, str] = {}
        self._reported = _reported(settings)
        self._digests = self._read_digests(found)

    def _read_digests(self, found: Sequence[Found]) -> dict[str, str]:
        """Read RECORD files of those alone whose digest somebody asks for: a pin, or a report that names one."""
        from aicr_core.plugins import records

        pinned = {name for policy_file in self._policies for name in policy_file.pins}
        wanted = {item.distribution for item in found if item.name in pinned | self._reported}
        installed = records.installed(wanted) if wanted else []
        return {item.name: item.sha256 for item in installed}

    def row(self, item: Found) -> Document:
        """Give the row of one entry point, state and reason included."""
        row = _row(item)
        row["state"], row["reason"] = self._decide(row, item)
        self._taken.setdefault(item.name, item.distribution)
        return row

    def _decide(self, row: Document, item: Found) -> tuple[str, str]:
        name = item.name
        if name in self._taken:
            return "shadowed", f"the name belongs to {self._taken[name]}"
        declared, unfit, problem = _declared(item)
        if declared is not None:
            row.update({key: value for key, value in declared.items() if key != "name"})
        candidate = self._candidate(row, declared is not None or bool(unfit or problem))
        row["conformance"] = candidate.conformance
        if name in self._settings.disabled:
            return "disabled", "by AICR_DISABLE_PLUGINS or --no-plugin"
        if self._settings.only is not None and name not in self._settings.only:
            return "disabled", "not listed in AICR_PLUGINS"
        disabling = policy.disabling(self._policies, name)
        if disabling:
            own = disabling == self._settings.policy_path
            return "disabled", f"by {disabling}{f'; `aicr plugins enable {name}`' if own else ''}"
        if name == self._settings.tested:
            candidate = candidate._replace(conformance=policy.TESTED)
        refused = policy.refusal(self._policies, candidate)
        if refused:
            return "blocked", refused
        if unfit:
            return "incompatible", unfit
        if problem:
            return "broken", problem
        if policy.isolated(self._policies, name):
            row["isolation"] = "process"
        if declared is None:
            return "undeclared", ""
        return _newer(row, row["hooks"]) or ("active", "")

    def _candidate(self, row: Document, declared: bool) -> policy.Candidate:
        from aicr_core.plugins import records

        name = row["name"]
        digest = ""
        if self._digests:
            digest = self._digests.get(records.normal(row["distribution"]), "")
        verdict = "-"
        if name in self._reported:
            try:
                report = conformance.read(self._settings, name)
                if report is not None and report["distribution"] == row["distribution"]:
                    verdict = conformance.verdict(report, version=row["version"], sha256=digest)
                elif report is not None:
                    verdict = "stale"
            except AicrError:
                verdict = "stale"
        return policy.Candidate(name, row["permissions"], declared, digest, row["version"], verdict)


def _reported(settings: Settings) -> frozenset[str]:
    """Names of the plugins that have a conformance report."""
    try:
        entries = os.listdir(settings.reports_dir)
    except OSError:
        return frozenset()
    names = (entry.removesuffix(".json") for entry in entries if entry.endswith(".json"))
    return frozenset(name for name in names if _NAME.fullmatch(name))


def _declared(item: Found) -> tuple[Document | None, str, str]:
    """Give the checked manifest, why it does not fit, what is wrong with it; without a manifest nothing of these."""
    if not _NAME.fullmatch(item.name):
        return None, "", "a plugin's name is made of lower-case letters, digits and hyphens"
    if item.root is None:
        return None, "", f"its package {item.module.split('.')[0]} is on no import path"
    unfit = ""
    try:
        written = manifest.load(item.root)
        if written is None:
            return None, "", ""
        unfit = _unfit(written.document)
        declared = manifest.check(written)
    except AicrError as error:
        # A manifest for a later core may use words that this one does not know.
        hint = f" ({error.hint})" if error.hint else ""
        return None, unfit, "" if unfit else f"{error}{hint}"
    if declared["name"] != item.name:
        text = f'the manifest says "{declared["name"]}", the entry point "{item.name}"'
        return declared, unfit, text
    return declared, unfit, ""


def _unfit(document: Document) -> str:
    try:
        return manifest.unfit(document)
    except AicrError:
        # The check that follows says so, with the line.
        return ""


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


def _learn(rows: Sequence[Document], settings: Settings) -> None:
    """Decide the plugins without a manifest, whose hooks are learnt once, as the index keeps them."""
    from aicr_core.plugins import undeclared

    found = undeclared.survey([row["module"] for row in rows], settings.env)
    for row in rows:
        answer = found[row["module"]]
        if "problem" in answer:
            row["state"], row["reason"] = "broken", answer["problem"]
            continue
        row["hooks"] = answer["known"]
        newer = _newer(row, [*answer["known"], *answer["unknown"]])
        reason = "it has no aicr-plugin.toml"
        row["reason"] = f"{reason}; {newer[1]}" if newer else reason
