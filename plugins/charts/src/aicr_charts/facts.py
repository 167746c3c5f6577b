"""What a packaged chart says of itself: default values with those of its sub-charts, schema, CRDs, licence.

Read from the package itself; no engine is needed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from aicr_charts.archive import CHART, chart_yaml, read_archive
from aicr_core.api import AicrError, ChartFacts, Code, load_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.api import Context, PackagedChart

Document = dict[str, Any]
MAX_DEPTH = 10
_FIELD = re.compile(r"\.([A-Za-z_][\w-]*)")
_QUOTED = re.compile(r"""["`']([A-Za-z_][\w.-]*)["`']""")
# `toYaml .Values.x`, `with .Values.x`, `range $k, $v := $.Values.x`: any key below may be used.
_WHOLE = re.compile(
    r"(?:toYaml|toJson|tpl|with|range[^}|]*?)\s+\(?\$?\.Values((?:\.[A-Za-z_][\w-]*)*)"
)
LICENCE_KEYS = ("artifacthub.io/license", "licenses", "license")


def describe(_ctx: Context, chart: PackagedChart) -> ChartFacts:
    """Give the facts of a chart. Raises AicrError(INVALID_REQUEST) for files in it that do not parse."""
    files = read_archive(chart.data, chart.source)
    about = chart_yaml(files, chart.source)
    notes = about.get("annotations") or {}
    words, whole = _mentions(files, chart.source, "", 0)
    schema = files.get("values.schema.json")
    return ChartFacts(
        values=_values(files, chart.source, 0),
        schema=_json(schema, f"{chart.source}: values.schema.json") if schema else None,
        kube_version=str(about.get("kubeVersion") or ""),
        licence=next((str(notes[key]) for key in LICENCE_KEYS if notes.get(key)), ""),
        crds=tuple(_crds(files, chart.source, 0)),
        dependencies=tuple(sorted(_parts(files, chart.source))),
        words=frozenset(words),
        open_values=tuple(sorted(whole)),
    )


def _values(files: Mapping[str, bytes], source: str, depth: int) -> Document:
    """Give the defaults; a parent's word on a sub-chart's values counts more than the sub-chart's own."""
    own = _yaml(files.get("values.yaml", b""), f"{source}: values.yaml")
    for name, part in _parts(files, source).items():
        if depth < MAX_DEPTH:
            below = _values(part, f"{source}: {name}", depth + 1)
            mine = own.get(name)
            own[name] = _merged(below, mine if isinstance(mine, dict) else {})
    return own


def _mentions(
    files: Mapping[str, bytes], source: str, prefix: str, depth: int
) -> tuple[set[str], set[str]]:
    """Give the names that templates use, and the paths of values that they take as a whole."""
    words: set[str] = set()
    whole: set[str] = set()
    for path, data in files.items():
        if path.startswith("templates/"):
            text = data.decode("utf-8", "replace")
            words.update(_FIELD.findall(text))
            for quoted in _QUOTED.findall(text):
                words.update(quoted.split("."))
            whole |= {f"{prefix}{found}".strip(".") for found in _WHOLE.findall(text)}
    if depth < MAX_DEPTH:
        for name, part in _parts(files, source).items():
            more, below = _mentions(part, f"{source}: {name}", f"{prefix}.{name}", depth + 1)
            words |= more
            whole |= below
    return words, whole


def _crds(files: Mapping[str, bytes], source: str, depth: int) -> list[str]:
    found = [
        files[path].decode("utf-8", "replace")
        for path in sorted(files)
        if path.startswith("crds/") and path.endswith((".yaml", ".yml", ".json"))
    ]
    if depth < MAX_DEPTH:
        for name, part in sorted(_parts(files, source).items()):
            found += _crds(part, f"{source}: {name}", depth + 1)
    return found


def _parts(files: Mapping[str, bytes], source: str) -> dict[str, dict[str, bytes]]:
    """Give the files of each sub-chart, by the name that values use: its alias, else its own."""
    folders: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        words = path.split("/")
        if words[0] != "charts" or words[1].startswith(("_", ".")):
            continue
        if len(words) == 2 and path.endswith(".tgz"):
            folders[words[1]] = read_archive(data, f"{source}: {path}")
        elif len(words) > 2:
            folders.setdefault(words[1], {})["/".join(words[2:])] = data
    aliases = _aliases(files, source)
    found: dict[str, dict[str, bytes]] = {}
    for part in folders.values():
        if CHART in part:
            name = chart_yaml(part, source)["name"]
            for key in aliases.get(name) or [name]:
                found[key] = part
    return found


def _aliases(files: Mapping[str, bytes], source: str) -> dict[str, list[str]]:
    needed = chart_yaml(files, source).get("dependencies")
    if not needed and "requirements.yaml" in files:
        needed = _yaml(files["requirements.yaml"], source).get("dependencies")
    aliases: dict[str, list[str]] = {}
    for item in needed or ():
        if isinstance(item, dict) and item.get("name"):
            name = str(item["name"])
            aliases.setdefault(name, []).append(str(item.get("alias") or name))
    return aliases


def _merged(below: Document, above: Mapping[str, Any]) -> Document:
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def _yaml(data: bytes, where: str) -> Document:
    documents = load_all(data, where)
    found = documents[0] if documents else None
    if found is not None and not isinstance(found, dict):
        raise AicrError(Code.INVALID_REQUEST, "the chart's values are no mapping", where=where)
    return dict(found or {})


def _json(data: bytes, where: str) -> Document:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise AicrError(Code.INVALID_REQUEST, f"not valid JSON: {error}", where=where) from None
    if not isinstance(found, dict):
        raise AicrError(Code.INVALID_REQUEST, "the schema is no object", where=where)
    return found
