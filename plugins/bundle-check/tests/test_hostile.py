"""Whatever stands in a document, a lint finds something or nothing; it never fails, and never answers nonsense."""

from __future__ import annotations

import copy
import importlib
from typing import Any

from aicr_bundle_check.rules import LINTS
from hypothesis import given, settings
from hypothesis import strategies as st

from aicr_core.api import BundleObject, BundleRelease, BundleView, ChartFacts, Context, Finding

KINDS = (
    "DaemonSet", "Deployment", "StatefulSet", "Job", "CronJob", "Pod", "Namespace", "Secret", "PersistentVolumeClaim",
    "StorageClass", "CustomResourceDefinition", "Ingress", "Motor",
)  # fmt: skip
GROUPS = (
    "v1",
    "apps/v1",
    "batch/v1",
    "extensions/v1beta1",
    "apiextensions.k8s.io/v1",
    "e.example/v1",
)
POD = {
    "nodeSelector": {"key": "values"},
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "key", "operator": "In", "values": ["x"]}], "matchFields": []}]}}},
    "tolerations": [{"key": "k", "operator": "Equal", "value": "", "effect": "NoSchedule"}],
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}},
    "volumes": [{"hostPath": {"path": "/"}}],
    "containers": [{"name": "c", "image": "x:1", "ports": [{"hostPort": 1}], "securityContext": {
        "capabilities": {"add": ["CHOWN"], "drop": ["ALL"]}, "seccompProfile": {"type": "x"}}}],
}  # fmt: skip
TEMPLATE = {"metadata": {"labels": {"a": "b"}, "annotations": {"a": "b"}}, "spec": POD}
WHOLE = {
    "metadata": {"name": "n", "namespace": "n", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}, "annotations": {}},
    "data": {"a": "b"},
    "template": TEMPLATE,
    "spec": {
        **POD, "replicas": 1, "template": TEMPLATE, "jobTemplate": {"spec": {"template": TEMPLATE}}, "storageClassName": "x",
        "volumeClaimTemplates": [{"metadata": {"name": "v"}, "spec": {"storageClassName": "x"}}],
        "group": "e.example", "names": {"kind": "Motor"}, "versions": [{"name": "v1", "served": True}],
    },
}  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.text(max_size=3),
    st.sampled_from(("x", "restricted", "values", "e.example")),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(one for key, below in inner for one in paths(below, (*path, key)))]


PATHS = paths(WHOLE)[1:]


def spoilt(kind: str, group: str, changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    """Give a document that is good but for some places."""
    document: Any = copy.deepcopy(WHOLE)
    for path, value in changes:
        holder = document
        try:
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = value
        except (LookupError, TypeError, AttributeError):
            continue  # an earlier change took the place away
    return {"apiVersion": group, "kind": kind, **document}


DOCUMENTS = st.builds(
    spoilt,
    st.sampled_from(KINDS),
    st.sampled_from(GROUPS),
    st.lists(st.tuples(st.sampled_from(PATHS), VALUES), max_size=4),
)
NODES = (
    {
        "name": "n",
        "labels": {"key": "values"},
        "taints": [{"key": "k", "value": "", "effect": "NoSchedule"}],
    },
)
CHECKS = {name: importlib.import_module(f"aicr_bundle_check.{name}").check for name in LINTS}


def view(documents: list[Any], values: Any, defaults: Any, schema: Any) -> BundleView:
    def mapping(value: Any) -> Any:
        return value if isinstance(value, dict) else {"x": value}

    facts = ChartFacts(values=mapping(defaults), schema=mapping(schema))
    releases = (
        BundleRelease(
            name="a", namespace="n", kind="helm", chart="c", values=mapping(values), facts=facts
        ),
        BundleRelease(name="b", namespace="m", kind="manifests", depends_on=("a",)),
    )
    objects = tuple(
        BundleObject(document=d, path="p", component="ab"[n % 2], step=n, rendered=n > 2)
        for n, d in enumerate(documents)
    )
    return BundleView(
        deployer="d", stage="B", releases=releases, objects=objects, files=(), recipe={}, complete=True,
        kubernetes="1.25", nodes=NODES, texts={"p": "x"},
    )  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(DOCUMENTS, max_size=5), VALUES, VALUES, VALUES)
def test_lints_survive(documents: list[Any], values: Any, defaults: Any, schema: Any) -> None:
    seen = view(documents, values, defaults, schema)
    for name, call in CHECKS.items():
        for finding in call(Context(), seen):
            assert isinstance(finding, Finding)
            assert finding.rule in LINTS[name]
            assert isinstance(finding.path, str)
            assert isinstance(finding.line, int)
