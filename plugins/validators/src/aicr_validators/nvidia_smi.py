"""Check ``check-nvidia-smi``: a pod on each GPU node runs nvidia-smi (spec/validate.md 8.4).

It is skipped where no node has GPUs, and where work is on one of them. Pods run on several nodes at once, each
removed as soon as it was read; what becomes of a pod is known to :mod:`aicr_validators.testpods`.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code, failed, passed, skipped
from aicr_validators import gpus, testpods

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aicr_core.api import CheckResult, Context, Right, Target

IMAGE = "nvcr.io/nvidia/cuda:13.0.0-base-ubuntu22.04"
CONTAINER = "nvidia-smi-verify-container"
PREFIX = "nvidia-smi-verify-"
POD = 600.0
"""Seconds a pod may take; a large image is pulled in that time."""
MARKS = (
    ("NVIDIA-SMI",),
    ("Driver Version:", "KMD Version:"),
    ("CUDA Version:", "CUDA UMD Version:"),
    ("GPU_CHECK_SUCCESS",),
)
"""What the log has to hold: of each entry one spelling (drivers of 2026 write the second)."""
LEAST, MOST, NODES_A_POD = 8, 64, 16
"""Pods at once: at least, at most, and the number of nodes that brings one more."""
POLLS = 16.0
"""Reads of pods in a second, all nodes together."""
NAME = 253
"""Characters that a pod's name may have."""
LINES = 20
"""Lines of a failed pod's log that are told."""
SHOWN = 20
"""Failures that the message tells in full; the evidence has all."""


class Fault(NamedTuple):
    """What is wrong on a node; ``error`` where a request failed."""

    text: str
    remedy: str
    error: AicrError | None = None


def rights(recipe: Mapping[str, Any]) -> Iterable[Right]:  # noqa: ARG001 - every check has this signature
    """Give the rights that the check needs."""
    yield from gpus.rights()
    yield from gpus.user_rights()
    yield from testpods.rights()


def check(ctx: Context, target: Target) -> CheckResult:
    """Find the GPU nodes, see that they are free, and run nvidia-smi on each."""
    nodes = gpus.nodes(target)
    if not nodes:
        return skipped(
            "NoGPUNodes", f"no schedulable node has {gpus.RESOURCE}",
            remediation="Add GPU nodes, or see why the device plugin offers no GPUs: "
            "kubectl describe nodes | grep -A8 Allocatable",
        )  # fmt: skip
    names = [node.name for node in nodes]
    target.evidence(
        f"GPU nodes ({len(names)})", "\n".join(f"{node.name} gpus={node.gpus}" for node in nodes),
        "kubectl get nodes -o custom-columns='NAME:.metadata.name,GPUS:.status.allocatable.nvidia\\.com/gpu'",
    )  # fmt: skip
    return _busy(target, names) or _verdict(target, nodes, Sweep(ctx, target, nodes).run())


def _busy(target: Target, names: Sequence[str]) -> CheckResult | None:
    """Give the verdict for nodes that are at work, or of which nobody knows; None when all are free."""
    try:
        found = gpus.users(target, set(names))
    except AicrError as error:
        if error.code is Code.TIMEOUT:
            raise
        return skipped(
            "WorkloadsUnknown",
            f"pods cannot be listed, so the GPU nodes may be busy: {_listed(names)} ({error.message})",
            remediation=error.hint or "Allow the listing of pods: kubectl auth can-i list pods -A",
        )  # fmt: skip
    if not found:
        return None
    lines = [f"{node}: {', '.join(pods)}" for node, pods in found.items()]
    target.evidence("GPU nodes at work", "\n".join(lines), "kubectl get pods -A -o wide")
    return skipped(
        "GPUNodesBusy", f"{len(found)} of {len(names)} GPU nodes are busy with other work: {_listed(list(found))}",
        remediation="Run the check when these pods have ended, or leave their nodes out with "
        "validation.deployment.nodeSelection.excludeNodes of the recipe",
    )  # fmt: skip


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _verdict(
    target: Target, nodes: Sequence[gpus.Node], faults: Mapping[str, Fault | None]
) -> CheckResult:
    """Fold the nodes' outcomes; a node without one was not reached."""
    wrong = {name: fault for name, fault in sorted(faults.items()) if fault is not None}
    missed = sorted(node.name for node in nodes if node.name not in faults)
    lines = [f"{name}: OK" for name, fault in sorted(faults.items()) if fault is None]
    lines += [f"{name}: FAILED: {fault.text}" for name, fault in wrong.items()]
    lines += [f"{name}: not reached" for name in missed]
    target.evidence("nvidia-smi", "\n".join(lines))
    for fault in wrong.values():
        if fault.error is not None and fault.error.code is Code.UNAUTHORIZED:
            raise fault.error
    good = f"{len(nodes) - len(wrong) - len(missed)} of {len(nodes)} nodes"
    if wrong:
        told = "; ".join(f"{name} ({wrong[name].text})" for name in list(wrong)[:SHOWN])
        rest = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        rest += f"; {len(missed)} nodes were not reached" if missed else ""
        return failed(
            Code.INTERNAL, "NvidiaSmiFailed",
            f"nvidia-smi failed on {len(wrong)}/{len(nodes)} nodes: {told}{rest}",
            expected=f"{len(nodes)} of {len(nodes)} nodes", actual=good,
            remediation="\n".join(dict.fromkeys(fault.remedy for fault in wrong.values())),
        )  # fmt: skip
    if missed:
        return failed(
            Code.TIMEOUT, "NodesNotReached",
            f"the time of the check was over before {len(missed)} of {len(nodes)} nodes: {_listed(missed)}",
            expected=f"{len(nodes)} of {len(nodes)} nodes", actual=good,
            remediation="Give the phase more time (validation.deployment.timeout of the recipe), or look at fewer "
            "nodes (nodeSelection.maxNodes)",
        )  # fmt: skip
    return passed(f"nvidia-smi answers on all {len(nodes)} GPU nodes", actual=good)


