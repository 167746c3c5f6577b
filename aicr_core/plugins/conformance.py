"""Reports of the conformance kit: where they are kept, what they hold, and what they are worth today.

A report is about one distribution as it was installed when the kit ran. It counts while that is still what is
installed and while core and hook API are those it was made with; otherwise it is stale. The kit writes reports, the
index reads them when it is built (states, policy); nothing here runs a check. Reports are files of the user: they
guard against forgetting, not against somebody who may write to the user's files (docs/user/plugins.md).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from aicr_core._version import HOOKSPEC, __version__
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aicr_core.model.settings import Settings

Document = dict[str, Any]
STATUSES = ("passed", "failed", "skipped")
MAX_BYTES = 1 << 20
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_TEXT = ("kit", "plugin", "distribution", "version", "record_sha256", "core", "hookspec")
_RESULT = ("id", "title", "status", "message")


def path(settings: Settings, plugin: str) -> str:
    """Give the file of one plugin's report. Raises AicrError(INVALID_REQUEST) for what cannot be a plugin's name."""
    if not _NAME.fullmatch(plugin):
        raise AicrError(Code.INVALID_REQUEST, f'"{plugin}" is no plugin name')
    return f"{settings.reports_dir}/{plugin}.json"


def report(
    *,
    kit: str,
    plugin: str,
    distribution: str,
    version: str,
    results: Iterable[Mapping[str, str]],
) -> Document:
    """Make the report of a run of the kit: ``results`` are id, title, status and message of each check.

    The digest of what is installed, core and hook API are filled in. It has passed when nothing failed and at least
    one check passed. Raises AicrError(INVALID_REQUEST) for results of another shape.
    """
    from aicr_core.plugins import records

    found = records.installed([distribution])
    listed = [dict(result) for result in results]
    made: Document = {
        "kit": kit,
        "plugin": plugin,
        "distribution": distribution,
        "version": version,
        "record_sha256": found[0].sha256 if found else "",
        "core": __version__,
        "hookspec": HOOKSPEC,
        "results": listed,
        "passed": _all_passed(listed),
    }
    return _checked(made, plugin)


def write(settings: Settings, document: Mapping[str, Any]) -> str:
    """Keep a report in place of the plugin's earlier one; give the file.

    Raises AicrError: INVALID_REQUEST for a report of another shape, UNAUTHORIZED and others when it cannot be written.
    """
    import json

    from aicr_core.kit.paths import atomic_write, fault

    target = path(settings, str(document.get("plugin", "")))
    text = json.dumps(_checked(dict(document), target), indent=2, ensure_ascii=False) + "\n"
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
    except OSError as error:
        raise fault(error, target, "write") from None
    atomic_write(target, text.encode("utf-8"))
    return target


def read(settings: Settings, plugin: str) -> Document | None:
    """Give a plugin's report, None without one. Raises AicrError(INVALID_REQUEST) for a file that is none."""
    import json

    from aicr_core.kit.paths import fault

    source = path(settings, plugin)
    try:
        with open(source, "rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise fault(error, source, "read") from None
    try:
        document = json.loads(data) if len(data) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _wrong(source, "it is no JSON object of up to 1 MiB")
    return _checked(document, source)


def verdict(document: Mapping[str, Any] | None, *, version: str, sha256: str) -> str:
    """Give what a report is worth for what is installed with ``version`` and ``sha256``: passed, failed, stale or -.

    A working tree has no digest (``sha256`` empty on both sides): its report counts by version alone.
    """
    if document is None:
        return "-"
    made_for = (
        document["version"],
        document["record_sha256"],
        document["core"],
        document["hookspec"],
    )
    if made_for != (version, sha256, __version__, HOOKSPEC):
        return "stale"
    return "passed" if document["passed"] else "failed"


def _all_passed(results: list[Document]) -> bool:
    statuses = {result.get("status") for result in results}
    return "failed" not in statuses and "passed" in statuses


def _checked(document: Document, source: str) -> Document:
    for field in _TEXT:
        if not isinstance(document.get(field), str):
            raise _wrong(source, f'field "{field}" is no text')
    results = document.get("results")
    if not isinstance(results, list):
        raise _wrong(source, 'field "results" is no list')
    for result in results:
        if not (
            isinstance(result, dict)
            and all(isinstance(result.get(field), str) for field in _RESULT)
            and result["status"] in STATUSES
        ):
            raise _wrong(
                source, f"a result has {', '.join(_RESULT)}; status: {', '.join(STATUSES)}"
            )
    # A report that contradicts itself was written by hand.
    if document.get("passed") is not _all_passed(results):
        raise _wrong(source, 'field "passed" does not agree with the results')
    return document


def _wrong(source: str, what: str) -> AicrError:
    hint = "run `aicr plugins test NAME` again"
    return AicrError(
        Code.INVALID_REQUEST, f"no conformance report: {what}", where=source, hint=hint
    )
