"""The manual builds as a site without a warning: no dead link or anchor, no page that no reader is led to."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def test_the_site_builds_without_a_warning_and_asks_nobody(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("sphinx", reason="the site is built with Sphinx, of the test tools")
    argv = [
        sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-d", tmp_path / "trees",
        "-c", ROOT / "docs", "-b", "html", ROOT, tmp_path / "site",
    ]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    index = (tmp_path / "site/docs/index.html").read_text("utf-8")
    # A page that fetches from somebody else would not open behind an air gap.
    for page in (tmp_path / "site").rglob("*.html"):
        text = page.read_text("utf-8")
        assert 'src="http' not in text, page
        assert '<link rel="stylesheet" href="http' not in text, page
    assert "user/installation.html" in index
