"""Fixtures of the golden tests; the helper modules of this folder are importable by name."""

from __future__ import annotations

import os
import pathlib
import sys
from typing import Any

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture
def environment() -> Any:
    """An environment with all first-party plugins."""
    from aicr_core.app.environment import Environment
    from aicr_core.model.settings import Settings

    return Environment(Settings.from_env(os.environ))
