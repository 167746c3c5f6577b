"""What every test of the suite gets: no real home or temporary folder, no user's index, the shared facts if present."""

from __future__ import annotations

import os
import pathlib
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's home, cache, temporary folder and AICR_* settings out of every test."""
    for name in list(os.environ):
        if name.startswith("AICR_") and not name.startswith("AICR_TEST_"):
            monkeypatch.delenv(name)
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    # Results that cannot be written are kept in the temporary folder: they go with the rest of the run's files.
    (home / "tmp").mkdir(exist_ok=True)
    monkeypatch.setenv("TMPDIR", str(home / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(home / "tmp"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    # One index cache for the whole run: rebuilding the catalogue for each test would be most of it.
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """The shared facts and goldens beside the checkout; skips where they are absent."""
    if not SHARED.is_dir():
        pytest.skip("../shared (facts and goldens of the reference) is not beside this checkout")
    return SHARED
