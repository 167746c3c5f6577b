"""Render a document with a template that a user brings: Jinja2 in a sandbox, nothing undefined passes.

The template sees ``snapshot`` (the document) and ``measurements`` (type -> subtype -> readings), and the filters
``topology`` (the parts of a taint or label cell), ``to_yaml``, ``to_json``, ``b64`` and ``regex_search``. It can
read no file and reach no network. Templates of plugins and manifests are ``engine.render``'s.
"""

from __future__ import annotations

import re
from typing import Any

from aicr_core.kit.emit import to_json, to_yaml
from aicr_core.kit.errors import AicrError, Code

_GO = re.compile(r"\{\{-?\s*(\.|(range|with|define)\s)")


def compile_template(text: str, source: str) -> Any:
    """Compile ``text``. Raises AicrError(INVALID_REQUEST) naming line and fault; Go syntax is named as such."""
    from jinja2 import StrictUndefined, TemplateSyntaxError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    for number, line in enumerate(text.split("\n"), 1):
        if _GO.search(line):
            raise AicrError(
                Code.INVALID_REQUEST,
                f"this is Go template syntax: {line.strip()[:60]}",
                where=f"{source}:{number}",
                hint="write Jinja2: see docs/user/snapshots.md, Templates",
            )
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters.update(
        topology=_topology, to_yaml=to_yaml, to_json=to_json, b64=_b64, regex_search=_search
    )
    try:
        return environment.from_string(text)
    except TemplateSyntaxError as error:
        raise AicrError(
            Code.INVALID_REQUEST, f"template: {error.message}", where=f"{source}:{error.lineno}"
        ) from None


def render(template: Any, document: dict[str, Any], source: str) -> str:
    """Render a compiled template with ``document``. Raises AicrError(INTERNAL) naming what failed."""
    measurements: dict[str, dict[str, Any]] = {}
    for measurement in document.get("measurements", ()):
        known = measurements.setdefault(measurement["type"], {})
        for subtype in measurement.get("subtypes", ()):
            known[subtype["subtype"]] = subtype.get("data", {})
    try:
        return str(template.render(snapshot=document, measurements=measurements))
    except Exception as error:
        # A template is a program of the user's: whatever it raises is its fault, told in one line.
        raise AicrError(
            Code.INTERNAL, f"the template failed: {error}", where=source,
            hint="a reading may be missing here: test it with `is defined`",
        ) from error  # fmt: skip


def _topology(cell: str) -> dict[str, Any]:
    """Give effect, value and nodes of a NodeTopology cell (spec/snapshot.md 7)."""
    *head, nodes = str(cell).split("|")
    names, _, more = nodes.partition(" (+")
    return {
        "effect": head[0] if len(head) > 1 else "",
        "value": head[-1] if head else "",
        "nodes": [name for name in names.split(",") if name],
        "more": int(more.split(" ")[0]) if more else 0,
    }


def _b64(value: str) -> str:
    import base64

    return base64.b64encode(str(value).encode("utf-8")).decode("ascii")


def _search(value: str, pattern: str) -> str:
    match = re.search(pattern, str(value))
    return match.group() if match else ""
