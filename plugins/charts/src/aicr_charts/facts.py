"""What a packaged chart says of itself: default values with those of its sub-charts, schema, CRDs, licence.

Read from the package itself; no engine is needed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_charts.archive import CHART, Budget, chart_yaml, read_archive
from aicr_core.api import AicrError, ChartFacts, Code, load_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aicr_core.api import Context, PackagedChart

Document = dict[str, Any]
MAX_DEPTH = 10
MAX_CHARTS = 200
"""Sub-charts of a chart and of its sub-charts, each alias counted."""
_FIELD = re.compile(r"\.([A-Za-z_][\w-]*)")
_QUOTED = re.compile(r"""["`']([A-Za-z_][\w.-]*)["`']""")
# `toYaml .Values.x`, `with .Values.x`, `range $k, $v := $.Values.x`: any key below may be used.
_WHOLE = re.compile(
    # Bounded: a template of blanks alone would otherwise take hours.
    r"(?:toYaml|toJson|tpl|with|range(?:\s{1,8}[^}|\s]{1,80}){0,6})\s{1,80}\(?\$?\.Values((?:\.[A-Za-z_][\w-]*)*)"
)
LICENCE_KEYS = ("artifacthub.io/license", "licenses", "license")


def describe(_ctx: Context, chart: PackagedChart) -> ChartFacts:
    """Give the facts of a chart. Raises AicrError(INVALID_REQUEST) for files in it that do not parse."""
    files = read_archive(chart.data, chart.source)
    about = chart_yaml(files, chart.source)
    notes = about.get("annotations") or {}
    tree = _tree(files, chart.source, 0, _Limits())
    words, whole = _mentions(tree, "")
    schema = files.get("values.schema.json")
    return ChartFacts(
        values=_values(tree),
        schema=_json(schema, f"{chart.source}: values.schema.json") if schema else None,
        kube_version=str(about.get("kubeVersion") or ""),
        licence=next((str(notes[key]) for key in LICENCE_KEYS if notes.get(key)), ""),
        crds=tuple(_crds(tree)),
        dependencies=tuple(sorted(tree.parts)),
        words=frozenset(words),
        open_values=tuple(sorted(whole)),
    )


class _Limits:
    """What all charts within a chart may be together: an archive in an archive multiplies, and so does an alias."""

    def __init__(self) -> None:
        self.budget = Budget()
        self.charts = MAX_CHARTS


class _Tree(NamedTuple):
    """A chart's files, and its sub-charts by the name that values use."""

    files: Mapping[str, bytes]
    source: str
    parts: dict[str, _Tree]


def _tree(files: Mapping[str, bytes], source: str, depth: int, limits: _Limits) -> _Tree:
    parts: dict[str, _Tree] = {}
    if depth < MAX_DEPTH:
        for name, part in _parts(files, source, limits):
            parts[name] = _tree(part, f"{source}: {name}", depth + 1, limits)
    return _Tree(files, source, parts)


def _values(chart: _Tree) -> Document:
    """Give the defaults; a parent's word on a sub-chart's values counts more than the sub-chart's own."""
    own = _yaml(chart.files.get("values.yaml", b""), f"{chart.source}: values.yaml")
    for name, part in chart.parts.items():
        mine = own.get(name)
        own[name] = _merged(_values(part), mine if isinstance(mine, dict) else {})
    return own


def _mentions(chart: _Tree, prefix: str) -> tuple[set[str], set[str]]:
    """Give the names that templates use, and the paths of values that they take as a whole."""
    words: set[str] = set()
    whole: set[str] = set()
    for path, data in chart.files.items():
        if path.startswith("templates/"):
            text = data.decode("utf-8", "replace")
            words.update(_FIELD.findall(text))
            for quoted in _QUOTED.findall(text):
                words.update(quoted.split("."))
            whole |= {f"{prefix}{found}".strip(".") for found in _WHOLE.findall(text)}
    for name, part in chart.parts.items():
        more, below = _mentions(part, f"{prefix}.{name}")
        words |= more
        whole |= below
    return words, whole


def _crds(chart: _Tree) -> list[str]:
    found = [
        chart.files[path].decode("utf-8", "replace")
        for path in sorted(chart.files)
        if path.startswith("crds/") and path.endswith((".yaml", ".yml", ".json"))
    ]
    for _, part in sorted(chart.parts.items()):
        found += _crds(part)
    return found


def _parts(
    files: Mapping[str, bytes], source: str, limits: _Limits
) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """Give the files of each sub-chart, with the name that values use: its alias, else its own."""
    folders: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        words = path.split("/")
        if words[0] != "charts" or words[1].startswith(("_", ".")):
            continue
        if len(words) == 2 and path.endswith(".tgz"):
            folders[words[1]] = read_archive(data, f"{source}: {path}", limits.budget)
        elif len(words) > 2:
            folders.setdefault(words[1], {})["/".join(words[2:])] = data
    aliases = _aliases(files, source)
    for part in folders.values():
        if CHART in part:
            name = chart_yaml(part, source)["name"]
            for key in aliases.get(name) or [name]:
                limits.charts -= 1
                if limits.charts < 0:
                    raise AicrError(
                        Code.INVALID_REQUEST, f"the chart holds more than {MAX_CHARTS} others",
                        where=source,
                    )  # fmt: skip
                yield key, part


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
