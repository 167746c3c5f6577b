"""What became of a check's container, as the verdict of the check (spec/validate.md 6.4, 7). Pure.

Exit status 0, 1 and 2 are the check's own word; everything else gives no verdict and is ``other``, with the
cluster's reason and what mends it. A result line of its log adds to a verdict, and never makes another one of it.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from aicr_core.api import AicrError, CheckResult, Code, passed, read_result_line, skipped
from aicr_kube.checks.objects import CONTAINER

if TYPE_CHECKING:
    from aicr_kube.jobs.troubles import Trouble

Object = dict[str, Any]
LINES = 1000
WIDTH = 512
"""Bytes of a line."""
LAST = 50
"""Lines at the end of a log among which a result line is: standard error may come after it."""
UNEXPECTED = "UnexpectedExit"
FAILED, OTHER = "failed", "other"
_SAID = re.compile(r"\[([A-Z_]+)\] (.*)", re.DOTALL)
_LONGEST = 4096
_PULL = "check the image's name, the way from the node to its registry, and --image-pull-secret"
_HINTS = {
    "OOMKilled": "give the check more memory: resources.memory of its entry in the validator catalogue",
    "Evicted": "the node is short of memory or disk: see kubectl describe node, and run again",
    "Unschedulable": "free resources on the nodes, or choose others with --node-selector and --toleration",
    "DeadlineExceeded": "the check did not end by itself: see its output, or give it more time in the catalogue",
    "ErrImagePull": _PULL,
    "ImagePullBackOff": _PULL,
    "ErrImageNeverPull": _PULL,
    "RegistryUnavailable": _PULL,
    "InvalidImageName": "mend the image of the check in the validator catalogue, or AICR_VALIDATOR_IMAGE_REGISTRY",
    "CreateContainerConfigError": "the image does not run without root: give it a numeric user of its own",
    "StartError": "the image has not the program that the check's entry names",
    "ContainerCannotRun": "the image has not the program that the check's entry names",
    "FailedCreate": "mend what the message names: quota, pod security or an admission rule of the namespace",
    "FailedMount": "see kubectl describe pod, and run again",
    "NodeLost": "look at the node with kubectl describe node, and run again",
    "JobDeleted": "something deleted the Job while it ran: run again",
    "PodMissing": "something removed the pod while the check ran: see kubectl get events, and run again",
    "ContainerRunning": "look at the node's kubelet, and run again",
    "ApiUnavailable": "check the API server's health, and run again",
    "Interrupted": "run again",
}


class Ended(NamedTuple):
    """How a check's container ended: times are milliseconds since 1970, 0 when unknown."""

    result: CheckResult
    start: int = 0
    stop: int = 0
    started: bool = False
    """The container ran, and so may have a log."""


def other(reason: str, message: str, code: Code = Code.INTERNAL, hint: str = "") -> CheckResult:
    """Give the answer for a check that gave no verdict."""
    return CheckResult(
        status=OTHER, reason=reason, message=message, code=code,
        remediation=_HINTS.get(reason, "") or hint,
    )  # fmt: skip


def of_error(error: AicrError, what: str) -> CheckResult:
    """Give the answer for a check that the API server kept from running, or from being seen."""
    status = getattr(error, "status", 0)
    outage = error.code in (Code.SERVICE_UNAVAILABLE, Code.TIMEOUT, Code.RATE_LIMIT_EXCEEDED)
    reason = str(getattr(error, "reason", "") or "")
    if outage and not status:
        reason = "ApiUnavailable"
    return other(reason or "ApiError", f"{what}: {error.message}", error.code, error.hint or "")


def of_trouble(trouble: Trouble, what: str = "") -> CheckResult:
    """Give the answer for a pod that cannot run."""
    text = f"{trouble.reason}: {trouble.text}" if trouble.text else trouble.reason
    code = Code.TIMEOUT if trouble.reason == "DeadlineExceeded" else Code.INTERNAL
    return other(trouble.reason, f"{what}{text}", code)


def of_pod(pod: Object) -> Ended | None:
    """Give how the container of a pod ended; None when it has not."""
    state = _state(pod)
    ended = state.get("terminated")
    if not isinstance(ended, dict):
        return None
    start, stop = _moment(ended.get("startedAt")), _moment(ended.get("finishedAt"))
    return Ended(_verdict(ended, pod), start, stop if stop >= start else start, started=bool(start))


def is_running(pod: Object) -> bool:
    """Tell whether the check's container is running."""
    return isinstance(_state(pod).get("running"), dict)


def _state(pod: Object) -> Object:
    found = (pod.get("status") or {}).get("containerStatuses")
    named = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    chosen = next((item for item in named if item.get("name") == CONTAINER), None)
    if chosen is None:
        chosen = named[0] if named else {}
    state = chosen.get("state")
    return state if isinstance(state, dict) else {}


