"""The shape of every document that a person may write: overlays, mixins, registry, criteria, snapshot, recipe.

Tables only (spec/recipe.md 3.1, 6, 13, 14, 22): strict keys, literal text fields. Also which ``apiVersion``
each kind may carry (spec/beyond.md 0.2). How documents are merged or used is said elsewhere.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from aicr_core.kit import limits, yamlio
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.schema import (
    ANY,
    BOOLEAN,
    FREE_MAP,
    INTEGER,
    TEXT,
    ListOf,
    MapOf,
    Misfit,
    Record,
    decode,
    fit,
)
from aicr_core.kit.surrogates import whole_json

if TYPE_CHECKING:
    from aicr_core.kit.schema import Schema
    from aicr_core.kit.yamlio import Node

V1ALPHA1 = "aicr.nvidia.com/v1alpha1"
V1ALPHA2 = "aicr.run/v1alpha2"
V1BETA1 = "aicr.run/v1beta1"
V1 = "aicr.run/v1"

_DATA_VERSIONS = (V1ALPHA1, V1ALPHA2, V1BETA1)
_ARTIFACT_VERSIONS = (V1ALPHA1, V1ALPHA2, V1, "aicr.run/v1beta2", "aicr.run/v1alpha3")
ACCEPTED: dict[str, tuple[str, ...]] = {
    "RecipeMetadata": _DATA_VERSIONS,
    "RecipeMixin": _DATA_VERSIONS,
    "ComponentRegistry": _DATA_VERSIONS,
    "RecipeCriteria": _ARTIFACT_VERSIONS,
    "Snapshot": _ARTIFACT_VERSIONS,
    "RecipeResult": _ARTIFACT_VERSIONS,
}

METADATA = Record("metadata", {"name": TEXT, "version": TEXT}, ignored=("labels", "annotations"))
CONSTRAINT = Record(
    "a constraint",
    {"name": TEXT, "value": TEXT, "severity": TEXT, "remediation": TEXT, "unit": TEXT},
    required=("name",),
)
COMPONENT_REF = Record(
    "a component reference",
    {
        "name": TEXT,
        "namespace": TEXT,
        "chart": TEXT,
        "type": TEXT,
        "source": TEXT,
        "version": TEXT,
        "tag": TEXT,
        "valuesFile": TEXT,
        "overrides": FREE_MAP,
        "patches": ListOf(TEXT),
        "dependencyRefs": ListOf(TEXT),
        "manifestFiles": ListOf(TEXT),
        "preManifestFiles": ListOf(TEXT),
        "path": TEXT,
        "cleanup": BOOLEAN,
        "expectedResources": ListOf(
            Record("a resource", {"kind": TEXT, "name": TEXT, "namespace": TEXT})
        ),
        "healthCheckAsserts": TEXT,
        "healthCheckSkip": BOOLEAN,
    },
    required=("name",),
)
PHASE = Record(
    "a phase",
    {
        "timeout": TEXT,
        "constraints": ListOf(CONSTRAINT),
        "checks": ListOf(TEXT),
        "nodeSelection": Record(
            "nodeSelection",
            {"selector": MapOf(TEXT), "maxNodes": INTEGER, "excludeNodes": ListOf(TEXT)},
        ),
        "infrastructure": TEXT,
    },
)
VALIDATION = Record(
    "validation",
    {"readiness": PHASE, "deployment": PHASE, "performance": PHASE, "conformance": PHASE},
)
CRITERIA = Record(
    "criteria",
    {
        "service": TEXT,
        "accelerator": TEXT,
        "intent": TEXT,
        "os": TEXT,
        "platform": TEXT,
        "nodes": INTEGER,
    },
)
OVERLAY = Record(
    "the overlay",
    {
        "kind": TEXT,
        "apiVersion": TEXT,
        "metadata": METADATA,
        "spec": Record(
            "spec",
            {
                "base": TEXT,
                "criteria": CRITERIA,
                "mixins": ListOf(TEXT),
                "constraints": ListOf(CONSTRAINT),
                "componentRefs": ListOf(COMPONENT_REF),
                "validation": VALIDATION,
            },
        ),
    },
)
MIXIN = Record(
    "the mixin",
    {
        "kind": TEXT,
        "apiVersion": TEXT,
        "metadata": METADATA,
        "spec": Record(
            "spec", {"constraints": ListOf(CONSTRAINT), "componentRefs": ListOf(COMPONENT_REF)}
        ),
    },
)
_PATHS = ListOf(TEXT)
_ROLE = Record(
    "scheduling paths",
    {
        "nodeSelectorPaths": _PATHS,
        "tolerationPaths": _PATHS,
        "taintPaths": _PATHS,
        "taintStrPaths": _PATHS,
    },
)
COMPONENT = Record(
    "a registry entry",
    {
        "name": TEXT,
        "displayName": TEXT,
        "valueOverrideKeys": ListOf(TEXT),
        "helm": Record(
            "helm",
            {
                "defaultRepository": TEXT,
                "defaultChart": TEXT,
                "defaultVersion": TEXT,
                "defaultNamespace": TEXT,
            },
        ),
        "kustomize": Record(
            "kustomize", {"defaultSource": TEXT, "defaultPath": TEXT, "defaultTag": TEXT}
        ),
        # The namespace of a component that has manifests only (spec/recipe.md B11).
        "manifest": Record("manifest", {"defaultNamespace": TEXT}),
        "nodeScheduling": Record(
            "nodeScheduling", {"system": _ROLE, "accelerated": _ROLE, "nodeCountPaths": _PATHS}
        ),
        "podScheduling": Record(
            "podScheduling",
            {"workload": Record("workload", {"workloadSelectorPaths": _PATHS})},
        ),
        "storageClassPaths": _PATHS,
        "validations": ListOf(
            Record(
                "a validation",
                {
                    "function": TEXT,
                    "severity": TEXT,
                    "conditions": MapOf(ListOf(TEXT)),
                    "message": TEXT,
                },
                required=("function",),
            )
        ),
        "healthCheck": Record("healthCheck", {"assertFile": TEXT}),
        # Ours: how a deployer has to treat the release. See docs/plugins/manifest.md.
        "rollout": Record(
            "rollout",
            {"wait": BOOLEAN, "crdGroups": _PATHS, "namespaces": _PATHS, "restartDaemonSets": TEXT},
        ),
        # Later versions of the schema; read so that their registries load, used by later features.
        "hasSelfRefCRDs": BOOLEAN,
        "manifestsUseChartCRDs": BOOLEAN,
        "gkeCriticalPriority": BOOLEAN,
    },
    required=("name",),
)
REGISTRY = Record(
    "the registry",
    {"apiVersion": TEXT, "kind": TEXT, "components": ListOf(COMPONENT)},
    ignored=("metadata",),
)
CRITERIA_FILE = Record(
    "the criteria file",
    {"kind": TEXT, "apiVersion": TEXT, "metadata": METADATA, "spec": CRITERIA},
)
_ITEM = Record("an item", {"context": FREE_MAP, "data": FREE_MAP})
_SUBTYPE = Record(
    "a subtype",
    {"subtype": TEXT, "data": FREE_MAP, "context": FREE_MAP, "items": ListOf(_ITEM)},
)
_MEASUREMENTS = ListOf(Record("a measurement", {"type": TEXT, "subtypes": ListOf(_SUBTYPE)}))
_GROUP = Record(
    "a group of nodes",
    {
        "id": TEXT,
        "nodes": ListOf(TEXT),
        "measurements": _MEASUREMENTS,
        "base": TEXT,
        "differs": ListOf(
            Record("a difference", {"path": TEXT, "base": ANY, "value": ANY}, required=("path",))
        ),
    },
    required=("id", "nodes"),
)
FLEET = Record(
    "the fleet",
    {
        "run": TEXT,
        "nodes": Record("nodes", {"desired": INTEGER, "collected": INTEGER, "failed": INTEGER}),
        "groups": ListOf(_GROUP),
        "failed": ListOf(
            Record(
                "a failed node", {"node": TEXT, "reason": TEXT, "message": TEXT}, required=("node",)
            )
        ),
    },
    required=("groups",),
)
SNAPSHOT = Record(
    "the snapshot",
    {
        "kind": TEXT,
        "apiVersion": TEXT,
        "metadata": FREE_MAP,
        "measurements": _MEASUREMENTS,
        "collection": ListOf(
            Record(
                "an entry of the collection",
                {
                    "collector": TEXT, "subtype": TEXT, "status": TEXT, "reason": TEXT, "source": TEXT,
                    "durationMs": INTEGER, "nodes": ListOf(TEXT),
                },
                required=("collector", "status"),
            )
        ),
        "fingerprint": ANY,
        "fleet": FLEET,
    },
)  # fmt: skip
RECIPE = Record(
    "the recipe",
    {
        "kind": TEXT,
        "apiVersion": TEXT,
        "metadata": Record(
            "metadata",
            {
                "version": TEXT,
                "appliedOverlays": ListOf(TEXT),
                "excludedOverlays": ListOf(ANY),
                "constraintWarnings": ListOf(ANY),
            },
            ignored=("selectedProfile", "name", "labels", "annotations"),
        ),
        "criteria": CRITERIA,
        "constraints": ListOf(CONSTRAINT),
        "componentRefs": ListOf(COMPONENT_REF),
        "deploymentOrder": ListOf(TEXT),
        "validation": VALIDATION,
    },
)


def check_kind(doc: dict[str, Any], kind: str, source: str, *, required: bool = False) -> None:
    """Hold ``kind`` and ``apiVersion`` of a document to what is accepted for ``kind``.

    An absent value passes unless ``required``. Raises AicrError(INVALID_REQUEST) naming what was found,
    what is accepted, and what to do.
    """
    found = doc.get("kind", "")
    if found != kind and (found or required):
        hint = f"give a file with `kind: {kind}`"
        if found == "RecipeMetadata" and kind == "RecipeResult":
            hint = "an overlay is not a recipe: run `aicr recipe` and give its output"
        message = f'kind is "{found}", expected "{kind}"' if found else f"no kind, expected {kind}"
        raise AicrError(Code.INVALID_REQUEST, message, where=source, hint=hint)
    version = doc.get("apiVersion", "")
    if version and version not in ACCEPTED[kind]:
        accepted = ", ".join(ACCEPTED[kind])
        message = f'apiVersion "{version}" is not known for {kind}'
        raise AicrError(Code.INVALID_REQUEST, message, where=source, hint=f"accepted: {accepted}")


def decode_document(
    data: bytes | str,
    source: str,
    schema: Schema,
    kind: str,
    *,
    fmt: str = "yaml",
    dropped: list[str] | None = None,
) -> dict[str, Any]:
    """Read a user's document of one kind: compose, check kind and version, decode strictly.

    ``fmt`` is ``yaml`` or ``json``; with ``dropped``, unknown keys are noted there and left out.
    Raises AicrError(INVALID_REQUEST).
    """
    if dropped is None:
        quick = _quick(data, schema, kind, fmt)
        if quick is not None:
            return quick
    node = yamlio.compose_json(data, source) if fmt == "json" else yamlio.compose(data, source)
    if node is None or (node.is_null() and fmt != "json"):
        raise AicrError(Code.INVALID_REQUEST, f"the file is empty, expected a {kind}", where=source)
    if node.is_null():
        return {}
    check_head(node, kind, source)
    document: dict[str, Any] = decode(node, schema, source, dropped=dropped)
    return document


def _quick(
    data: bytes | str, schema: Schema, kind: str, fmt: str = "yaml"
) -> dict[str, Any] | None:
    """Read what we wrote ourselves without the full parser; None for anything else, right or wrong.

    Loading and running that parser is a fifth of what ``aicr bundle`` takes; nodes for a document of JSON are a tenth
    of what a server takes for a bundle.
    """
    from aicr_core.kit import fastyaml

    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        if len(text) > limits.MAX_BYTES:
            return None
        value = _quick_json(text) if fmt == "json" else fastyaml.load(text)
        document: dict[str, Any] = fit(value, schema, strict=True)
        check_kind(document, kind, "")
    except (UnicodeDecodeError, fastyaml.Unsupported, Misfit, AicrError, RecursionError):
        return None
    return document


def _quick_json(text: str) -> Any:
    """Decode one value of JSON. Raises Misfit for anything that only the full reader judges."""
    import json

    try:
        return json.loads(
            whole_json(text),
            object_pairs_hook=_distinct,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except ValueError:
        raise Misfit from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    # Which of two counts depends on what they are, and on the field.
    if len(found) != len(pairs):
        raise Misfit
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Misfit
    return value


def check_head(node: Node, kind: str, source: str, *, required: bool = False) -> None:
    """Check kind and apiVersion before the keys: a wrong file should be called that first."""
    if node.kind == yamlio.MAP:
        head = {
            key: str(value.value)
            for key, value in node.items()
            if key in ("kind", "apiVersion") and value.kind == yamlio.SCALAR and not value.is_null()
        }
        check_kind(head, kind, source, required=required)
