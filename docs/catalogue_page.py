"""The page of components, made from the catalogue of this repository's packages; ``docs/generate.py`` writes it."""

from __future__ import annotations

import os
from typing import Any

from aicr_core.api import Session


def catalogue_page(note: str) -> str:
    """Give the page: each component with its chart, namespace, names for ``--set``, versions and who brings it."""
    session = Session({**os.environ, "AICR_INDEX": "off"})
    owners = {
        item["name"]: row["distribution"]
        for row in session.plugins()
        for item in row["provides"]
        if item["kind"] == "component"
    }
    lines = [
        note,
        "# Components",
        "",
        "What recipes of the packages in this repository can deploy. A plugin brings more: `aicr recipe list` and",
        "`aicr plugins list` say what is installed. Versions are those an overlay or the registry names; which one",
        "a recipe has, and why, `aicr query` and `aicr recipe explain` tell.",
        "",
        "| component | chart | versions | namespace | names in `--set` | from |",
        "|---|---|---|---|---|---|",
    ]
    facts = session.component_facts()
    registered = session.components()
    lines += [_row(row, registered[row["name"]], owners.get(row["name"], "")) for row in facts]
    lines += ["", "## Where each version comes from", ""]
    for row in facts:
        for item in row["versions"]:
            overlays = ", ".join(f"`{name}`" for name in item["overlays"])
            lines.append(f"- `{row['name']}` {item['version']}: {overlays}")
    return "\n".join(lines) + "\n"


def _row(row: dict[str, Any], entry: dict[str, Any], owner: str) -> str:
    repository, chart = row.get("repository", ""), row.get("chart", "").rpartition("/")[2]
    place = f"{chart} of `{repository}`" if chart and repository else chart or "none: manifests"
    versions = ", ".join(item["version"] for item in row["versions"]) or entry.get("helm", {}).get(
        "defaultVersion", ""
    )
    aliases = ", ".join(f"`{name}`" for name in row["aliases"])
    namespace = f"`{row['namespace']}`" if row.get("namespace") else ""
    return f"| `{row['name']}` | {place} | {versions} | {namespace} | {aliases} | `{owner}` |"
