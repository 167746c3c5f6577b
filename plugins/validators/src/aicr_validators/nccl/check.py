"""Check ``nccl-all-reduce-bw``: the all-reduce bandwidth between GPU nodes (spec/validate.md 8.5).

Which benchmark is right for a service and an accelerator stands in profiles of the catalogue; the recipe may borrow the
profile of another pair. Kubeflow Trainer has to be there: nothing is downloaded, and nothing installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import RUN_NAMESPACE, AicrError, Code, Right, failed, nearest, passed, skipped
from aicr_validators import gpus, testpods
from aicr_validators.nccl import profiles, runtime, table, threshold
from aicr_validators.testpods import entries, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aicr_core.api import CheckResult, Context, Target

CONSTRAINT = "nccl-all-reduce-bw"
BORROW = "nccl-benchmark-profile"
TRAINER = "kubeflow-trainer"
CRD = "trainjobs.trainer.kubeflow.org"
GROUP = "trainer.kubeflow.org"
SEEN, STARTED, RUN = 120.0, 300.0, 1800.0
"""Seconds until the runtime can be read, until there is a launcher, until it has ended."""
WATCH = 5.0
"""Seconds of one watch: so long a cancellation may wait."""
IMAGES = testpods.HOPELESS - {"CrashLoopBackOff"}
"""What no patience mends: a launcher may well start before its workers answer, and try again."""
WORKERS = 20
"""Pods that are told of when the benchmark failed."""
_NETWORKS = {"gke": ("networking.gke.io", "networks")}
"""Cluster-wide objects that shipped profiles read, by service: rights follow from the recipe alone."""


def rights(recipe: Mapping[str, Any]) -> Iterable[Right]:
    """Give the rights that the check needs; those for the networks of a cloud only where its profile is used."""
    yield from gpus.rights()
    yield Right(
        verbs=("get",), resources=("customresourcedefinitions",), group="apiextensions.k8s.io", names=(CRD,)
    )  # fmt: skip
    yield Right(
        verbs=("create", "get", "delete"), resources=("trainingruntimes", "trainjobs"), group=GROUP,
        namespace=RUN_NAMESPACE,
    )  # fmt: skip
    yield Right(verbs=("get", "list", "watch"), resources=("pods",), namespace=RUN_NAMESPACE)
    yield Right(verbs=("get",), resources=("pods/log",), namespace=RUN_NAMESPACE)
    yield Right(verbs=("list",), resources=("events",), namespace=RUN_NAMESPACE)
    phase = section(section(recipe, "validation"), "performance")
    borrowed = [c.get("value") for c in entries(phase, "constraints") if c.get("name") == BORROW]
    service = (
        str(borrowed[0]).rpartition("/")[2]
        if borrowed
        else section(recipe, "criteria").get("service")
    )
    if service in _NETWORKS:
        group, resource = _NETWORKS[str(service)]
        yield Right(verbs=("list",), resources=(resource,), group=group)


def check(ctx: Context, target: Target) -> CheckResult:
    """Choose the benchmark, run it, and compare its result with the constraint."""
    text = target.constraints.get(CONSTRAINT)
    if text is None:
        return skipped(
            "NoConstraint", f"the recipe has no constraint {CONSTRAINT}",
            remediation=f'Add a threshold to validation.performance.constraints: {CONSTRAINT}: ">= 300"',
        )  # fmt: skip
    chosen = _profile(target, profiles.decode(target.profiles))
    if not isinstance(chosen, profiles.Profile):
        return chosen
    limit = threshold.parse(CONSTRAINT, text)
    nodes = _nodes(target, chosen)
    if not isinstance(nodes, list):
        return nodes
    absent = _no_trainer(target)
    if absent is not None:
        return absent
    facts = runtime.variables(target, chosen, nodes)
    body = runtime.training_runtime(ctx, target, chosen, facts, nodes)
    return _start(ctx, target, body, nodes) or _measured(ctx, target, limit)


def _profile(target: Target, known: Sequence[profiles.Profile]) -> profiles.Profile | CheckResult:
    """Give the profile of the pair that the recipe borrows, else that of its criteria; a verdict when there is none."""
    pairs = profiles.known(known)
    listed = ", ".join(pairs) or "none"
    borrowed = target.constraints.get(BORROW)
    pair = borrowed.strip() if borrowed is not None else (
        f"{target.criteria('accelerator')}/{target.criteria('service')}"
    )  # fmt: skip
    chosen = profiles.choose(known, pair)
    if chosen is not None:
        return chosen
    if borrowed is not None:
        close = nearest(pair, pairs)
        return failed(
            Code.INVALID_REQUEST, "UnknownBenchmarkProfile",
            f'constraint {BORROW} names "{pair}", for which there is no profile; known: {listed}',
            expected=listed, actual=pair,
            remediation=(f"Did you mean {close}? " if close else "")
            + "Name one of these, or add a profile below validators/profiles/ of a --data directory",
        )  # fmt: skip
    accelerator, service = (word or "none" for word in pair.split("/", 1))
    return skipped(
        "NoBenchmarkProfile",
        f"no benchmark profile is for service {service} with accelerator {accelerator}; known: {listed}",
        remediation=f"Borrow one with the constraint {BORROW}: ACCELERATOR/SERVICE, or add a profile below "
        "validators/profiles/ of a --data directory",
    )  # fmt: skip


def _nodes(target: Target, profile: profiles.Profile) -> list[gpus.Node] | CheckResult:
    """Give the nodes of the benchmark, or the verdict when there are too few."""
    found = gpus.nodes(target)
    nodes = [node for node in found if not node.unready]
    lines = [
        f"{node.name} gpus={node.gpus}" + (f" left out: {node.unready}" if node.unready else "")
        for node in found
    ]
    target.evidence("GPU nodes", "\n".join(lines) or "none", "kubectl get nodes")
    if not nodes:
        return failed(
            Code.INTERNAL, "NoGPUNodes", f"no schedulable node that is ready has {gpus.RESOURCE}",
            expected=f"at least {profile.min_nodes} nodes", actual="0",
            remediation="Add GPU nodes, or see why the device plugin offers no GPUs: kubectl describe nodes",
        )  # fmt: skip
    if len(nodes) < profile.min_nodes:
        return skipped(
            "TooFewGPUNodes",
            f"the benchmark is between nodes: it needs {profile.min_nodes}, and there is {len(nodes)}: "
            + ", ".join(node.name for node in nodes),
            remediation=f"Run it in a cluster with {profile.min_nodes} or more GPU nodes",
        )  # fmt: skip
    return nodes


def _no_trainer(target: Target) -> CheckResult | None:
    """Give the verdict for a cluster without Kubeflow Trainer: a failure only where the recipe brings it."""
    if target.find("apiextensions.k8s.io/v1", "customresourcedefinitions", CRD) is not None:
        return None
    message = f"Kubeflow Trainer is not installed: there is no CustomResourceDefinition {CRD}"
    if target.component(TRAINER) is not None:
        return failed(
            Code.NOT_FOUND, "TrainerNotInstalled", message, expected=f"component {TRAINER} of the recipe",
            actual="not there", remediation=f"Install the component {TRAINER} from the bundle of this recipe",
        )  # fmt: skip
    return skipped(
        "TrainerNotInstalled", f"{message}, and the recipe has no component {TRAINER}",
        remediation=f"Install the component {TRAINER} from a bundle: aicr recipe with --platform kubeflow brings it",
    )  # fmt: skip


# --- the run --------------------------------------------------------------------------------------


def _start(
    ctx: Context, target: Target, body: dict[str, Any], nodes: Sequence[gpus.Node]
) -> CheckResult | None:
    """Make runtime and job; the verdict when one of that name is there already, or does not appear."""
    path = target.cluster.path(
        runtime.API, "trainingruntimes", namespace=target.namespace, name=runtime.RUNTIME
    )

    def readable() -> bool | None:
        try:
            target.cluster.get(path)
        except AicrError as error:
            if error.code is Code.NOT_FOUND:
                return None
            raise
        return True

    exists = _make(target, "trainingruntimes", body)
    if exists is not None:
        return exists
    if target.wait(testpods.budget(ctx, SEEN), 0.5, readable) is None:
        return failed(
            Code.TIMEOUT, "RuntimeNotVisible", f"TrainingRuntime {target.namespace}/{runtime.RUNTIME} was made, "
            "and cannot be read", remediation="Look at the API server: kubectl get --raw /readyz?verbose",
        )  # fmt: skip
    return _make(target, "trainjobs", runtime.train_job(target, nodes))


def _make(target: Target, resource: str, body: dict[str, Any]) -> CheckResult | None:
    try:
        target.create(resource, body)
    except AicrError as error:
        if getattr(error, "reason", "") != "AlreadyExists":
            raise
        name = body["metadata"]["name"]
        return failed(
            Code.INTERNAL, "AlreadyExists", f'{resource} "{name}" already exists in namespace {target.namespace}',
            remediation="Another run is at work, or one was cut off. If none is: "
            f"kubectl delete {resource}.{GROUP} {name} -n {target.namespace}",
        )  # fmt: skip
    return None


def _measured(ctx: Context, target: Target, limit: threshold.Threshold) -> CheckResult:
    """Wait for the launcher, read its table, and compare."""
    name = target.wait(testpods.budget(ctx, STARTED), 0.5, lambda: _launcher(target))
    if name is None:
        return failed(
            Code.INTERNAL, "NoLauncher",
            f"TrainJob {target.namespace}/{runtime.JOB} has no launcher pod: {_conditions(target)}",
            remediation=f"See what the controller says: kubectl describe trainjob {runtime.JOB} -n {target.namespace}, "
            f"and the log of the component {TRAINER}",
        )  # fmt: skip
    end = testpods.until_ended(
        ctx, target, target.namespace, [name], RUN, every=1.0, hopeless=IMAGES
    )[0]
    if not end.succeeded:
        return _unfinished(target, end, name)
    found = table.read(target.cluster.logs(target.namespace, name, container="node"))
    if not found.size or found.cut:
        return _unread(target, name, found)
    target.evidence(
        "NCCL all-reduce", f"{found.row}\nsize: {found.size} B\nbus bandwidth: {found.bandwidth:.2f} GB/s\n"
        f"constraint: {limit.described}", f"kubectl logs {name} -n {target.namespace} -c node",
    )  # fmt: skip
    measured = f"{found.bandwidth:.2f} GB/s"
    if limit.met(found.bandwidth):
        return passed(
            f"the bandwidth of {measured} meets {limit.text}", expected=limit.described, actual=measured
        )  # fmt: skip
    return failed(
        Code.INTERNAL, "BandwidthNotMet", f'the NCCL bandwidth of {measured} does not meet "{limit.text}"',
        expected=limit.described, actual=measured,
        remediation="Look at the network of the GPU nodes: that its devices are offered to pods (kubectl describe "
        "nodes), that NCCL uses them (run it with NCCL_DEBUG=INFO), and that nothing else is at work",
    )  # fmt: skip


def _launcher(target: Target) -> str | None:
    """Give the name of the launcher's pod; None when a watch shows none."""
    path = target.cluster.path("v1", "pods", namespace=target.namespace)
    labels = (
        f"jobset.sigs.k8s.io/jobset-name={runtime.JOB},"
        f"jobset.sigs.k8s.io/replicatedjob-name={runtime.LAUNCHER}"
    )
    try:
        for event in target.cluster.watch(path, label_selector=labels, timeout=WATCH):
            name = section(section(event, "object"), "metadata").get("name")
            if name and event.get("type") != "DELETED":
                return str(name)
    except AicrError as error:
        if error.code not in (Code.TIMEOUT, Code.SERVICE_UNAVAILABLE):
            raise
    return None


