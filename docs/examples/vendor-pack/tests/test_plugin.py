"""What aicr knows of the plugin before any of its code runs."""

from __future__ import annotations

from aicr_core.api import Session

NAME = "fathom"
PROVIDES = [
    ("component", "fathom-operator"),
    ("bundler", "fathom-operator"),
    ("check", "fathom-clients"),
]


def test_it_is_active_and_says_what_it_brings() -> None:
    (row,) = [row for row in Session().plugins() if row["name"] == NAME]
    assert row["state"] == "active", row["reason"]
    assert [(item["kind"], item["name"]) for item in row["provides"]] == PROVIDES