def _verdict(ended: Object, pod: Object) -> CheckResult:
    status, reason = ended.get("exitCode"), str(ended.get("reason") or "")
    said = _termination(ended)
    evicted = str((pod.get("status") or {}).get("reason") or "")
    if reason == "OOMKilled":
        return other(reason, "the container was OOMKilled: it needed more memory than its limit")
    if status in (0, 1, 2) and reason not in ("StartError", "ContainerCannotRun"):
        return _own_word(int(status), said)
    if evicted:
        text = str((pod.get("status") or {}).get("message") or "")
        return other(evicted, f"{evicted}: {text}" if text else evicted)
    text = f"the container ended with exit status {status}"
    if said:
        text += f": {said}"
    return other(reason if reason not in ("", "Error") else UNEXPECTED, text,
                 hint="see the check's output")  # fmt: skip


def _termination(ended: Object) -> str:
    return readable(str(ended.get("message") or "").strip()[:_LONGEST])


def _own_word(status: int, said: str) -> CheckResult:
    found = _SAID.fullmatch(said)
    known = {code.value for code in Code}
    code = Code(found[1]) if found and found[1] in known else None
    text = found[2] if found and code is not None else said
    if status == 0:
        return passed(text)
    if status == 1:
        # One that names no class of failure gets none: it is not ours to guess.
        text = text or "the check failed and gave no reason"
        return CheckResult(status=FAILED, code=code, reason="CheckFailed", message=text)
    return skipped(
        "NotApplicable", text or "the check does not apply, and its image gave no reason",
        remediation="" if text else "see the check's output",
    )  # fmt: skip


def _moment(text: object) -> int:
    try:
        moment = datetime.datetime.fromisoformat(str(text or ""))
    except ValueError:
        return 0
    return int(moment.timestamp() * 1000) if moment.tzinfo is not None else 0


def with_log(
    ended: Ended, pod: Object, log: str, *, run: str, check: str
) -> tuple[Ended, tuple[str, ...]]:
    """Give how a container ended with what the result line of its log adds, and the log as the report holds it.

    The last line that carries a result of this check counts if it fits the verdict of the exit status, and is not
    shown then. Any other is output.
    """
    lines = log.rstrip("\n").split("\n")
    for at in reversed(range(len(lines))[-LAST:]):
        said = read_result_line(lines[at], run=run, check=check)
        if said is not None:
            if _fits(said, ended.result):
                del lines[at]
                text = _termination(_state(pod).get("terminated") or {})
                ended = ended._replace(result=_detailed(ended.result, _clean(said), text))
            break
    else:
        return ended, lines_of(log)
    return ended, lines_of("\n".join(lines))


def _fits(said: CheckResult, result: CheckResult) -> bool:
    """Tell whether a result line may be believed: what the cluster says of a container's end is not its word."""
    return said.status == result.status and (said.status != OTHER or result.reason == UNEXPECTED)


def _detailed(result: CheckResult, said: CheckResult, text: str) -> CheckResult:
    """Add what a result line says to a verdict; ``text`` is the termination log, which comes first and may be cut."""
    wrote = f"[{said.code}] {said.message}" if said.code is not None else said.message
    if not wrote.lstrip().startswith(text):
        said = attrs.evolve(said, code=result.code or said.code, message=result.message)
    return attrs.evolve(
        said, reason=said.reason or result.reason, message=said.message or result.message
    )


def _clean(said: CheckResult) -> CheckResult:
    return attrs.evolve(
        said, reason=readable(said.reason), message=readable(said.message), expected=readable(said.expected),
        actual=readable(said.actual), remediation=readable(said.remediation),
        evidence=tuple(
            attrs.evolve(one, label=readable(one.label), text=readable(one.text), command=readable(one.command))
            for one in said.evidence
        ),
    )  # fmt: skip


def lines_of(text: str) -> tuple[str, ...]:
    """Give a log as the report holds it: the last 1000 lines, each of at most 512 bytes, without controls."""
    if not text:
        return ()
    lines = text.rstrip("\n").split("\n")[-LINES:]
    return tuple(readable(_short(line)) for line in lines)


def _short(line: str) -> str:
    data = line.encode("utf-8", "replace")
    if len(data) <= WIDTH:
        return line
    return f"{data[:WIDTH].decode('utf-8', 'ignore')}... [truncated {len(data) - WIDTH} chars]"


def readable(text: str) -> str:
    """Give a foreign text without what a terminal would obey."""
    return "".join(
        char if char in "\t\n" or (char >= " " and not "\x7f" <= char <= "\x9f") else "\ufffd"
        for char in text.rstrip("\r")
    )