class Sweep:
    """Runs the pods, on several nodes at once. ``run`` gives the outcome of each node that was reached."""

    def __init__(self, ctx: Context, target: Target, nodes: Sequence[gpus.Node]) -> None:
        self._ctx = ctx
        self._target = target
        self._waiting = deque(zip(nodes, pod_names([node.name for node in nodes]), strict=True))
        self._outcomes: dict[str, Fault | None] = {}
        self._width = min(len(nodes), MOST, max(LEAST, len(nodes) // NODES_A_POD))
        self._crash: BaseException | None = None

    def run(self) -> Mapping[str, Fault | None]:
        """Run nvidia-smi on every node, or on as many as the time allows."""
        threads = [
            threading.Thread(target=self._work, daemon=True, name=f"nvidia-smi-{number}")
            for number in range(self._width)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._crash is not None:
            raise self._crash
        return self._outcomes

    def _work(self) -> None:
        try:
            while self._crash is None and not self._ctx.cancelled and self._ctx.remaining():
                try:
                    node, pod = self._waiting.popleft()
                except IndexError:
                    return
                self._one(node, pod)
        except BaseException as error:  # it belongs to the check, not to this thread
            self._crash = error

    def _one(self, node: gpus.Node, pod: str) -> None:
        try:
            fault = self._verify(node, pod)
        except AicrError as error:
            over = self._ctx.cancelled or not self._ctx.remaining()
            if error.code is Code.TIMEOUT and over:
                return  # nobody can say of this node that it failed
            remedy = error.hint or "See what the API server says, and run the check again"
            fault = Fault(f"{error.message}", remedy, error)
        self._outcomes[node.name] = fault

    def _verify(self, node: gpus.Node, pod: str) -> Fault | None:
        if node.unready:
            remedy = f"See why the node is not ready: kubectl describe node {node.name}"
            return Fault(f"the node is not ready: {node.unready}", remedy)
        target = self._target
        target.create("pods", body(target, pod, node.name))
        end = testpods.until_ended(
            self._ctx, target, target.namespace, [pod], POD, every=max(0.5, self._width / POLLS)
        )[0]
        fault = self._look(end, node.name, pod)
        target.delete("v1", "pods", pod, target.namespace)
        return fault

    def _look(self, end: testpods.End, node: str, pod: str) -> Fault | None:
        target = self._target
        place = f"{target.namespace}/{pod}"
        if end.phase not in testpods.ENDED:
            why = end.stuck or f"phase {end.phase} when the wait was over"
            return Fault(f"pod {place} did not end on node {node}: {why}", _mend(end.stuck, node))
        text = testpods.log_or_reason(target, target.namespace, pod)
        if not end.succeeded:
            said = [testpods.account(target, end), f"first {LINES} lines of its log:"]
            said += text.splitlines()[:LINES]
            return Fault(f"pod {place} failed on node {node}: " + "\n".join(said), _driver(node))
        missing = [spellings[0] for spellings in MARKS if not any(s in text for s in spellings)]
        if missing:
            told = ", ".join(missing)
            return Fault(f"the log of pod {place} is not of nvidia-smi: no {told}", _driver(node))
        return None


def _mend(stuck: str, node: str) -> str:
    text = testpods.remedy(stuck) if stuck else "See what the kubelet says"
    return f"{text} (node: kubectl describe node {node})"


def _driver(node: str) -> str:
    return (
        "Look at driver and container toolkit of the node: kubectl get pods -n gpu-operator -o wide "
        f"--field-selector spec.nodeName={node}"
    )


def pod_names(nodes: Sequence[str]) -> list[str]:
    """Give a name for the pod of each node; where names would meet or be too long, a digest tells them apart."""
    found: list[str] = []
    taken: set[str] = set()
    for node in nodes:
        name = PREFIX + node.lower().replace(".", "-")
        if name in taken or len(name) > NAME:
            digest = hashlib.sha256(node.encode()).hexdigest()[:8]
            name = f"{name[: NAME - 9]}-{digest}"
        taken.add(name)
        found.append(name)
    return found


def body(target: Target, name: str, node: str) -> dict[str, Any]:
    """Give the pod that runs nvidia-smi on a node."""
    one = {gpus.RESOURCE: "1"}
    container = {
        "name": CONTAINER, "image": IMAGE, "command": ["/bin/sh", "-c"],
        "args": ["nvidia-smi && echo GPU_CHECK_SUCCESS"],
        "resources": {"limits": one, "requests": one},
        "securityContext": {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False},
    }  # fmt: skip
    return testpods.body(
        target, name, target.namespace, container, node=node, labels={"source": "e2e-tests"},
        securityContext={
            "runAsUser": 1000, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"},
        },
    )  # fmt: skip
