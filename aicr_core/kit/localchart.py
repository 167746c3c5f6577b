"""Helm charts made of files that a bundle holds: manifests as a chart of their own, a packaged chart wrapped in one.

For deployers whose tool installs charts only, or installs charts from a folder. Everything is literal: a ``{{`` in a
manifest reaches the cluster as it is. Nothing of AICR is known here, nothing is written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aicr_core.kit.emit import to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# A run of braces as a whole: one that stays outside would join the delimiter beside it.
_BRACES = re.compile(r"[{}]*(?:\{\{|\}\})[{}]*")
_LITERAL = re.compile(r'\{\{ "([{}]+)" \}\}')
_RELEASE = re.compile(r"([0-9]+)\.([0-9]+)(?:\.([0-9]+))?\Z")


def chart_version(version: str) -> str:
    """Give the SemVer a chart carries for a version of ours; ``0.0.0-dev`` for one that is no plain release."""
    found = _RELEASE.match(version)
    if found is None:
        return "0.0.0-dev"
    return f"{int(found[1])}.{int(found[2])}.{int(found[3] or 0)}"


def literal(text: str) -> str:
    """Escape template braces, so that Helm renders ``text`` to itself."""
    return _BRACES.sub(lambda found: f'{{{{ "{found[0]}" }}}}', text)


def as_written(template: str) -> str | None:
    """Undo :func:`literal`; None for a template with anything in it that only an engine can tell."""
    if "{{" in _LITERAL.sub("", template):
        return None
    return _LITERAL.sub(lambda found: found[1], template)


def manifests_chart(
    name: str,
    version: str,
    manifests: Iterable[tuple[str, bytes]],
    *,
    app_version: str = "",
    annotations: Mapping[str, str] | None = None,
) -> list[tuple[str, bytes]]:
    """Give the files of a chart whose templates are ``manifests`` (file name, bytes), unchanged when rendered."""
    files = [("Chart.yaml", _chart(name, version, app_version, annotations, ()))]
    files += [
        (f"templates/{path.rpartition('/')[2]}", literal(data.decode("utf-8")).encode("utf-8"))
        for path, data in manifests
    ]
    return files


def wrapper_chart(
    name: str,
    version: str,
    dependency: tuple[str, str],
    archive: tuple[str, bytes],
    *,
    annotations: Mapping[str, str] | None = None,
) -> list[tuple[str, bytes]]:
    """Give the files of a chart whose one dependency (name, version) is the packaged chart ``archive``.

    ``archive`` is (file name, bytes) of a ``.tgz``. Values for it stand under the dependency's name.
    """
    needed = ({"name": dependency[0], "version": dependency[1], "repository": ""},)
    chart = _chart(name, version, dependency[1], annotations, needed)
    return [("Chart.yaml", chart), (f"charts/{archive[0].rpartition('/')[2]}", archive[1])]


def _chart(
    name: str,
    version: str,
    app_version: str,
    annotations: Mapping[str, str] | None,
    dependencies: tuple[Mapping[str, str], ...],
) -> bytes:
    document: dict[str, Any] = {
        "apiVersion": "v2",
        "name": name,
        "version": chart_version(version),
        "type": "application",
    }
    if app_version:
        document["appVersion"] = app_version
    if annotations:
        document["annotations"] = dict(annotations)
    if dependencies:
        document["dependencies"] = [dict(item) for item in dependencies]
    return to_yaml(document).encode("utf-8")
