"""Fixtures of the golden tests."""

from __future__ import annotations

import os
from typing import Any

import pytest


@pytest.fixture
def environment() -> Any:
    """An environment with all first-party plugins."""
    from aicr_core.app.environment import Environment
    from aicr_core.model.settings import Settings

    return Environment(Settings.from_env(os.environ))
