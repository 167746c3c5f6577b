"""What the child process says of a visit to a plugin: the shape that both sides know."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def blank() -> Document:
    """Give what is seen of a plugin that did nothing."""
    return {
        "events": {},
        "hooks": [],
        "unknown": [],
        "problem": "",
        "answers": {},
        "registering": {},
        "providers": [],
        "cancelled": {},
        "late": {},
        "fuzz": {},
        "threads": 0,
    }
