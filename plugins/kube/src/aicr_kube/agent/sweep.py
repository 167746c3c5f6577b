"""Find and remove what dead runs left: a client that was killed cannot clean up after itself (spec/snapshot.md 14.3).

Only objects with our labels and a run id are looked at. A run is dead when its objects are older than both an hour and
the longest time that the run itself was given.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError
from aicr_kube.agent import sink
from aicr_kube.jobs import names
from aicr_kube.jobs.api import namespaced, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_kube.jobs.api import Api

Object = dict[str, Any]
HOUR = 3600.0
# Jobs first: what they own goes with them.
_KINDS = (
    ("batch/v1", "jobs"), ("v1", "pods"), (f"{sink.RBAC}/v1", "rolebindings"), (f"{sink.RBAC}/v1", "roles"),
    ("v1", "serviceaccounts"), ("v1", "configmaps"),
)  # fmt: skip


class Leftover(NamedTuple):
    """An object of a dead run; ``age`` is in seconds."""

    place: str
    uid: str
    run: str
    age: float


def find(
    api: Api,
    namespace: str,
    older_than: float,
    now: datetime.datetime,
    log: Callable[[str], None],
) -> list[Leftover]:
    """Give the leftovers in a namespace, or in all when it is empty. Raises AicrError when nothing may be listed."""
    found: list[Leftover] = []
    refused: list[AicrError] = []
    selector = f"{names.NAME}=aicr,{names.MANAGED}=aicr,{names.RUN}"
    for version, plural in _KINDS:
        root = "api" if "/" not in version else "apis"
        path = (
            namespaced(version, namespace, plural) if namespace else f"/{root}/{version}/{plural}"
        )
        try:
            items = list(api.objects(path, selector))
        except AicrError as error:
            if status(error) not in (403, 404):
                raise
            refused.append(error)
            continue
        for item in items:
            leftover = _leftover(item, version, plural, older_than, now)
            if leftover is not None:
                found.append(leftover)
    if len(refused) == len(_KINDS):
        raise refused[0]
    for refusal in refused:
        log(f"not looked at: {refusal.message}")
    return found


def _leftover(
    item: Object, version: str, plural: str, older_than: float, now: datetime.datetime
) -> Leftover | None:
    metadata = item["metadata"]
    run = names.run_of(item)
    if not run or metadata.get("deletionTimestamp"):
        return None
    if any(owner.get("kind") == "Job" for owner in metadata.get("ownerReferences") or ()):
        # It goes with its Job, by the hand of the cluster.
        return None
    if plural == "configmaps" and not (sink.is_unused_placeholder(item) or _is_validation(item)):
        return None
    age = _age(metadata, now)
    if age <= max(older_than, _lifetime(metadata)):
        return None
    place = namespaced(version, metadata["namespace"], plural, metadata["name"])
    return Leftover(place, metadata["uid"], run, age)


def _is_validation(item: Object) -> bool:
    """Tell whether an object is of a run of checks, whose documents are of no use after it."""
    component = item["metadata"]["labels"].get("app.kubernetes.io/component")
    return bool(component == "validation")


def _age(metadata: Object, now: datetime.datetime) -> float:
    """Give seconds since the server made the object; 0, and so alive, when it does not say."""
    try:
        made = datetime.datetime.fromisoformat(str(metadata.get("creationTimestamp") or ""))
    except ValueError:
        return 0.0
    if made.tzinfo is None:
        return 0.0
    return (now - made).total_seconds()


def _lifetime(metadata: Object) -> float:
    text = str((metadata.get("annotations") or {}).get(names.LIFETIME) or "")
    return float(text) if text.isdecimal() and len(text) < 10 else 0.0


def remove(api: Api, leftovers: list[Leftover]) -> list[tuple[Leftover, AicrError]]:
    """Delete them, each by its UID; give those that could not be deleted, and why."""
    problems = []
    for leftover in leftovers:
        try:
            api.delete(leftover.place, leftover.uid)
        except AicrError as error:
            problems.append((leftover, error))
    return problems
