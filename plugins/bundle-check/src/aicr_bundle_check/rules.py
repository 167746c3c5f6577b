"""The rules of every lint, by module: ids never change their meaning, and one that goes is not given again."""

from __future__ import annotations

LINTS: dict[str, dict[str, str]] = {
    "duplicates": {"AB101": "Two components bring the same object"},
    "namespaces": {
        "AB111": "An object is made before its namespace",
        "AB112": "Nothing in the bundle makes a namespace that is used",
    },
    "customresources": {
        "AB121": "A custom resource comes before the definition of its kind",
        "AB122": "A chart's templates hold a definition and an object of its kind",
        "AB123": "A component uses a kind of another one and does not depend on it",
        "AB124": "Nothing in the bundle defines the kind of a custom resource",
        "AB125": "The definition of a kind has no such version",
    },
    "names": {
        "AB131": "An object's name is none that Kubernetes takes",
        "AB132": "A label or annotation is none that Kubernetes takes",
    },
    "apis": {
        "AB201": "An API version is no longer served by the target's Kubernetes",
        "AB202": "An API version is deprecated",
    },
    "scheduling": {
        "AB301": "A workload runs on no node of the snapshot",
        "AB302": "A daemon set leaves out nodes that it selects, for their taints",
        "AB303": "A node selector in the values matches no node of the snapshot",
    },
    "storage": {
        "AB311": "A volume claim names no storage class",
        "AB312": "A volume claim comes before its storage class",
    },
    "security": {
        "AB401": "A pod asks for more than its namespace's level of Pod Security allows",
        "AB402": "A secret lies in the bundle with its data",
    },
    "pinning": {
        "AB411": "An image has neither tag nor digest, or the tag latest",
        "AB421": "A chart has no exact version",
        "AB422": "A placeholder stands where a repository's address belongs",
    },
    "values": {
        "AB501": "The chart does not know a value",
        "AB502": "A value changes nothing in what the chart renders",
    },
}
