"""Policy files: which plugins the system and the user let in, and on what terms (docs/user/plugins.md).

Every file is asked on its own and each has to agree, so the stricter one wins whatever stands in the other: denials
add up, of allow lists what is in all of them is left, and two different pins of one plugin refuse it. A file that
cannot be read or understood stops the command: a policy that is skipped is none. What is asked for is decided when
the index is built; a warm command reads no policy.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.plugins import vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.kit.tomlfile import TomlFile
    from aicr_core.model.settings import Settings

LISTS = ("disabled", "allow", "deny", "isolate", "max_permissions")
FIELDS = (*LISTS, "pins", "versions", "require_conformance")
_SHA256 = re.compile(r"[0-9a-f]{64}")


TESTED = "tested"
"""Stands for the report of a plugin that is being tested: everything but the report is asked of it."""


class Candidate(NamedTuple):
    """What is known of a plugin when a policy is asked: nothing of it has been imported."""

    name: str
    permissions: list[str]
    declared: bool
    """It has a manifest; without one its permissions are not known."""
    sha256: str
    """Digest of its installed distribution (plugins.records), empty for a working tree."""
    version: str
    conformance: str
    """passed, failed, stale or -."""


class Policy(NamedTuple):
    """One policy file; an absent field is None or empty and says nothing."""

    path: str
    disabled: frozenset[str] = frozenset()
    allow: frozenset[str] | None = None
    deny: frozenset[str] = frozenset()
    isolate: frozenset[str] = frozenset()
    max_permissions: frozenset[str] | None = None
    pins: Mapping[str, str] = {}
    versions: Mapping[str, str] = {}
    require_conformance: bool | frozenset[str] = False

    def names(self) -> frozenset[str]:
        """Give the plugins that the file names anywhere."""
        required = self.require_conformance
        return frozenset().union(
            self.disabled, self.allow or (), self.deny, self.isolate, self.pins, self.versions,
            required if isinstance(required, frozenset) else (),
        )  # fmt: skip

    def refusal(self, plugin: Candidate) -> str:
        """Say why this file keeps a plugin out; empty when it does not."""
        name = plugin.name
        if name in self.deny:
            return f"{self.path} denies it"
        if self.allow is not None and name not in self.allow:
            return f"{self.path} does not allow it"
        return self._permissions(plugin) or self._pin(plugin) or self._conformance(plugin)

    def _permissions(self, plugin: Candidate) -> str:
        if self.max_permissions is None:
            return ""
        if not plugin.declared:
            return f"it has no manifest to declare permissions, which {self.path} limits"
        excess = vocabulary.exceeding(plugin.permissions, self.max_permissions)
        return f"it needs {', '.join(excess)}, which {self.path} does not grant" if excess else ""

    def _pin(self, plugin: Candidate) -> str:
        pin = self.pins.get(plugin.name)
        if pin is not None and pin != plugin.sha256:
            got = (
                f"installed is {plugin.sha256}" if plugin.sha256 else "a working tree has no digest"
            )
            return f"{self.path} pins it to {pin}; {got}"
        wanted = self.versions.get(plugin.name)
        if wanted is not None and wanted != plugin.version:
            return f"{self.path} wants version {wanted}; installed is {plugin.version or 'none'}"
        return ""

    def _conformance(self, plugin: Candidate) -> str:
        required = self.require_conformance
        asked = required if isinstance(required, bool) else plugin.name in required
        if not asked or (plugin.conformance == "passed" and plugin.sha256):
            return ""
        if plugin.conformance == TESTED:
            return ""
        what = {
            "passed": "a working tree changes without notice, so no report proves it",
            "failed": "its last one says failed",
            "stale": "its last one is of another version, core or hookspec, or cannot be read",
        }.get(plugin.conformance, f"there is none: `aicr plugins test {plugin.name}`")
        return f"{self.path} requires a passed conformance report; {what}"


def read(settings: Settings) -> list[Policy]:
    """Give the policy files that are there, the system's first. Raises AicrError naming file and line."""
    from aicr_core.kit import tomlfile

    found = []
    for path in settings.policy_paths:
        written = tomlfile.read(path, "the policy")
        if written is not None:
            found.append(parse(written))
        elif path == settings.env.get("AICR_SYSTEM_POLICY"):
            raise AicrError(
                Code.INVALID_REQUEST, f"there is no policy {path}", where="AICR_SYSTEM_POLICY",
                hint="correct or unset it; without the file nothing would be refused",
            )  # fmt: skip
    return found


