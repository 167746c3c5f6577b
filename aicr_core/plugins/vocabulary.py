"""The words that a manifest may use: kinds of things a plugin provides, and permissions it says it needs.

The words are a part of the hook API: a manifest with another one is refused, so that a typing error does not read as
"needs nothing". A plugin that is written for a later hook API is told apart before its words are looked at.
"""

from __future__ import annotations

import re

KINDS = (
    # Registered by hooks, by name (specs).
    "agent", "bundle-check", "bundler", "chart-engine", "check", "cluster", "collector", "command", "deployer",
    "dimension", "evidence", "inventory", "lint", "matcher", "phase", "publisher", "report", "runner", "signer",
    "store",
    # Hooks without a provider's name: the plugin gives one.
    "constraint", "images", "policy", "values",
    # What the data of a plugin brings.
    "component", "criteria", "data", "mixin", "overlay",
)  # fmt: skip
"""What ``kind`` of ``[[provides]]`` may be."""

BASE = ("data", "base")
"""Kind and name by which the manifest of the base catalogue says what it is: its layer is the first."""

PERMISSIONS = ("cluster.read", "cluster.write", "host.read", "net", "exec:NAME")
"""What ``permissions`` may hold; NAME is a program; ``exec:docker-credential-*`` is a family of them."""

_PLAIN = PERMISSIONS[:-1]
_EXEC = re.compile(r"exec:[A-Za-z0-9][A-Za-z0-9._+-]*\*?")


def is_permission(word: str) -> bool:
    """Tell whether a manifest may declare ``word``."""
    return word in _PLAIN or bool(_EXEC.fullmatch(word) and word != PERMISSIONS[-1])


def is_limit(word: str) -> bool:
    """Tell whether a policy may grant ``word``: what may be declared, and ``exec:*`` for every program."""
    return word == "exec:*" or is_permission(word)


def exceeding(declared: list[str], granted: frozenset[str]) -> list[str]:
    """Give the declared permissions that are not granted, as declared."""
    from fnmatch import fnmatchcase

    patterns = [word for word in granted if word.startswith("exec:")]
    return [
        word
        for word in declared
        if word not in granted
        and not (
            word.startswith("exec:") and any(fnmatchcase(word, pattern) for pattern in patterns)
        )
    ]
