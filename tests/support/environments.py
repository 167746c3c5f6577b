"""Environments for tests that install something. No tests in here."""

from __future__ import annotations

import sysconfig
import venv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib

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
