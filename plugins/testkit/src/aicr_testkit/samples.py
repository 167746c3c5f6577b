"""Inputs that a plugin is called with: a plan, a recipe, a snapshot, a report and so on, the same in every run.

They are small, valid and a little awkward (text that YAML reads as a number, names with hyphens). A secret stands in
the values and in the environment: :data:`CANARY`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aicr_core.api import BundlePlan, BundleView, Inventory, Report

CANARY = "canary-5e1f0c9a7d"
"""A secret; where it comes out again, a real one would."""
SEED = 20_240_917
"""Of everything that is random in the kit."""


def values() -> dict[str, Any]:
    """Values of a component; ``password`` is the secret."""
    return {
        "driver": {"enabled": True, "version": "580.82.07"},
        "octal": "0o7",
        "text": "no",
        "list": [{"name": "a", "value": "1e3"}],
        "auth": {"password": CANARY},
        "replicas": 2,
    }


def component(name: str = "sample-operator") -> dict[str, Any]:
    """A component as a recipe names it."""
    return {
        "name": name,
        "namespace": f"{name}-system",
        "type": "Helm",
        "source": "https://charts.example.com",
        "version": "v1.2.3",
        "chart": name,
    }


def recipe(service: str = "eks") -> dict[str, Any]:
    """A recipe of two components, with constraints."""
    second = {**component("sample-agent"), "dependencyRefs": ["sample-operator"]}
    return {
        "kind": "RecipeResult",
        "apiVersion": "aicr.nvidia.com/v1alpha1",
        "metadata": {"version": "v0.0.0", "appliedOverlays": ["base"]},
        "criteria": {
            "service": service,
            "accelerator": "h100",
            "intent": "training",
            "os": "ubuntu",
        },
        "constraints": [{"name": "K8s.server.version", "value": ">= 1.30"}],
        "componentRefs": [component(), second],
        "deploymentOrder": ["sample-operator", "sample-agent"],
    }


def snapshot() -> dict[str, Any]:
    """A snapshot with a server, a node, an operating system and a GPU."""

    def subtype(name: str, **data: Any) -> dict[str, Any]:
        return {"subtype": name, "data": data}

    return {
        "kind": "Snapshot",
        "apiVersion": "aicr.nvidia.com/v1alpha1",
        "metadata": {"version": "v0.0.0", "source-node": "node-a"},
        "measurements": [
            {
                "type": "K8s",
                "subtypes": [
                    subtype("server", version="v1.33.5"),
                    subtype(
                        "node",
                        **{
                            "provider": "eks",
                            "provider-id": "aws:///us-east-1a/i-0abc",
                            "container-runtime-id": "containerd://1.7.27",
                        },
                    ),
                ],
            },
            {
                "type": "OS",
                "subtypes": [
                    subtype("release", ID="ubuntu", VERSION_ID="24.04"),
                    subtype("sysctl", **{"/proc/sys/kernel/osrelease": "6.8.0-1024"}),
                ],
            },
            {
                "type": "GPU",
                "subtypes": [
                    subtype(
                        "smi",
                        **{
                            "gpu.model": "NVIDIA H100 80GB HBM3",
                            "driver": "580.82.07",
                            "cuda-version": "13.0",
                        },
                    )
                ],
            },
        ],
    }


def plan(settings: dict[str, str] | None = None) -> BundlePlan:
    """A plan of three releases: a chart with manifests, a chart that depends on it, manifests alone."""
    from aicr_core.api import Artifact, BundlePlan, Release

    config = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: sample\n  namespace: sample-operator-system\n"
    chart: dict[str, Any] = {
        "kind": "helm",
        "repository": "https://charts.example.com",
        "version": "v1.2.3",
    }
    return BundlePlan(
        releases=(
            Release(
                name="sample-operator",
                namespace="sample-operator-system",
                chart="sample-operator",
                values=values(),
                manifests=(Artifact(path="manifests/config.yaml", data=config),),
                **chart,
            ),
            Release(
                name="sample-agent",
                namespace="sample-agent-system",
                chart="sample-agent",
                values={"a": {"b": [1]}},
                depends_on=("sample-operator",),
                tier=1,
                wait=False,
                **chart,
            ),
            Release(
                name="sample-extras",
                kind="manifests",
                namespace="sample-extras",
                values={},
                tier=2,
                depends_on=("sample-agent",),
                manifests=(Artifact(path="manifests/extra.yaml", data=config),),
            ),
        ),
        recipe=recipe(),
        recipe_version="v0.0.0",
        tool_version="0.0.0",
        criteria=recipe()["criteria"],
        constraints=tuple(recipe()["constraints"]),
        options={"repo": "https://git.example.com/fleet.git"},
        settings=settings or {},
    )


def report() -> Report:
    """A report with a check of each verdict."""
    from aicr_core.api import Code, PhaseReport, Report, ReportItem, failed, passed, skipped

    def item(name: str, result: Any) -> ReportItem:
        return ReportItem(
            name=name,
            phase="deployment",
            result=result,
            title=name,
            start=1_700_000_000_000,
            stop=1_700_000_000_500,
            duration=500,
        )

    return Report(
        run="20231114-221320-abcdef",
        version="0.0.0",
        timestamp="2023-11-14T22:13:20Z",
        started=1_700_000_000_000,
        stopped=1_700_000_001_000,
        recipe="recipe.yaml",
        criteria={"service": "eks"},
        phases=(
            PhaseReport(
                name="deployment",
                items=(
                    item("operator-health", passed("4 of 4 pods run", expected="4", actual="4")),
                    item(
                        "expected-resources",
                        failed(
                            Code.NOT_FOUND,
                            "Missing",
                            'no Deployment "a" & <b>',
                            expected="1",
                            actual="0",
                        ),
                    ),
                    item("sample-check", skipped("NotApplicable", "no GPU node")),
                ),
            ),
        ),
    )


def inventory() -> Inventory:
    """An inventory of one chart and one image."""
    from aicr_core.api import (
        Inventory,
        InventoryChart,
        InventoryComponent,
        InventoryImage,
        InventoryPlugin,
    )

    image = "registry.example.com/a/b:1.2@sha256:" + "0a" * 32
    return Inventory(
        tool_version="0.0.0",
        recipe_version="v0.0.0",
        criteria={"service": "eks"},
        components=(
            InventoryComponent(
                name="sample-operator",
                kind="helm",
                version="v1.2.3",
                namespace="n",
                images=(image,),
            ),
        ),
        charts=(
            InventoryChart(
                component="sample-operator",
                name="sample-operator",
                repository="https://charts.example.com",
                version="v1.2.3",
                namespace="n",
                sha256="0b" * 32,
                licence="Apache-2.0",
            ),
        ),
        images=(InventoryImage(reference=image, components=("sample-operator",)),),
        plugins=(InventoryPlugin(distribution="aicr-sample", version="1.0", licence="Apache-2.0"),),
    )


def view() -> BundleView:
    """A bundle as lints see it, with one object."""
    from aicr_core.api import BundleObject, BundleRelease, BundleView

    document = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "n"},
        "data": {"k": "v"},
    }
    release = BundleRelease(
        name="sample-operator",
        namespace="n",
        kind="helm",
        chart="sample-operator",
        version="v1.2.3",
        repository="https://charts.example.com",
        values=values(),
        values_path="sample-operator/values.yaml",
    )
    return BundleView(
        deployer="helm",
        stage="A",
        releases=(release,),
        recipe=recipe(),
        kubernetes="1.33",
        objects=(
            BundleObject(
                document=document,
                path="sample-operator/manifests/a.yaml",
                component="sample-operator",
            ),
        ),
        files=("sample-operator/values.yaml", "sample-operator/manifests/a.yaml"),
    )
