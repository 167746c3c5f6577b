"""Compare an argocd bundle with a golden case and list every place where we differ from the reference."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from bundles_compare import OURS, differences, read_values

from aicr_core.kit import yamlio

if TYPE_CHECKING:
    import pathlib

Row = dict[str, Any]
Found = tuple[str, Any, Any]
_WAVE = "argocd.argoproj.io/sync-wave"
_MORE = ("-pre/", "-post/", "/manifests/")
"""Parts of paths that the reference does not write."""


def compare(row: Row, target: pathlib.Path, out: str, *, serial: bool) -> list[Found]:
    """List (place, ours, theirs) of every difference; of the waves only where the bundle is ``serial``."""
    found: list[Found] = []
    for name, want in (row.get("values") or {}).items():
        got = read_values(target / name / "values.yaml")
        found.extend(differences(want, got, f"values {name}"))
    found.extend(_applications(row["applications"], target, serial=serial))
    parent = _document(target, "app-of-apps.yaml")
    found.extend(differences(row["app_of_apps"], parent, "app of apps"))
    listed = [line[66:] for line in (target / "checksums.txt").read_text("utf-8").splitlines()]
    theirs = [
        path
        for path in listed
        if not path.startswith("data/")  # the reference does not list them (B-15)
        and path.rpartition("/")[2] not in OURS
        and not any(part in path for part in _MORE)
    ]
    if theirs != row["checksums_order"]:
        found.append(("checksums", theirs, row["checksums_order"]))
    for path, mode in row["files"].items():
        file = target / path
        ours = f"{file.stat().st_mode & 0o777:04o}" if file.is_file() else "absent"
        if ours != mode:
            found.append((f"mode {path}", ours, mode))
    for component, flag in row.get("warnings") or []:
        if not any(component in line and flag in line for line in out.splitlines()):
            found.append(("warning", "absent", f"{component} {flag}"))
    return found


def without_chart(row: Row) -> set[str]:
    """Names of the Applications that the reference writes without the URL of a chart."""
    found = set()
    for name, application in row["applications"].items():
        sources = application["spec"].get("sources")
        if sources and sources[0]["repoURL"] is None:
            found.add(name)
    return found


def _applications(wanted: Row, target: pathlib.Path, *, serial: bool) -> list[Found]:
    found: list[Found] = []
    paths = sorted(target.glob("*/application.yaml"))
    ours = {
        path.parent.name: _document(target, f"{path.parent.name}/{path.name}") for path in paths
    }
    more = [_wave(document) for name, document in ours.items() if name not in wanted]
    for name, theirs in wanted.items():
        if name not in ours:
            found.append((f"application {name}", "absent", "an Application"))
            continue
        want, got = copy.deepcopy(theirs), ours[name]
        before = sum(wave < _wave(got) for wave in more)
        if serial and _wave(got) != _wave(want) + before:
            found.append((f"wave {name}", _wave(got), _wave(want) + before))
        for document in (want, got):
            del document["metadata"]["annotations"][_WAVE]
        found.extend(differences(want, got, f"application {name}"))
    return found


def _wave(application: Any) -> int:
    return int(application["metadata"]["annotations"][_WAVE])


def _document(target: pathlib.Path, path: str) -> Any:
    return yamlio.load((target / path).read_bytes(), path)
