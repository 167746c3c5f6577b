"""Write installed distributions with plugins, for tests that need some: no build, no install, just the files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aicr_core.app.environment import Environment
from aicr_core.model.settings import Settings

if TYPE_CHECKING:
    import pathlib


def distribution(
    site: pathlib.Path, name: str, manifest: str | None = "", hooks: str = "", dist: str = ""
) -> pathlib.Path:
    """Write an installed distribution with one plugin; ``manifest`` None means none. Gives its package."""
    package = f"aicr_{dist or name}".replace("-", "_")
    root = site / package
    root.mkdir(parents=True)
    (root / "__init__.py").write_text("")
    (root / "hooks.py").write_text(hooks)
    if manifest is not None:
        text = manifest or f'name = "{name}"\nhookspec = ">=1.0,<2"\nhooks = []\n'
        (root / "aicr-plugin.toml").write_text(text)
    info = site / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: aicr-{dist or name}\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text(f"[aicr.plugins]\n{name} = {package}.hooks\n")
    return root


def environment(**env: str) -> Environment:
    """Open what is installed now, with further variables."""
    return Environment(Settings.from_env({**os.environ, **env}))


def row(name: str, **env: str) -> dict[str, Any]:
    """Give the index row of a plugin that has one."""
    found = environment(**env).index.row(name)
    assert found is not None
    return found
