"""The objects of an agent beside the reference's, field by field (spec/snapshot.md 11.3, 11.4).

What differs on purpose stands in ``DIFFERENT``, with the reason, and nowhere else.
"""

from __future__ import annotations

import datetime
import json
import pathlib
from typing import Any

import pytest
from aicr_kube.agent import pods, profiles
from aicr_kube.jobs import names

from aicr_core.api import AgentRequest, AicrError, Code

DATA = pathlib.Path(__file__).resolve().parents[4] / "shared/data/snapshots"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="../shared/data/snapshots is not beside this checkout"
)
RUN = "20261125-080000-0123abcd"

# Path in the Job (a part of a list by its name) -> why ours is not the reference's.
DIFFERENT = {
    "metadata.name": "14.3: the run id is part of every name",
    "metadata.labels": "14.3: two more labels, manager and run id",
    "metadata.annotations": "14.3: how long the run may last, for `aicr agent sweep`",
    "status": "an empty status of the reference's typed client",
    "spec.activeDeadlineSeconds": "14.6: the caller's timeout and a minute, not five hours",
    "spec.template.metadata.labels": "14.3: as on the Job",
    "spec.template.spec.serviceAccountName": "14.2: no account of its own without a ConfigMap to write",
    "spec.template.spec.automountServiceAccountToken": "14.2: no API access",
    "spec.template.spec.enableServiceLinks": "14.7: names and addresses of the namespace's services are no business of the agent",
    "spec.template.spec.terminationGracePeriodSeconds": "14.6: an agent that is given up is gone soon",
    "spec.template.spec.hostNetwork": "14.2: never",
    "spec.template.spec.hostIPC": "14.2: never",
    "spec.template.spec.hostPID": "14.2: the host's file system is mounted read-only instead of reached through /proc/1/root",
    "spec.template.spec.securityContext": "14.2: no group change on a pod without volumes to share; the unprivileged one is equal",
    "spec.template.spec.volumes": "11.4: no types, which fail on links and on Talos; the host below /host, not over the image",
    "containers.aicr.image": "our version",
    "containers.aicr.args": "14.2: the result comes back on the log; the host only",
    "containers.aicr.env.AICR_AGENT_MODE": "2.2: --local says it",
    "containers.aicr.env.AICR_HOST_ROOT": "3: where the host is mounted",
    "containers.aicr.env.AICR_MAX_NODES_PER_ENTRY": "14.2: cluster facts are the client's",
    "containers.aicr.env.NVIDIA_DRIVER_CAPABILITIES": "5.4: NVML and nvidia-smi, nothing more",
    "containers.aicr.resources": "14.16: small; 4 GiB keep it from small nodes",
    "containers.aicr.volumeMounts": "as volumes",
    "containers.aicr.securityContext": "14.2: no added capabilities, read-only root; the unprivileged one is equal",
    "containers.aicr.terminationMessagePolicy": "14.6: the last lines stay when the log is gone",
}  # fmt: skip
CASES = {
    "default": {"profile": "privileged"},
    "unprivileged": {"profile": "plain"},
    "runtime-class-present": {"profile": "privileged", "runtime_class": "nvidia"},
    "debug": {"profile": "privileged", "debug": True},
    "all-flags": {
        "namespace": "aicr-ns", "image": "reg.example/aicr:v1", "image_pull_secrets": ("ps1", "ps2"), "name": "jobx",
        "service_account": "sax", "node_selector": {"a": "b", "c": "d=e"}, "require_gpu": True, "timeout": 30.0,
        "tolerations": ({"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"},
                        {"key": "k2", "operator": "Exists", "effect": "NoExecute"}), "profile": "privileged",
    },
}  # fmt: skip