def _conditions(target: Target) -> str:
    """Give what the TrainJob says of itself, or why that cannot be read."""
    path = target.cluster.path(
        runtime.API, "trainjobs", namespace=target.namespace, name=runtime.JOB
    )
    try:
        found = entries(section(target.cluster.get(path), "status"), "conditions")
    except AicrError as error:
        return error.message
    lines = [
        f"{c.get('type')}={c.get('status')} {c.get('reason')}: {c.get('message')}" for c in found
    ]
    return "; ".join(lines) or "it has no conditions"


def _unfinished(target: Target, end: testpods.End, name: str) -> CheckResult:
    pods = _pods(target)
    target.evidence("Launcher", testpods.account(target, end))
    target.evidence("Pods of the benchmark", "\n".join(pods))
    place = f"{target.namespace}/{name}"
    if end.phase in testpods.ENDED:
        last = testpods.log_or_reason(target, target.namespace, name).splitlines()[-20:]
        target.evidence("End of the launcher's log", "\n".join(last))
        said = f"pod {place} failed: {'; '.join(testpods.states(end.pod)) or 'no state is known'}"
        return failed(
            Code.INTERNAL, "BenchmarkFailed", said, expected="Succeeded", actual=end.phase,
            remediation=f"Read the evidence, and the workers' logs: kubectl get pods -n {target.namespace} "
            f"-l jobset.sigs.k8s.io/jobset-name={runtime.JOB}",
        )  # fmt: skip
    why = end.stuck or f"phase {end.phase} when the wait was over"
    return failed(
        Code.INTERNAL, "BenchmarkNotFinished", f"pod {place} did not end: {why}", expected="Succeeded",
        actual=end.phase, remediation=testpods.remedy(end.stuck)
        + "; a larger benchmark needs more time: validation.performance.timeout of the recipe",
    )  # fmt: skip


