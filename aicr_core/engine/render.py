"""Render manifests and documents: Jinja2 for our templates, a Go-template subset for reference-style data.

The Jinja2 environment is fixed (StrictUndefined, trimmed blocks, no autoescape) and made on first use. A
missing value is an error that names component, file and value (B-33), never a hole in a manifest.
"""

from __future__ import annotations

import functools
import shlex
from typing import TYPE_CHECKING, Any

from aicr_core.kit.emit import as_text, to_yaml
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping


def block(text: str, width: int) -> str:
    """Put ``text`` on lines of its own, indented; empty lines stay empty."""
    pad = " " * width
    return "".join(f"\n{pad}{line}" if line else "\n" for line in text.rstrip("\n").split("\n"))


@functools.cache
def _environment() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the output is YAML, Markdown and shell, never HTML
        cache_size=200,
    )
    environment.filters["to_yaml"] = lambda value, indent=2: to_yaml(value, indent=indent).rstrip(
        "\n"
    )
    environment.filters["indent_block"] = block
    environment.filters["to_text"] = lambda value: "<none>" if value is None else as_text(value)
    environment.filters["sh"] = lambda value: shlex.quote(str(value))
    return environment


@functools.lru_cache(maxsize=256)
def _compiled(text: str) -> Any:
    return _environment().from_string(text)


def template(text: str, **variables: Any) -> str:
    """Render a Jinja2 template text. Raises AicrError(INVALID_REQUEST) naming what is missing or wrong."""
    from jinja2 import TemplateError

    try:
        return str(_compiled(text).render(**variables))
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        place = f"line {line}: " if line else ""
        raise AicrError(Code.INVALID_REQUEST, f"template: {place}{error}") from None
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise AicrError(Code.INVALID_REQUEST, f"template: {error}") from None


def manifest(text: str, path: str, context: Mapping[str, Any], component: str) -> str:
    """Render one manifest: ``.j2`` files with Jinja2, others as Go templates when they hold actions.

    ``context`` has Values, Release and Chart. Raises AicrError naming component and file.
    """
    try:
        if path.endswith(".j2"):
            return template(text, **context)
        if "{{" not in text:
            return text
        from aicr_core.engine.gotemplate import render

        return render(text, context)
    except AicrError as error:
        raise AicrError(
            error.code,
            error.message,
            where=f"component {component}: {path}",
            hint=error.hint or "set the value, or guard it in the template",
        ) from None


def is_blank(text: str) -> bool:
    """Tell whether a rendered manifest holds nothing: blank lines, comments and separators only."""
    return all(
        not line.strip() or line.lstrip().startswith("#") or line.strip() == "---"
        for line in text.split("\n")
    )
