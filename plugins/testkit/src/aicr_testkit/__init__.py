"""Test kit for aicr plugins: conformance checks for everybody, fixtures for authors' own tests."""

from __future__ import annotations


def version() -> str:
    """Give the version of this kit."""
    from importlib.metadata import version as installed  # noqa: TID251 - a kit may take its time

    return installed("aicr-testkit")
