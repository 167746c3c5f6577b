"""The executables that the tests of this package drive."""

from __future__ import annotations

import pytest
from helmfile_lab import Tools, tools


@pytest.fixture(scope="session")
def helmfile(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """The real helmfile; skips where it is not installed."""
    return tools(tmp_path_factory.mktemp("helmfile"))