def refusal(policies: Sequence[Policy], plugin: Candidate) -> str:
    """Say why a plugin is kept out by any of the files; the first that refuses is named, digests conflicts both."""
    pins = {policy.pins[plugin.name]: policy for policy in policies if plugin.name in policy.pins}
    if len(pins) > 1:
        both = " and ".join(f"{policy.path} to {pin}" for pin, policy in sorted(pins.items()))
        return f"it is pinned twice: {both}"
    for policy in policies:
        reason = policy.refusal(plugin)
        if reason:
            return reason
    return ""


def disabling(policies: Sequence[Policy], name: str) -> str:
    """Give the file that disables a plugin, or nothing."""
    return next((policy.path for policy in policies if name in policy.disabled), "")


def isolated(policies: Sequence[Policy], name: str) -> bool:
    """Tell whether a plugin has to run in a process of its own, whatever its manifest says."""
    return any(name in policy.isolate for policy in policies)


def parse(written: TomlFile) -> Policy:
    """Give a policy file checked. Raises AicrError naming file, line and field."""
    document = written.document
    for field, value in document.items():
        if field not in FIELDS:
            close = nearest(field, FIELDS)
            hint = f'did you mean "{close}"?' if close else f"known: {', '.join(FIELDS)}"
            _refuse(written, f'unknown field "{field}"', field, hint=hint)
        if field in LISTS and not _is_texts(value):
            _refuse(written, f"{field} must be a list of texts", field)
    for word in document.get("max_permissions", ()):
        if not vocabulary.is_limit(word):
            close = nearest(word, vocabulary.PERMISSIONS)
            known = f"known: {', '.join((*vocabulary.PERMISSIONS, 'exec:*'))}"
            hint = f'did you mean "{close}"?' if close else known
            _refuse(written, f'unknown permission "{word}"', "max_permissions", hint=hint)
    lists: dict[str, Any] = {name: frozenset(document[name]) for name in LISTS if name in document}
    return Policy(
        path=written.path,
        **lists,
        pins=_pins(written),
        versions=_table(written, "versions", "a table of versions, by plugin"),
        require_conformance=_required(written),
    )


def _pins(written: TomlFile) -> dict[str, str]:
    pins = _table(written, "pins", "a table of digests, by plugin")
    for name, pin in pins.items():
        if not _SHA256.fullmatch(pin):
            message = f'pins.{name}: "{pin}" is no SHA-256 in lower-case hexadecimal'
            _refuse(written, message, "pins", name, hint="`aicr plugins lock` writes them")
    return pins


def _table(written: TomlFile, field: str, wanted: str) -> dict[str, str]:
    value = written.document.get(field, {})
    if not (isinstance(value, dict) and all(isinstance(item, str) for item in value.values())):
        _refuse(written, f"{field} must be {wanted}", field)
    return dict(value)


def _required(written: TomlFile) -> bool | frozenset[str]:
    value = written.document.get("require_conformance", False)
    if isinstance(value, bool):
        return value
    if not _is_texts(value):
        message = "require_conformance must be true, false or a list of plugin names"
        _refuse(written, message, "require_conformance")
    return frozenset(value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _refuse(written: TomlFile, message: str, *place: str, hint: str | None = None) -> NoReturn:
    raise AicrError(Code.INVALID_REQUEST, message, where=written.where(*place), hint=hint)
