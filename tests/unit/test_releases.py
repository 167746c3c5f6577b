"""What a release of the plan says of its manifests: which come before the chart, and what they may be called."""

from __future__ import annotations

import pathlib

import pytest
from plans import leaf_plan, leaves

from aicr_core.api import AicrError, Artifact, ComponentBundle
from aicr_core.engine.bundles import releases
from aicr_core.engine.plan import Planned, Selection
from aicr_core.model.bundle import Release

QUOTA = b"# a\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\n"
CONFIG = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"


def only(manifests: dict[str, bytes], **ref: object) -> Release:
    full = {"name": "a", "type": "Helm", "source": "https://c.example", "namespace": "n", **ref}
    files = tuple(Artifact(path=path, data=data) for path, data in manifests.items())
    selection = Selection({"componentRefs": [full]}, (Planned(full, {}, {}, {}),), ())
    bundle = ComponentBundle(name="a", values={}, manifests=files)
    return releases(selection, {"a": bundle})[0]


@pytest.mark.parametrize(
    ("data", "early"),
    [
        (QUOTA, True),
        (b'kind: "Namespace"\n---\n' + QUOTA, True),
        (CONFIG, False),
        (QUOTA + b"---\n" + CONFIG, False),
        (b"# nothing\n", False),
    ],
)
def test_what_pods_need_comes_before_the_chart(data: bytes, early: bool) -> None:
    assert only({"m.yaml": data}).pre_manifests == ("manifests/m.yaml",) * early
    assert only({"m.yaml": data}, source="").pre_manifests == ()


@pytest.mark.parametrize(
    "name", ["sub/m.yaml", "m.tpl", "m", "_m.yaml", ".m.yaml", "m.yaml\n", "m .yaml"]
)
def test_a_manifest_that_kubectl_would_pass_over_is_refused(name: str) -> None:
    with pytest.raises(AicrError, match="kubectl would pass over the manifest") as caught:
        only({name: CONFIG})
    assert caught.value.where == "component a"


@pytest.mark.parametrize("name", [name for name in leaves() if "gke" in name])
def test_the_quota_of_gke_does_not_wait_for_the_chart_that_needs_it(
    name: str, tmp_path: pathlib.Path
) -> None:
    """Pods of the operator are critical, which GKE admits in a namespace with such a quota alone."""
    (operator,) = [
        r for r in leaf_plan(name, "flux", tmp_path).releases if r.name == "gpu-operator"
    ]
    assert "manifests/gke-resource-quota.yaml" in operator.pre_manifests