def _pods(target: Target) -> list[str]:
    """Give a line about each of the first pods of the benchmark, those that are stuck with the reason."""
    path = target.cluster.path("v1", "pods", namespace=target.namespace)
    lines: list[str] = []
    try:
        for pod in target.cluster.list(
            path, label_selector=f"jobset.sigs.k8s.io/jobset-name={runtime.JOB}"
        ):
            end = testpods.End(pod, testpods.why_stuck(pod))
            name = section(pod, "metadata").get("name")
            lines.append(f"{name} phase={end.phase} node={end.node or 'none'} {end.stuck}".rstrip())
            if len(lines) >= WORKERS:
                break
    except AicrError as error:
        lines.append(f"pods cannot be listed: {error.message}")
    return lines


def _unread(target: Target, name: str, found: table.Reading) -> CheckResult:
    """Give the verdict for a log that has no result that could be trusted."""
    place = f"{target.namespace}/{name}"
    if found.cut:
        reason, text = (
            "LogTooLong",
            f"the log of pod {place} is longer than {table.LIMIT >> 20} MiB",
        )
    else:
        reason, text = "NoBandwidth", f"the log of pod {place} has no row of the benchmark's table"
    return failed(
        Code.INTERNAL, reason, text, expected="a table of bandwidths", actual="none that could be read",
        remediation=f"Read the log: kubectl logs {name} -n {target.namespace} -c node | tail",
    )  # fmt: skip
