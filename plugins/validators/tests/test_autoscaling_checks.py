"""pod-autoscaling and cluster-autoscaling: every place where scaling can end, trials that leave nothing, clouds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators import cluster_autoscaling, pod_autoscaling
from check_support import Lab, lab_as, workload
from emulated_cluster import ACCELERATED, FakeCluster

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    import pathlib

    Item = dict[str, Any]

CUSTOM = "/apis/custom.metrics.k8s.io/v1beta1"
GPU_METRIC = f"{CUSTOM}/namespaces/dynamo-system/pods/*/gpu_power_usage"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/dcgm_gpu_power_usage"
HPA = "HorizontalPodAutoscaler"
WANTS = {"desiredReplicas": 3, "currentReplicas": 1}


@pytest.fixture
def served(fake_cluster: FakeCluster) -> FakeCluster:
    """A cluster with an exporter and both metrics APIs."""
    fake_cluster.serve(*ACCELERATED)
    pod = {
        "metadata": {
            "name": "dcgm",
            "namespace": "gpu-operator",
            "labels": {"app": "nvidia-dcgm-exporter"},
        }
    }
    fake_cluster.add(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "spec": {"containers": [{"name": "c", "image": "i"}]},
            **pod,
        }
    )
    fake_cluster.raw.put(CUSTOM, {"resources": []})
    fake_cluster.raw.put(GPU_METRIC, {"items": [{"value": "5"}]})
    fake_cluster.raw.put(EXTERNAL, {"items": [{"value": "5"}]})
    return fake_cluster


def scales(
    fake: FakeCluster, *, up: int = 3, down: int | None = 1, status: Item | None = None
) -> None:
    """Play the controllers: the Deployment has ``up`` replicas, and ``down`` once the target is raised."""
    same = {"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "{name}", "namespace": "{namespace}"}}  # fmt: skip
    fake.reactions.add(
        {
            "kind": HPA,
            "set": {"status": status or WANTS},
            "also": [{**same, "status": {"replicas": up}}],
        }
    )
    if down is not None:
        fake.reactions.add(
            {"kind": HPA, "on": "update", "also": [{**same, "status": {"replicas": down}}]}
        )


def pods(lab: Lab) -> Any:
    return pod_autoscaling.check(lab.ctx, lab.target)


def nodes(lab: Lab) -> Any:
    return cluster_autoscaling.check(lab.ctx, lab.target)


def leftovers(lab: Lab) -> list[str]:
    lab.clean()
    kinds = ("deployments", "horizontalpodautoscalers", "namespaces")
    found = [item["metadata"]["name"] for kind in kinds for item in lab.all(kind)]
    return [name for name in found if "-test-" in name]


# --- pod-autoscaling ------------------------------------------------------------------------------


def test_a_workload_grows_and_shrinks_with_exactly_the_declared_rights(
    served: FakeCluster, tmp_path: pathlib.Path
) -> None:
    scales(served)
    with lab_as(served, tmp_path, pod_autoscaling.rights({})) as lab:
        result = pods(lab)
        assert result.status == "passed", result.message
        assert "from 1 to 3" in result.message
        assert GPU_METRIC in lab.evidence
        assert leftovers(lab) == []


def test_an_autoscaler_that_was_quicker_than_we_look_counts(served: FakeCluster, lab: Lab) -> None:
    scales(served, status={"desiredReplicas": 3, "currentReplicas": 3})
    assert pods(lab).status == "passed"


def test_a_conflict_with_the_controller_is_settled(served: FakeCluster, lab: Lab) -> None:
    scales(served)
    served.faults.add(
        "PUT", ".*/horizontalpodautoscalers/.*", status=409, reason="Conflict", times=2
    )
    assert pods(lab).status == "passed"


def test_a_conflict_without_end_is_an_error(served: FakeCluster, lab: Lab) -> None:
    scales(served)
    served.faults.add("PUT", ".*/horizontalpodautoscalers/.*", status=409, reason="Conflict")
    with pytest.raises(AicrError):
        pods(lab)
    assert leftovers(lab) == []


def test_a_server_that_is_busy_for_a_while_is_waited_for(served: FakeCluster, lab: Lab) -> None:
    scales(served)
    served.faults.add("GET", ".*/(horizontalpodautoscalers|deployments)/.*", status=503, times=2)
    assert pods(lab).status == "passed"


@pytest.mark.parametrize(
    ("play", "reason"),
    [
        ({"status": {"desiredReplicas": 1, "currentReplicas": 1}}, "NoScalingIntent"),
        ({"status": {"desiredReplicas": "x", "conditions": [3]}}, "NoScalingIntent"),
        ({"up": 1}, "NoScaleUp"), ({"down": 2}, "NoScaleDown"),
    ],
)  # fmt: skip
def test_scaling_that_does_not_come_is_a_timeout(
    served: FakeCluster, lab: Lab, play: Item, reason: str
) -> None:
    scales(served, **play)
    result = pods(lab)
    assert (result.status, result.code, result.reason) == ("failed", Code.TIMEOUT, reason)
    assert result.remediation
    assert "HorizontalPodAutoscaler" in lab.evidence
    assert leftovers(lab) == []


def test_the_conditions_of_the_autoscaler_are_evidence(served: FakeCluster, lab: Lab) -> None:
    condition = {
        "type": "ScalingActive",
        "status": "False",
        "reason": "FailedGetExternalMetric",
        "message": "none",
    }
    scales(served, status={"desiredReplicas": 1, "currentReplicas": 1, "conditions": [condition]})
    pods(lab)
    assert "ScalingActive=False FailedGetExternalMetric" in lab.evidence


def test_without_an_exporter_it_is_skipped(fake_cluster: FakeCluster, lab: Lab) -> None:
    result = pods(lab)
    assert (result.status, result.reason) == ("skipped", "NoExporter")
    assert result.remediation


def test_pods_that_cannot_be_listed_skip_it_and_a_missing_right_does_not(
    served: FakeCluster, lab: Lab, tmp_path: pathlib.Path
) -> None:
    fault = served.faults.add("GET", "/api/v1/pods", status=500, message="etcd", times=1)
    result = pods(lab)
    assert (result.status, "etcd" in result.message, fault.seen) == ("skipped", True, 1)
    with lab_as(served, tmp_path, ()) as other, pytest.raises(AicrError) as raised:
        pods(other)
    assert raised.value.code is Code.UNAUTHORIZED


@pytest.mark.parametrize(
    "answer", [{"items": []}, {"items": "x"}, {}, "no json", {"_code": 503, "_text": "x"}]
)
def test_a_custom_metric_without_items_fails(served: FakeCluster, lab: Lab, answer: Any) -> None:
    served.raw.put(GPU_METRIC, answer)
    result = pods(lab)
    assert (result.code, result.reason) == (Code.NOT_FOUND, "NoGPUMetric")
    assert "gpu_memory_used" in result.message


def test_a_custom_metric_that_comes_late_counts(served: FakeCluster, lab: Lab) -> None:
    served.raw.put(GPU_METRIC, [{"items": []}, {"items": []}, {"items": [{"value": "1"}]}])
    scales(served)
    assert pods(lab).status == "passed"


@pytest.mark.parametrize(
    ("answer", "code", "reason"),
    [
        ({"items": None}, Code.NOT_FOUND, "ExternalMetricEmpty"),
        ("<html>", Code.INTERNAL, "ExternalMetricNotAvailable"),
        ({"_code": 404, "_text": "x"}, Code.NOT_FOUND, "ExternalMetricNotAvailable"),
    ],
)  # fmt: skip
def test_an_external_metric_without_a_value_fails(
    served: FakeCluster, lab: Lab, answer: Any, code: Code, reason: str
) -> None:
    served.raw.put(EXTERNAL, answer)
    result = pods(lab)
    assert (result.code, result.reason) == (code, reason)
    assert served.asked("POST") == []


def test_what_the_user_wants_on_pods_is_on_the_test_pods(served: FakeCluster, lab: Lab) -> None:
    scales(served)
    lab.target.node_selector = {"pool": "a"}
    lab.target.tolerations = ({"key": "a", "operator": "Exists"},)
    lab.target.image_pull_secrets = ("s",)
    pods(lab)
    spec = lab.all("deployments")[0]["spec"]["template"]["spec"]
    assert (spec["nodeSelector"], spec["tolerations"], spec["imagePullSecrets"]) == (
        {"pool": "a"}, [{"key": "a", "operator": "Exists"}], [{"name": "s"}],
    )  # fmt: skip


# --- cluster-autoscaling: Karpenter ---------------------------------------------------------------


def karpenter(fake: FakeCluster, *pools: str, up: int = 1, of: int = 1, label: str = "app") -> None:
    item = workload("Deployment", "kp", "karpenter", up=up, of=of)
    item["metadata"]["labels"] = {label: "karpenter"}
    fake.add(item)
    for name in pools:
        fake.add({"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": name},
                  "spec": {"limits": {"nvidia.com/gpu": 8}}})  # fmt: skip


def node(name: str, provider: str = "", **labels: str) -> Item:
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {k.replace("__", "/"): v for k, v in labels.items()}},
            "spec": {"providerID": provider}, "status": {"capacity": {"nvidia.com/gpu": "8"}}}  # fmt: skip


def gives(fake: FakeCluster, pool: str, *phases: str, times: int = 9) -> None:
    """Play Karpenter: a node of the pool, and pods in these phases, once the autoscaler is there."""
    new = node("new-{suffix}")
    new["metadata"]["labels"] = {"karpenter.sh/nodepool": pool}
    made = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{{name}}-{i}", "namespace": "{namespace}"},
         "spec": {"containers": [{"name": "c", "image": "i"}]}, "status": {"phase": phase}}
        for i, phase in enumerate(phases)
    ]  # fmt: skip
    fake.reactions.add(
        {"kind": HPA, "times": times, "set": {"status": WANTS}, "also": [new, *made]}
    )


def test_a_second_pool_is_tried_with_exactly_the_declared_rights(
    served: FakeCluster, tmp_path: pathlib.Path
) -> None:
    karpenter(served, "a", "b")
    gives(served, "b", "Running", "Succeeded")
    with lab_as(served, tmp_path, cluster_autoscaling.rights({})) as lab:
        result = nodes(lab)
        assert result.status == "passed", result.message
        assert "NodePool b went from 1 to 2 nodes" in result.message
        assert "NodePool a: 0 nodes" in lab.evidence
        assert leftovers(lab) == []


def test_the_trial_of_a_pool_that_fails_goes_before_the_next(served: FakeCluster, lab: Lab) -> None:
    karpenter(served, "a", "b")
    nodes(lab)
    asked = [
        line.split("/")[-2] for line in served.asked() if "/namespaces" in line and "DELETE" in line
    ]
    assert "namespaces" in asked
    assert len([i for i in lab.all("namespaces") if "cluster-auto" in i["metadata"]["name"]]) == 1
    assert leftovers(lab) == []


@pytest.mark.parametrize(
    ("phases", "reason"), [(("Running", "Pending"), "PodsNotRunning"), ((), "PodsNotRunning")]
)
def test_pods_that_do_not_run_are_a_timeout(
    served: FakeCluster, lab: Lab, phases: tuple[str, ...], reason: str
) -> None:
    karpenter(served, "a")
    gives(served, "a", *phases)
    result = nodes(lab)
    assert (result.code, result.reason) == (Code.TIMEOUT, reason)
    assert leftovers(lab) == []


def test_an_autoscaler_that_wants_no_more_is_a_timeout(served: FakeCluster, lab: Lab) -> None:
    karpenter(served, "a")
    assert nodes(lab).reason == "NoScalingIntent"


def test_a_namespace_that_is_refused_counts_against_its_pool_alone(
    served: FakeCluster, lab: Lab
) -> None:
    karpenter(served, "a", "b")
    gives(served, "b", "Running", "Running")
    served.faults.add("POST", "/api/v1/namespaces", status=422, message="policy", times=1)
    assert nodes(lab).status == "passed"
    assert "policy" in lab.evidence


def test_a_trial_that_cannot_be_removed_yet_does_not_stop_the_next(
    served: FakeCluster, lab: Lab
) -> None:
    karpenter(served, "a", "b")
    gives(served, "b", "Running", "Running")
    served.faults.add("DELETE", ".*/horizontalpodautoscalers/.*", status=500, times=1)
    assert nodes(lab).status == "passed"
    assert "cannot be removed yet" in lab.evidence
    assert leftovers(lab) == []


def test_karpenter_with_no_replicas_is_unhealthy(served: FakeCluster, lab: Lab) -> None:
    karpenter(served, "a", up=0, of=0)
    result = nodes(lab)
    assert (result.code, result.reason) == (Code.INTERNAL, "KarpenterUnhealthy")
    assert "0/0" in result.message


def test_node_pools_that_nobody_serves_are_no_pools(fake_cluster: FakeCluster, lab: Lab) -> None:
    karpenter(fake_cluster)
    result = nodes(lab)
    assert (result.code, result.reason) == (Code.NOT_FOUND, "NoGPUNodePool")


# --- cluster-autoscaling: clouds ------------------------------------------------------------------

GPU = {"nvidia.com__gpu.present": "true"}


def test_a_cluster_autoscaler_is_enough_on_eks(served: FakeCluster, lab: Lab) -> None:
    served.add(node("n1", "aws:///a/i-1", **GPU))
    served.add(workload("Deployment", "system", "cluster-autoscaler"))
    result = nodes(lab)
    assert (result.status, "system/cluster-autoscaler" in result.message) == ("passed", True)


def test_one_that_is_down_is_not(served: FakeCluster, lab: Lab) -> None:
    served.add(node("n1", "aws:///a/i-1", **GPU))
    served.add(workload("Deployment", "system", "cluster-autoscaler", up=0))
    assert nodes(lab).reason == "NoAutoscaler"


def test_gke_without_a_status_passes_in_part(served: FakeCluster, lab: Lab) -> None:
    served.add(node("n1", "gce://p/z/n1", **GPU))
    result = nodes(lab)
    assert (result.status, result.message.startswith("partial")) == ("passed", True)
    assert "PASS (partial)" in lab.evidence
    assert "Project: p\nZone: z" in lab.evidence


def test_the_status_and_the_latest_events_are_evidence(served: FakeCluster, lab: Lab) -> None:
    served.add(node("n1", "gce://p", **GPU))
    served.add({"apiVersion": "v1", "kind": "ConfigMap", "data": {"status": "Health: Healthy"},
                "metadata": {"name": "cluster-autoscaler-status", "namespace": "kube-system"}})  # fmt: skip
    for i in range(12):
        served.add({"apiVersion": "v1", "kind": "Event", "metadata": {"name": f"e{i}"}, "reason": "TriggeredScaleUp",
                    "lastTimestamp": f"2026-01-01T00:00:{i:02}Z", "message": f"number {i}"})  # fmt: skip
    served.add(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "o"},
            "reason": "Pulled",
            "message": "no",
        }
    )
    result = nodes(lab)
    assert (result.status, "partial" in result.message) == ("passed", False)
    assert "Health: Healthy" in lab.evidence
    shown = [line for line in lab.evidence.splitlines() if "TriggeredScaleUp" in line]
    assert (len(shown), "number 11" in shown[0], "number 2" in shown[-1]) == (10, True, True)


@pytest.mark.parametrize("provider", ["azure:///x", ""])
def test_another_cloud_is_skipped(served: FakeCluster, lab: Lab, provider: str) -> None:
    served.add(node("n1", provider, **GPU))
    result = nodes(lab)
    assert (result.status, result.reason) == ("skipped", "NoAutoscalerKnown")
    assert provider in result.message
    assert "gce:// (GKE)" in result.remediation


def test_many_nodes_are_counted_and_some_shown(served: FakeCluster, lab: Lab) -> None:
    for i in range(60):
        served.add(node(f"n{i:02}", "aws:///a/i-1", nodeGroup="g", **GPU))
    result = nodes(lab)
    assert '60 GPU nodes in node group "g"' in result.message
    assert "... and 10 more" in lab.evidence


def test_a_missing_right_is_an_error(served: FakeCluster, tmp_path: pathlib.Path) -> None:
    with lab_as(served, tmp_path, ()) as lab, pytest.raises(AicrError) as raised:
        nodes(lab)
    assert raised.value.code is Code.UNAUTHORIZED
