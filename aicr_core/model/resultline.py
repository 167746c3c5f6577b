"""Carry a verdict through the log of a container: one line of ASCII JSON that others write around. Pure.

Exit status and termination log say how a check went, and why; reason, expected, actual, remediation and evidence have
no place there. Form: ``aicr.run/result: {"run": ..., "check": ..., "status": ..., ...}``, docs/plugins/containers.md.
Whether the line may be believed is for its reader to decide, who knows how the container ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import Code
from aicr_core.model.check import STATUSES, CheckResult, Evidence

if TYPE_CHECKING:
    from collections.abc import Iterable

Document = dict[str, Any]
MARK = "aicr.run/result: "
MOST = 16_000
"""Characters of the line, which are bytes: runtimes write up to 16 KiB as one record, so nothing gets between."""
_FIELD = 2_500
"""Characters that each text of a verdict keeps when all together are too long."""
_TEXTS = ("reason", "message", "expected", "actual", "remediation")
_CUT = "... [cut]"
_REST = {"label": "Cut", "text": "the rest of the evidence is in the output of the check"}


def write_result_line(result: CheckResult, *, run: str, check: str) -> str:
    """Give the line, without its end, for the check of that name in that run.

    What does not fit is cut and says so: evidence from its end, then texts of the verdict.
    """
    head: Document = {"run": run, "check": check, "status": result.status}
    if result.code is not None:
        head["code"] = result.code.value
    texts = {name: getattr(result, name) for name in _TEXTS if getattr(result, name)}
    blocks = [_block(evidence) for evidence in result.evidence]
    whole = {**head, **texts, "evidence": blocks} if blocks else {**head, **texts}
    line = MARK + _json(whole)
    if len(line) <= MOST:
        return line
    if len(MARK + _json({**head, **texts, "evidence": [_REST]})) > MOST:
        texts = {name: _cut(text, _FIELD) for name, text in texts.items()}
    if blocks:
        room = MOST - len(MARK + _json({**head, **texts, "evidence": [_REST]}))
        texts["evidence"] = [*_fitting(blocks, room), _REST]
    return MARK + _json({**head, **texts})


def read_result_line(line: str, *, run: str, check: str) -> CheckResult | None:
    """Give the verdict that a line carries; None for any other line, and for one of another run or check.

    Fields that are not known are passed over, so is a code that is none of ours. A field of a wrong type makes the
    line no result.
    """
    import json

    line = line.rstrip()
    if not line.startswith(MARK) or len(line) > MOST:
        return None
    try:
        found = json.loads(line[len(MARK) :])
        if not isinstance(found, dict) or (found.get("run"), found.get("check")) != (run, check):
            return None
        return _result(found)
    except (ValueError, RecursionError):
        return None


def _json(document: object) -> str:
    import json

    return json.dumps(document, separators=(",", ":"))


def _block(evidence: Evidence) -> dict[str, str]:
    fields = {"label": evidence.label, "text": evidence.text, "command": evidence.command}
    return {name: text for name, text in fields.items() if text}


def _fitting(blocks: Iterable[dict[str, str]], room: int) -> list[dict[str, str]]:
    """Give the first blocks, of the last of them the beginning, that take ``room`` characters with their commas."""
    kept = []
    for block in blocks:
        room -= len(_json(block)) + 1
        if room < 0:
            text = _cut(block.get("text", ""), room + _size(block.get("text", "")))
            if text:
                kept.append({**block, "text": text})
            break
        kept.append(block)
    return kept


def _cut(text: str, room: int) -> str:
    """Give a text as far as ``room`` characters of JSON hold it, with a word that it goes on."""
    if _size(text) <= room:
        return text
    room -= len(_CUT)
    at = 0
    for char in text:
        room -= _size(char)
        if room < 0:
            break
        at += 1
    return f"{text[:at]}{_CUT}" if at else ""


def _size(text: str) -> int:
    return len(_json(text)) - 2


def _result(found: Document) -> CheckResult:
    """Raises ValueError for a document that is no verdict."""
    status, code = _text(found, "status"), _text(found, "code")
    if status not in STATUSES:
        raise ValueError(status)
    blocks = found.get("evidence") or []
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise ValueError("evidence")
    return CheckResult(
        status=status,
        code=Code(code) if code in {known.value for known in Code} else None,
        evidence=tuple(
            Evidence(_text(block, "label"), _text(block, "text"), _text(block, "command")) for block in blocks
        ),
        **{name: _text(found, name) for name in _TEXTS},
    )  # fmt: skip


def _text(found: Document, name: str) -> str:
    """Give a text that can be written as UTF-8; empty when it is not there."""
    text = found.get(name)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise ValueError(name)
    return text.encode("utf-8", "replace").decode("utf-8")
