"""Where the collectors and the store differ from v0.11.1 on purpose: one list, each with its reason."""

from __future__ import annotations

DIFFERENCES = {
    "server-null": (
        "14.4: when /version fails the reference writes three nulls, read back as `<nil>`; ours is empty, "
        "and the collection block has status and reason"
    ),
    "policy-groups": (
        "14.12: `policy` is the GPU operator's group only; another engine's ClusterPolicy objects are in "
        "`policy.<group>`, so that rules do not mix with driver settings; options compat merges as before"
    ),
    "images": "14.12: a further subtype `images` keeps registries, digests and namespaces",
    "helm": "14.13: a further subtype `helm` (and `argocd`, `flux` where served), without reading Secrets",
    "taint-collision": (
        "7, 14.14: chance decides in the reference which value stays; ours is the one that most "
        "nodes have, of several the greatest, and all are in the items of `taint`"
    ),
    "topology-absent": (
        "14.4: when nodes cannot be listed the parts have no data, as in the reference, and say why"
    ),
    "labels": "14.11: component is `snapshot` and version the tool's, for `Snapshot` and always `unknown`",
    "read-before-write": (
        "14.10: a GET comes before the apply, to know which further ConfigMaps an earlier, larger document left; "
        "without the right to read, it is written all the same"
    ),
    "table": "10: a table read back is exit 2, as for files in v0.17; the reference's ConfigMap reader says 8",
}

FURTHER = ("images", "helm")
"""Subtypes of K8s that the reference does not have (keys ``images``, ``helm``); and all ``policy.<group>``."""
EITHER = {
    "dup.NoSchedule": {"x|gpu-node-2", "y|cpu-node-1"},
    "nvidia.com/gpu.NoSchedule": {
        "present|gpu-node-1,gpu-node-2",
        "present|gpu-node-1 (+1 more)",
        "|cpu-node-1",
    },
}
"""Entries of ``taint`` where the recordings differ among themselves (spec/snapshot.md 15.4)."""