def ours(case: str) -> tuple[Any, AgentRequest]:
    request = AgentRequest(**CASES[case])  # type: ignore[arg-type]
    plan = pods.Plan(
        RUN, profiles.PROFILES[request.profile], request.runtime_class, selector=request.node_selector,
        account=request.service_account,
    )  # fmt: skip
    return pods.job(request, plan), request


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Give leaves by path; containers and variables by their names."""
    if isinstance(value, dict) and value and path not in DIFFERENT:
        found = {}
        for key, item in value.items():
            found.update(flat(item, f"{path}.{key}".lstrip(".")))
        return found
    if path in ("spec.template.spec.containers", "containers.aicr.env"):
        found = {}
        start = "containers" if path.endswith("containers") else path
        for item in value:
            found.update(
                flat({k: v for k, v in item.items() if k != "name"}, f"{start}.{item['name']}")
            )
        return found
    return {path: value}


@needs_data
@pytest.mark.parametrize("case", CASES)
def test_only_what_is_listed_differs(case: str) -> None:
    bodies = json.loads((DATA / f"agent/objects/{case}-v0.11.1.json").read_text("utf-8"))
    (theirs,) = [body for line, body in bodies.items() if line.endswith("/jobs")]
    mine, _ = ours(case)
    want, have = flat(theirs), flat(mine)
    differing = {path for path in want.keys() | have.keys() if want.get(path) != have.get(path)}
    unlisted = {path for path in differing if not any(path == known or path.startswith(f"{known}.") for known in DIFFERENT)}  # fmt: skip
    assert unlisted == set()
    equal = want.keys() - differing
    for path in (
        "apiVersion", "kind", "metadata.namespace", "spec.parallelism", "spec.completions", "spec.completionMode",
        "spec.backoffLimit", "spec.ttlSecondsAfterFinished", "spec.template.spec.restartPolicy",
        "spec.template.spec.tolerations", "containers.aicr.command", "containers.aicr.env.AICR_LOG_PREFIX.value",
        "containers.aicr.env.NODE_NAME.valueFrom.fieldRef.fieldPath",
    ):  # fmt: skip
        assert path in equal
    if case == "all-flags":
        assert {"spec.template.spec.nodeSelector.c", "spec.template.spec.imagePullSecrets"} <= equal
    if case == "runtime-class-present":
        assert {
            "spec.template.spec.runtimeClassName",
            "containers.aicr.env.NVIDIA_VISIBLE_DEVICES.value",
        } <= equal


@needs_data
def test_every_listed_difference_is_one() -> None:
    """A list of differences that are none would hide the next one."""
    seen = set()
    for case in CASES:
        bodies = json.loads((DATA / f"agent/objects/{case}-v0.11.1.json").read_text("utf-8"))
        (theirs,) = [body for line, body in bodies.items() if line.endswith("/jobs")]
        want, have = flat(theirs), flat(ours(case)[0])
        for path in want.keys() | have.keys():
            if want.get(path) != have.get(path):
                seen |= {
                    known for known in DIFFERENT if path == known or path.startswith(f"{known}.")
                }
    assert set(DIFFERENT) - seen == set()


@needs_data
def test_the_unprivileged_security_contexts_are_equal() -> None:
    bodies = json.loads((DATA / "agent/objects/unprivileged-v0.11.1.json").read_text("utf-8"))
    (theirs,) = [
        body["spec"]["template"]["spec"] for line, body in bodies.items() if line.endswith("/jobs")
    ]
    mine = ours("unprivileged")[0]["spec"]["template"]["spec"]
    assert mine["securityContext"] == theirs["securityContext"]
    assert mine["containers"][0]["securityContext"] == theirs["containers"][0]["securityContext"]
    assert mine["volumes"] == theirs["volumes"]


def test_a_gpu_is_reserved_in_every_profile() -> None:
    """11.4: the reference forgets it without --privileged."""
    for profile in profiles.PROFILES.values():
        job = pods.job(AgentRequest(require_gpu=True), pods.Plan(RUN, profile))
        limits = job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        assert limits["nvidia.com/gpu"] == "1"


def test_no_profile_shares_a_namespace_of_the_host_or_writes_to_it() -> None:
    for profile in profiles.PROFILES.values():
        spec = pods.pod_spec(AgentRequest(), pods.Plan(RUN, profile))
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        mounts = spec["containers"][0]["volumeMounts"]
        assert all(mount.get("readOnly") for mount in mounts if mount["name"] != "tmp")
        assert all("type" not in volume.get("hostPath", {}) for volume in spec["volumes"])
        if profile.name != "privileged":
            container = spec["containers"][0]["securityContext"]
            assert container["privileged"] is False
            assert container["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize(
    ("requests", "limits", "want"),
    [
        ({}, {}, ({"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "16Mi"}, {"memory": "256Mi", "ephemeral-storage": "64Mi"})),
        ({"cpu": "1"}, {"cpu": "2"}, ({"cpu": "1", "memory": "64Mi", "ephemeral-storage": "16Mi"},
                                      {"cpu": "2", "memory": "256Mi", "ephemeral-storage": "64Mi"})),
        ({}, {"memory": "32Mi"}, ({"cpu": "50m", "ephemeral-storage": "16Mi"}, {"memory": "32Mi", "ephemeral-storage": "64Mi"})),
    ],
)  # fmt: skip
def test_resources(requests: dict[str, str], limits: dict[str, str], want: Any) -> None:
    request = AgentRequest(requests=requests, limits=limits)
    spec = pods.pod_spec(request, pods.Plan(RUN, profiles.PROFILES["node"]))
    found = spec["containers"][0]["resources"]
    assert (found["requests"], found["limits"]) == want


def test_run_ids() -> None:
    moment = datetime.datetime(2026, 11, 25, 8, 0, 1, tzinfo=datetime.UTC)
    first, second = names.new_run(moment), names.new_run(moment)
    assert first.startswith("20261125-080001-")
    assert names.is_run(first)
    assert first != second
    assert not names.is_run("aicr")


@pytest.mark.parametrize(
    ("wanted", "runtime", "level", "want"),
    [
        ("auto", "", "", "privileged"),
        ("auto", "", "privileged", "privileged"),
        ("auto", "nvidia", "", "gpu"),
        ("auto", "", "baseline", None),
        ("auto", "", "a-new-level", None),
        ("api", "", "", None),
        ("plain", "", "restricted", "plain"),
        ("node", "", "privileged", "node"),
    ],
)
def test_profiles(wanted: str, runtime: str, level: str, want: str | None) -> None:
    labels = {profiles.ENFORCE: level} if level else {}
    profile, said = profiles.choose(wanted, runtime, "team", labels)
    assert (profile.name if profile else None) == want
    assert bool(said) is (want is None and wanted == "auto")


def test_an_unknown_profile() -> None:
    with pytest.raises(AicrError) as caught:
        profiles.choose("root", "", "team", {})
    assert caught.value.code is Code.INVALID_REQUEST
    assert "privileged" in (caught.value.hint or "")
