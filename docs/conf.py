"""The manual as a site: ``nox -s docs`` builds it with Sphinx and takes every warning for an error.

The pages are plain Markdown that reads well on a code host too; nothing here is needed to read them. The source folder
is the root of the checkout, so that links between the manual, the README and the packages' READMEs are checked as well.
"""

from __future__ import annotations

import pathlib
import tomllib

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]

project = "aicr"
author = "the aicr authors"
release = version = _PROJECT["version"]
html_title = f"aicr {release}"

extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "docs/**.md",
    "plugins/*/README.md",
    "recipes/README.md",
]
html_theme = "furo"
html_extra_path = ["user/openapi.json"]
html_copy_source = False

# A block without a language is shown as it is.
highlight_language = "text"
# Headings get anchors as code hosts make them, so that links to a part of a page are checked.
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]
