"""Small bundles by hand, whole with their lists, and the check of one; for tests of `aicr bundle check`."""

from __future__ import annotations

import hashlib
import pathlib
from typing import Any

from aicr_core.app.bundle_check import CheckRequest, check_bundle
from aicr_core.app.environment import Environment
from aicr_core.engine.bundle_findings import CheckReport
from aicr_core.kit.emit import to_json, to_yaml

Document = dict[str, Any]


def release(name: str, **fields: Any) -> Document:
    """Give an entry of ``bundle-info.yaml``; without a chart it is one of manifests."""
    kind = "helm" if "chart" in fields else "manifests"
    more = {"values": f"{name}/values.yaml", "version": "1.0.0", "repository": "https://c.example"}
    return {
        "name": name, "component": name, "path": name, "kind": kind, "namespace": f"{name}-ns",
        **(more if kind == "helm" else {}), **fields,
    }  # fmt: skip


def write_bundle(
    folder: pathlib.Path,
    releases: list[Document],
    files: dict[str, str],
    recipe: Document | None = None,
    deployer: str = "helm",
) -> pathlib.Path:
    """Write a bundle whose lists hold."""
    info = {
        "kind": "BundleInfo", "apiVersion": "aicr.run/v1", "build": {"deployer": deployer},
        "layout": {"releases": releases},
    }  # fmt: skip
    data = {path: text.encode() for path, text in files.items()}
    for entry in releases:
        if entry.get("values"):
            data.setdefault(entry["values"], b"{}\n")
    data["recipe.yaml"] = to_yaml(recipe or {"kind": "RecipeResult"}).encode()
    data["bundle-info.yaml"] = to_yaml(info).encode()
    listed = [
        {"path": path, "sha256": hashlib.sha256(data[path]).hexdigest(), "size": len(data[path]),
         "mode": "0644", "producer": "test"}
        for path in sorted(data)
    ]  # fmt: skip
    inventory = {
        "kind": "BundleInventory", "apiVersion": "aicr.run/v1alpha2", "files": listed
    }  # fmt: skip
    data["inventory.json"] = to_json(inventory).encode()
    lines = [f"{hashlib.sha256(data[path]).hexdigest()}  {path}\n" for path in data]
    data["checksums.txt"] = "".join(lines).encode()
    for path, content in data.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        (folder / path).chmod(0o644)
    return folder


def check(environment: Environment, folder: pathlib.Path, **options: Any) -> CheckReport:
    """Check a bundle; stage A alone unless charts are given."""
    options.setdefault("stage", "" if options.get("charts") else "A")
    options.setdefault("offline", True)
    report, _ = check_bundle(environment, CheckRequest(bundle=str(folder), **options))
    return report


def snapshot(nodes: list[Document], version: str = "v1.33.1") -> Document:
    """Give a snapshot of a cluster with these nodes (name, labels, taints)."""
    labels: dict[str, dict[str, list[str]]] = {}
    taints: dict[str, str] = {}
    for node in nodes:
        for key, value in {
            "kubernetes.io/hostname": node["name"],
            **node.get("labels", {}),
        }.items():
            labels.setdefault(key, {}).setdefault(value, []).append(node["name"])
    for key, value, effect in {t for node in nodes for t in node.get("taints", ())}:
        names = [n["name"] for n in nodes if (key, value, effect) in n.get("taints", ())]
        taints[key] = f"{effect}|{value}|{','.join(names)}"
    cells = {
        (key if len(values) == 1 else f"{key}.{value}"): f"{value}|{','.join(names)}"
        for key, values in labels.items()
        for value, names in values.items()
    }
    count = {"node-count": len(nodes), "taint-count": len(taints), "label-count": len(cells)}
    return {
        "kind": "Snapshot", "apiVersion": "aicr.nvidia.com/v1alpha1",
        "measurements": [
            {"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": version}}]},
            {"type": "NodeTopology", "subtypes": [
                {"subtype": "summary", "data": count}, {"subtype": "taint", "data": taints},
                {"subtype": "label", "data": cells}]},
        ],
    }  # fmt: skip
