"""Whether a plugin stays within what it was given: time, network, cluster, rights (T09 T10 T11 T12 T16).

And whether its errors are such as people can read (T15 T19).
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aicr_testkit import samples
from aicr_testkit.checks.output import _nothing
from aicr_testkit.model import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_testkit.subject import Subject

_CODES = (
    "NOT_FOUND",
    "UNAUTHORIZED",
    "SERVICE_UNAVAILABLE",
    "TIMEOUT",
    "INVALID_REQUEST",
    "RATE_LIMIT_EXCEEDED",
)
_INCOMPLETE = ("degraded", "failed", "timeout", "skipped", "forbidden", "other")


def _timed(subject: Subject) -> str:
    return _nothing(subject) or (
        "" if subject.first["cancelled"] else "it has no call with a context"
    )


def _clustered(subject: Subject) -> bool:
    return any(answer["clusterless"] for answer in subject.first["answers"].values())


def cancelled(subject: Subject) -> Iterator[str]:
    """T09: a call ends within two seconds after it was cancelled."""
    for key, seconds in subject.first["cancelled"].items():
        if seconds is None:
            yield f"{key} goes on after ctx.cancelled"


def in_time(subject: Subject) -> Iterator[str]:
    """T10: a call ends within two seconds after its deadline, and at all."""
    for key, seconds in subject.first["late"].items():
        if seconds is None:
            yield f"{key} goes on after ctx.remaining() is 0"
    for key, answer in subject.first["answers"].items():
        if answer["status"] == "slow":
            yield f"{key}: {answer['message']}"
    for item in subject.first["providers"]:
        if isinstance(item["timeout"], int | float) and item["timeout"] <= 0:
            yield f"{item['kind']} {item['name']} has timeout {item['timeout']}"


def without_network(subject: Subject) -> Iterator[str]:
    """T11: nobody asks for the network who did not say so."""
    for where, events in subject.first["events"].items():
        if where not in ("import", ""):
            yield from (f"{where} connects to {what}" for kind, what in events if kind == "net")


def without_cluster(subject: Subject) -> Iterator[str]:
    """T12: without a cluster the answer is an error that says so, or `skipped` with a reason; never "passed"."""
    for key, answer in subject.first["answers"].items():
        if not answer["clusterless"]:
            continue
        if answer["status"] == "refused" and answer["code"] not in _CODES:
            yield f"{key}: {answer['message']}"
        for status, reason in answer.get("said_status", ()):
            if status in ("passed", "ok"):
                yield f'{key} says "{status}", and no cluster answered'
            elif status in _INCOMPLETE and not reason:
                yield f'{key} says "{status}" and gives no reason'


def taxonomy(subject: Subject) -> Iterator[str]:
    """T15: whatever goes wrong is an AicrError."""
    for key, answer in subject.first["answers"].items():
        if answer["status"] == "crashed":
            yield f"{key} raises {answer['message']}"


def permissions(subject: Subject) -> Iterator[str]:
    """T16: programs, the cluster, files of the host and of the user are touched only as the manifest says."""
    declared = subject.row["permissions"]
    if not {"cluster.read", "cluster.write"} & set(declared):
        for item in subject.first["providers"]:
            # A check is handed the cluster, whatever it does with it.
            if item["kind"] == "Check" or item["where"] == "cluster":
                yield f'{item["kind"]} {item["name"]} is given the cluster, and permissions has no "cluster.read"'
    for where, events in subject.first["events"].items():
        if where in ("import", ""):
            continue
        for kind, what in events:
            if kind == "exec" and not any(fnmatchcase(f"exec:{what}", word) for word in declared):
                yield f'{where} starts {what}, and permissions has no "exec:{what}"'
            elif kind == "read" and "host.read" not in declared:
                yield f'{where} reads {what}, and permissions has no "host.read"'
            elif kind == "write":
                yield f"{where} writes {what}, outside of what is its own"


def fuzzed(subject: Subject) -> Iterator[str]:
    """T19: random documents are refused or worked with."""
    for key, (seed, message) in subject.first["fuzz"].items():
        yield f"{key} falls over the input of seed {seed}: {message}"


CHECKS = (
    Check("T09", "Cancellation",
          "a call with a context ends within 2 s after ctx.cancelled has become true",
          "Ctrl-C has to end the command, and a thread cannot be killed",
          "look at ctx.cancelled in every loop; run programs with ctx.run", cancelled, _timed),
    Check("T10", "Time limits",
          "a call ends within 2 s after ctx.remaining() has become 0, and every call within 10 s",
          "a plugin that hangs holds up everybody else's answer",
          "give ctx.remaining() to whatever waits; run programs with ctx.run", in_time, _timed),
    Check("T11", "Works without network",
          "with every connection refused, a plugin without the permission net asks for none",
          "air-gapped sites rely on it, and a policy can refuse the permission only if it is declared",
          'declare "net" in permissions, or leave the connection out', without_network,
          lambda s: "it declares the permission net" if s.allows("net") else _nothing(s)),
    Check("T12", "Works without a cluster",
          "cluster collectors, checks and stores end with an AicrError or a status and its reason when no cluster "
          "answers, never with success",
          "a check that passes where nothing was asked is worse than none",
          "let errors of the cluster pass, or give skipped(reason, message)", without_cluster,
          lambda s: _nothing(s) or ("" if _clustered(s) else "nothing of it asks a cluster")),
    Check("T15", "Errors are ours",
          "valid input with a missing network, cluster or file ends in an answer or an AicrError, never in another "
          "exception",
          "only an AicrError has a code, an exit status and a line that says how to mend it",
          "catch what you expect and raise AicrError(Code.X, message, hint=...)", taxonomy, _nothing),
    Check("T16", "Permissions",
          "programs that are started, a cluster that is asked and files that are read outside the package are "
          "declared; nothing is written outside the given folders",
          "an operator's policy decides by what is declared",
          "declare it in permissions (docs/plugins/manifest.md), or leave it out", permissions, _nothing),
    Check("T19", "Random input",
          f"random recipes, snapshots and values (seeds from {samples.SEED}) are answered or refused, without a "
          f"crash or a hang",
          "snapshots come from machines nobody has seen, recipes from other packages",
          "read documents with .get and isinstance; run the seed that is named again", fuzzed, _nothing),
)  # fmt: skip
