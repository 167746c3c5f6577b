"""This package keeps the contract of every plugin (tests/contract.py of the workspace)."""

from __future__ import annotations

from contract import check_plugin


def test_contract() -> None:
    check_plugin("testkit")
