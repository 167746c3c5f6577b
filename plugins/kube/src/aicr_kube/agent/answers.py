"""Get an agent's answer out of the log of its pod: frames become a document, other lines are for people.

What a pod writes is foreign: it may be endless, cut, no JSON, or hold terminal controls.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code, read_frames
from aicr_kube.jobs.api import is_outage, status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aicr_kube.jobs.api import Api

_MARK = "AICR1 "
MAX_BYTES = 64 * 1024 * 1024
"""What a log may hold; a snapshot of one node, packed, is a few hundred KiB."""
_LONGEST = 1000
TAIL = 3


class Answer(NamedTuple):
    """What one reading of a log gave. ``document`` None: ``lost`` says why."""

    document: dict[str, Any] | None
    lost: str
    tail: tuple[str, ...]


def read(
    api: Api,
    namespace: str,
    pod: str,
    *,
    follow: bool,
    patience: float,
    pause: float,
    show: Callable[[str], None] | None = None,
) -> Answer:
    """Read a pod's log to its end, or ``follow`` it, and give what it carries.

    Lines that are no frames go to ``show`` as they come. An API server that does not answer is asked again for
    ``patience`` seconds. Raises AicrError when the log cannot be read.
    """
    end = time.monotonic() + patience
    while True:
        try:
            return answer(_lines(api, namespace, pod, follow, show))
        except AicrError as error:
            # 400: the kubelet is not ready to give the log of a container that has just started.
            if not (is_outage(error) or status(error) == 400) or time.monotonic() >= end:
                raise
            time.sleep(pause)


def _lines(
    api: Api, namespace: str, pod: str, follow: bool, show: Callable[[str], None] | None
) -> list[str]:
    found: list[str] = []
    size = 0
    for line in api.logs(namespace, pod, follow=follow):
        text = line.rstrip("\r")
        size += len(text)
        if size > MAX_BYTES:
            raise AicrError(
                Code.INTERNAL, f"the log holds more than {MAX_BYTES} bytes", where=f"pod {pod}"
            )
        found.append(text)
        if show is not None and not text.startswith(_MARK):
            show(clean(text))
    return found


def answer(lines: Sequence[str]) -> Answer:
    """Give the document that the frames in ``lines`` carry, or say why there is none."""
    plain = [clean(line) for line in lines if not line.startswith(_MARK)]
    tail = tuple([line for line in plain if line.strip()][-TAIL:])
    try:
        data, _ = read_frames(lines)
    except AicrError as error:
        return Answer(None, error.message, tail)
    if data is None:
        return Answer(None, "the log holds no snapshot", tail)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return Answer(None, "what arrived is no JSON", tail)
    if not isinstance(document, dict) or document.get("kind") != "Snapshot":
        return Answer(None, "what arrived is no snapshot", tail)
    return Answer(document, "", tail)


def clean(line: str) -> str:
    """Give a foreign line without controls that a terminal would obey, and not endless."""
    if len(line) > _LONGEST:
        line = f"{line[:_LONGEST]}…"
    return "".join(char if char.isprintable() or char == "\t" else "\ufffd" for char in line)
