"""Environments for tests that install something. No tests in here."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import sysconfig
import venv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NO_DOWNLOADS = {"PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
"""Variables for pip: the build backend is installed here, and pip has no word to say about itself."""


def environment_on_this(home: pathlib.Path) -> pathlib.Path:
    """Make an environment that sees what is installed here, and can install more; give its bin."""
    venv.create(home, with_pip=True, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    # A plain path would not read the .pth files of editable installs.
    here = sysconfig.get_path("purelib")
    (site / "here.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    script = home / "bin/aicr"
    script.write_text(f"#!{home}/bin/python\nfrom aicr_core.__main__ import main\nmain()\n")
    script.chmod(0o755)
    return home / "bin"


BUILD = """
import os, sys
from hatchling.build import build_wheel
target, *sources = sys.argv[1:]
for source in sources:
    os.chdir(source)
    build_wheel(target)
"""


def build_wheels(target: pathlib.Path, sources: Iterable[pathlib.Path]) -> list[str]:
    """Build a wheel of each source: what ``pip wheel`` calls, without a process and a copy for each. Give their paths."""
    argv = [
        sys.executable,
        "-c",
        BUILD,
        str(target),
        *(str(source.resolve()) for source in sources),
    ]
    subprocess.run(argv, check=True, capture_output=True)
    return sorted(map(str, target.glob("*.whl")))


def environment_of_others(home: pathlib.Path) -> pathlib.Path:
    """Make an environment that sees the libraries which are installed here, but nothing of ours; give its bin."""
    venv.create(home, with_pip=True, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    seen = home / "libraries"
    seen.mkdir()
    for one in pathlib.Path(sysconfig.get_path("purelib")).iterdir():
        # An editable install of ours is a .pth file and a folder of metadata.
        if not one.name.startswith(("aicr", "_aicr", "pip")) and one.suffix != ".pth":
            (seen / one.name).symlink_to(one)
    (site / "libraries.pth").write_text(f"{seen}\n")
    return home / "bin"
