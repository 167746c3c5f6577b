"""Check that every accelerated node has a Fathom client of a supported version."""

from __future__ import annotations

from aicr_core.api import CheckResult, Code, Context, Target, failed, passed, satisfies, skipped

ACCELERATED = "nvidia.com/gpu.present=true"
VERSION = "fathom.example/client-version"
"""The label that a client writes on its node once it has mounted the file system."""
CONSTRAINT = "Fathom.client.version"
SUPPORTED = ">= 4.2"
"""What is asked of clients where the recipe has no constraint."""


def check(ctx: Context, target: Target) -> CheckResult:
    """Hold the version on each accelerated node to the recipe's constraint, else to ours."""
    found = {}
    for node in target.list("v1", "nodes", labels=ACCELERATED):
        metadata = node.get("metadata") or {}
        found[metadata.get("name") or ""] = (metadata.get("labels") or {}).get(VERSION) or ""
    if not found:
        return skipped("NoAcceleratedNodes", f"no node has the label {ACCELERATED}")
    seen = "\n".join(f"{name}: {version or 'no client'}" for name, version in sorted(found.items()))
    target.evidence("Fathom clients", seen, f"kubectl get nodes -l {ACCELERATED} -L {VERSION}")
    wanted = target.constraints.get(CONSTRAINT, SUPPORTED)
    without = sorted(name for name, version in found.items() if not version)
    if without:
        return failed(
            Code.NOT_FOUND,
            "ClientMissing",
            f"{len(without)} of {len(found)} nodes have no Fathom client: {', '.join(without)}",
            remediation="see kubectl get pods -n fathom-system -l app=fathom-client -o wide",
        )
    old = sorted(name for name, version in found.items() if not satisfies(wanted, version))
    if old:
        return failed(
            Code.CONFLICT,
            "ClientTooOld",
            f"the clients of {len(old)} of {len(found)} nodes do not fit: {', '.join(old)}",
            expected=wanted,
            actual=", ".join(f"{name}: {found[name]}" for name in old),
            remediation=f"drain {', '.join(old)} and delete their client pods: new ones come up",
        )
    return passed(f"{len(found)} nodes have a client {wanted}")
