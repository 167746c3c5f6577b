"""Do the wheels of a release install? Into a fresh environment, with nothing of this one in it."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

from . import layout
from .failure import Kind, ReleaseError

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable

_IMPORT = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"


def check(
    folder: pathlib.Path, files: Iterable[str], constraints: pathlib.Path, work: pathlib.Path
) -> None:
    """Install all wheels with what they require, at the pinned versions; import each, then run ``aicr``.

    ReleaseError: one cannot be installed, the requirements of one do not hold, or one cannot be imported.
    """
    wheels = sorted(file for file in files if file.endswith(".whl"))
    home = work / "env"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    pip: list[str | pathlib.Path] = [sys.executable, "-m", "pip", "--python", python]
    pip += ["--disable-pip-version-check", "--no-input"]
    install = [*pip, "install", "-q", "-c", constraints, *(folder / wheel for wheel in wheels)]
    _run("pip install", install, work)
    _run("pip check", [*pip, "check"], work)
    packages = [named.name.replace("-", "_") for named in map(layout.parse, wheels) if named]
    _run("import", [python, "-I", "-c", _IMPORT, *packages], work)
    command = home / "bin" / "aicr"
    if command.exists():
        _run("aicr plugins list", [command, "plugins", "list"], work)


def _run(what: str, command: list[str | pathlib.Path], work: pathlib.Path) -> None:
    # pip's settings and proxies stay; what could change what is imported goes.
    foreign = ("PYTHON", "AICR_", "VIRTUAL_ENV")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    env["XDG_CACHE_HOME"] = str(work / "cache")
    result = subprocess.run(command, cwd=work, env=env, capture_output=True, text=True)
    if result.returncode:
        last = (result.stderr.strip() or result.stdout.strip() or "no output").splitlines()[-1]
        raise ReleaseError(Kind.INVALID, last, where=what)
