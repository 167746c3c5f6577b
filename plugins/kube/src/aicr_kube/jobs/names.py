"""Names, labels and identities: what tells the objects of one run from all others (spec/snapshot.md 14.3).

Every object carries the run's id in its name and in a label, so that two runs never meet and leftovers are found.
"""

from __future__ import annotations

import datetime
import hashlib
import re
import secrets
from typing import TYPE_CHECKING

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

RUN = "aicr.run/run-id"
"""Label: the run that made the object."""
LIFETIME = "aicr.run/lifetime"
"""Annotation: seconds after which no run can still be using the object."""
MANAGED = "app.kubernetes.io/managed-by"
NAME = "app.kubernetes.io/name"
LONGEST = 57
"""Letters of a name: the Job controller adds six for its pod, whose name must stay below 64."""
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_ID = re.compile(r"\d{8}-\d{6}-([0-9a-f]{8}|[0-9a-f]{16})")
"""Of agents with eight digits at the end, of validations with sixteen."""


def new_run(now: datetime.datetime | None = None) -> str:
    """Give a run id, ``YYYYMMDD-HHMMSS-<8 hex>``, unique without asking anybody."""
    moment = now or datetime.datetime.now(datetime.UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


def is_run(text: str) -> bool:
    """Tell whether ``text`` has the form of a run id."""
    return _ID.fullmatch(text) is not None


def check_prefix(prefix: str, where: str) -> None:
    """Refuse a prefix that makes no name. Raises AicrError(INVALID_REQUEST) naming the flag ``where``."""
    if not _PREFIX.fullmatch(prefix):
        raise AicrError(
            Code.INVALID_REQUEST, f'"{prefix}" cannot start the name of an object', where=where,
            hint="use small letters, digits and -, with a letter or digit at both ends",
        )  # fmt: skip


def named(prefix: str, run: str, *further: str) -> str:
    """Join prefix, run id and further parts to a name; a long prefix is cut, never the id."""
    tail = "-".join((run, *further))
    return f"{prefix[: LONGEST - len(tail) - 1].rstrip('-')}-{tail}"


def short(text: str) -> str:
    """Give eight hex digits that stand for a node's name, which may itself be too long for a name."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]


def labels(run: str) -> dict[str, str]:
    """Give the labels of every object of the run."""
    return {NAME: "aicr", MANAGED: "aicr", RUN: run}


def selector(run: str) -> str:
    """Give the label selector that finds what the run made, and nothing else."""
    return f"{NAME}=aicr,{RUN}={run}"


def run_of(item: Mapping[str, object]) -> str:
    """Give the run that an object belongs to; empty for an object of somebody else."""
    run = _labelled(item)
    return run if is_run(run) else ""


def is_of(item: Mapping[str, object], run: str) -> bool:
    """Tell whether an object belongs to ``run``."""
    return bool(run) and _labelled(item) == run


def _labelled(item: Mapping[str, object]) -> str:
    metadata = item.get("metadata")
    found = metadata.get("labels") if isinstance(metadata, dict) else None
    if not isinstance(found, dict) or found.get(NAME) != "aicr" or found.get(MANAGED) != "aicr":
        return ""
    return str(found.get(RUN) or "")
