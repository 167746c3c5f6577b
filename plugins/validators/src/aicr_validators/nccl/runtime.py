"""From a profile and a cluster to the objects of a benchmark: readings taken, the runtime rendered, checked, completed.

What the user wants on pods (node selector, tolerations, pull secrets, chosen nodes) is put into the rendered runtime
here, so that no profile can forget it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, load_all
from aicr_validators import gpus
from aicr_validators.testpods import entries, section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.api import Context, Target
    from aicr_validators.nccl.profiles import Profile, Reading

    Object = dict[str, Any]

API = "trainer.kubeflow.org/v1alpha1"
RUNTIME, JOB = "nccl-all-reduce-runtime", "nccl-all-reduce-tj"
LAUNCHER = "launcher"
"""Name of the replicated job that starts the benchmark; it has no GPU, so selectors of GPU nodes are not for it."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.ASCII)


def variables(target: Target, profile: Profile, nodes: Sequence[gpus.Node]) -> dict[str, Any]:
    """Take the profile's readings; give all variables of its runtime. Raises AicrError for a fact that is not there."""
    found: dict[str, Any] = {
        "gpus": nodes[0].gpus, "nodes": len(nodes), "processes": len(nodes) * nodes[0].gpus,
    }  # fmt: skip
    lines = [f"{name}: {value}" for name, value in found.items()]
    if len({node.gpus for node in nodes}) > 1:
        lines.append(
            f"warning: nodes have different numbers of GPUs; that of {nodes[0].name} is used"
        )
    for reading in profile.readings:
        value, warning = _value(target, reading, nodes)
        found[reading.name] = value
        lines.append(f"{reading.name}: {', '.join(value) if isinstance(value, list) else value}")
        lines += [f"warning: {warning}"] if warning else []
    target.evidence("Benchmark", "\n".join([f"profile: {profile.name}", *lines]))
    return found


def _value(target: Target, reading: Reading, nodes: Sequence[gpus.Node]) -> tuple[Any, str]:
    first = nodes[0]
    if reading.label:
        value = first.labels.get(reading.label, "")
        if not value:
            raise AicrError(
                Code.INTERNAL, f"node {first.name} has no label {reading.label}, which the benchmark needs",
                hint=f"label the GPU nodes: kubectl label node {first.name} {reading.label}=VALUE",
            )  # fmt: skip
        others = sorted({node.labels.get(reading.label, "none") for node in nodes})
        told = f"nodes differ in {reading.label}: {', '.join(others)}; that of {first.name} is used"
        return value, told if len(others) > 1 else ""
    if reading.extended:
        count = first.extended.get(reading.extended, 0)
        told = f"node {first.name} has no {reading.extended}; the benchmark runs without it"
        return count, "" if count else told
    names = sorted(
        name
        for name in target.list(reading.api_version, reading.resource, keep=_name)
        if reading.contains in name
    )
    if len(names) < reading.at_least:
        raise AicrError(
            Code.INTERNAL,
            f"there are {len(names)} {reading.resource} ({reading.api_version}) named *{reading.contains}*, "
            f"and the benchmark needs {reading.at_least}: {', '.join(names) or 'none'}",
            hint=f"see which there are: kubectl get {reading.resource}",
        )  # fmt: skip
    return names, ""


def _name(item: Object) -> str | None:
    name = section(item, "metadata").get("name")
    return name if isinstance(name, str) and _NAME.fullmatch(name) else None


def training_runtime(
    ctx: Context,
    target: Target,
    profile: Profile,
    facts: Mapping[str, Any],
    nodes: Sequence[gpus.Node],
) -> Object:
    """Give the TrainingRuntime of a run. Raises AicrError(INVALID_REQUEST) naming the profile if it gives none."""
    try:
        documents = list(load_all(ctx.render(profile.runtime, **facts).encode(), profile.where))
    except AicrError as error:
        raise AicrError(
            error.code, f"{profile.where}: runtime: {error.message}", where=profile.where,
            hint=error.hint or "mend the runtime of the profile",
        ) from None  # fmt: skip
    if (
        len(documents) != 1
        or not isinstance(documents[0], dict)
        or (documents[0].get("apiVersion"), documents[0].get("kind")) != (API, "TrainingRuntime")
    ):
        raise AicrError(
            Code.INVALID_REQUEST, f"{profile.where}: runtime: it is not one TrainingRuntime of {API}",
            where=profile.where, hint="mend the runtime of the profile",
        )  # fmt: skip
    runtime: Object = documents[0]
    metadata = section(runtime, "metadata")
    for job in entries(
        section(section(section(runtime, "spec"), "template"), "spec"), "replicatedJobs"
    ):
        spec = _pod_spec(job)
        if spec is None:
            raise AicrError(
                Code.INVALID_REQUEST, f"{profile.where}: runtime: replicated job {job.get('name')} has no pod",
                where=profile.where, hint="give it template.spec.template.spec",
            )  # fmt: skip
        _complete(spec, target, None if job.get("name") == LAUNCHER else nodes)
    return {**runtime, "metadata": {**metadata, "name": RUNTIME, "namespace": target.namespace}}


def _pod_spec(job: Object) -> Object | None:
    inner = section(section(section(job, "template"), "spec"), "template").get("spec")
    return inner if isinstance(inner, dict) else None


def _complete(spec: Object, target: Target, nodes: Sequence[gpus.Node] | None) -> None:
    """Put on a pod what the user wants; ``nodes`` are those that it may go to (None: any)."""
    wanted = [dict(toleration) for toleration in target.tolerations]
    spec["tolerations"] = wanted + [t for t in entries(spec, "tolerations") if t not in wanted]
    if target.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in target.image_pull_secrets]
    if nodes is None:
        return
    if target.node_selector:
        spec["nodeSelector"] = {**section(spec, "nodeSelector"), **target.node_selector}
    if gpus.narrowed(target):
        terms = [
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node.name]}]}
            for node in nodes
        ]
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        spec["affinity"] = {**section(spec, "affinity"), "nodeAffinity": required}


def train_job(target: Target, nodes: Sequence[gpus.Node]) -> Object:
    """Give the TrainJob that runs the benchmark on so many nodes."""
    return {
        "apiVersion": API, "kind": "TrainJob",
        "metadata": {"name": JOB, "namespace": target.namespace},
        "spec": {
            "runtimeRef": {"apiGroup": "trainer.kubeflow.org", "kind": "TrainingRuntime", "name": RUNTIME},
            "trainer": {"numNodes": len(nodes)},
        },
    }  # fmt: skip
