"""expected-resources: what is verified, what is skipped, one message for all problems, one budget for all waits."""

from __future__ import annotations

import pathlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators.expected_resources import check, rights
from check_support import Lab, open_client

from aicr_core.kit.errors import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulated_cluster import FakeCluster

    from aicr_core.api import CheckResult

_ASSERT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {0}, namespace: n}}\nstatus: {{availableReplicas: 1}}\n"


def _workload(kind: str, name: str, spec: Any = None, status: Any = None) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "n"},
            "spec": {} if spec is None else spec, "status": status or {}}  # fmt: skip


def _expects(name: str, *resources: tuple[str, str], **more: Any) -> dict[str, Any]:
    found = [{"kind": kind, "name": thing, "namespace": "n"} for kind, thing in resources]
    return {"name": name, "expectedResources": found, **more}


@pytest.fixture
def run(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> Iterator[Callable[..., tuple[CheckResult, Lab]]]:
    """Run the check for component references, with assertion texts by component."""
    with open_client(fake_cluster, tmp_path) as client:

        def call(*refs: Any, timeout: float = 60.0, **asserts: str) -> tuple[CheckResult, Lab]:
            lab = Lab(
                fake_cluster,
                client,
                recipe={"componentRefs": list(refs)},
                asserts=asserts,
                timeout=timeout,
            )
            return check(lab.ctx, lab.target), lab

        yield call


@pytest.mark.parametrize(
    ("refs", "asserts"),
    [
        ((), {}),
        (({"name": "a"}, {"name": "b", "expectedResources": []}), {}),
        (({"name": "a"},), {"a": ""}),
        (
            ({"name": "a"},),
            {"a": "apiVersion: chainsaw.kyverno.io/v1alpha1\nkind: Test\nspec: {steps: []}\n"},
        ),
        (({"name": "a"},), {"other": _ASSERT.format("d")}),
    ],
)
def test_nothing_to_verify_is_skipped(run: Any, refs: Any, asserts: dict[str, str]) -> None:
    result, lab = run(*refs, **asserts)
    assert (result.status, result.reason) == ("skipped", "NothingToVerify")
    assert f"{len(refs)} components" in result.message
    assert lab.fake.asked() == []


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (_workload("Deployment", "x", {"replicas": 2}, {"availableReplicas": 1}), "1/2"),
        (_workload("Deployment", "x"), "0/1"),
        (_workload("DaemonSet", "x", {}, {"desiredNumberScheduled": 3, "numberReady": 2}), "2/3"),
        (_workload("StatefulSet", "x", {"replicas": 2}, {"readyReplicas": 1}), "1/2"),
        (_workload("Deployment", "x", {"replicas": 0}), ""),
        (_workload("StatefulSet", "x", {}, {"readyReplicas": 1}), ""),
    ],
)
def test_the_table_of_kinds(
    run: Any, fake_cluster: FakeCluster, item: dict[str, Any], said: str
) -> None:
    fake_cluster.add(item)
    result, lab = run(_expects("c", (item["kind"], "x")))
    assert result.status == ("failed" if said else "passed")
    if said:
        assert f"{item['kind']} n/x (c): [INTERNAL] not healthy: {said}" in result.message
    else:
        assert "n/x: healthy" in lab.evidence


def test_all_problems_are_in_one_message(run: Any, fake_cluster: FakeCluster) -> None:
    fake_cluster.add(_workload("Deployment", "up", {}, {"availableReplicas": 1}))
    fake_cluster.add(_workload("Deployment", "down"))
    result, lab = run(
        _expects("one", ("Deployment", "gone"), ("Deployment", "up"), ("Job", "j")),
        {"name": "two"}, {"name": "three"}, {"name": "four"}, {"name": "five"},
        two=_ASSERT.format("down"), three=_ASSERT.format("up"), four="a: [", five="kind: Test # chainsaw.kyverno.io",
    )  # fmt: skip
    assert (result.status, result.code) == ("failed", Code.NOT_FOUND)
    for said in (
        "5 problems",
        "Deployment n/gone (one): [NOT_FOUND]",
        'Job n/j (one): [INVALID_REQUEST] unsupported kind "Job"',
        "two: [INTERNAL] Deployment n/down: status.availableReplicas",
        "four: [INVALID_REQUEST]",
        "five: [INVALID_REQUEST]",
    ):
        assert said in result.message
    assert "three" not in result.message
    labels = [seen.label for seen in lab.target.seen]
    assert labels == [f"Component {name}" for name in ("one", "two", "three", "four", "five")]
    assert "1 of 1 assertions hold" in lab.evidence


def test_assertions_are_left_out_where_resources_are_expected(
    run: Any, fake_cluster: FakeCluster
) -> None:
    fake_cluster.add(_workload("Deployment", "up", {}, {"availableReplicas": 1}))
    result, _ = run(_expects("c", ("Deployment", "up")), c=_ASSERT.format("gone"))
    assert result.status == "passed"
    assert all("gone" not in line for line in fake_cluster.asked())


def test_a_missing_right_is_said(run: Any, fake_cluster: FakeCluster) -> None:
    fake_cluster.faults.add(
        "GET", "/apis/apps/v1/namespaces/n/deployments/.*", status=403, message="no access"
    )
    result, _ = run(_expects("one", ("Deployment", "a")), {"name": "two"}, two=_ASSERT.format("b"))
    assert (result.code, result.reason) == (Code.UNAUTHORIZED, "Forbidden")
    assert "Deployment n/a (one): [UNAUTHORIZED]" in result.message
    assert "two: [UNAUTHORIZED] Deployment n/b" in result.message


def test_the_verdict_comes_before_the_deadline(run: Any, fake_cluster: FakeCluster) -> None:
    fake_cluster.faults.add("GET", "/apis/apps/v1/namespaces/n/.*", delay=60.0)
    result, lab = run(
        _expects("one", ("Deployment", "a")), {"name": "two"}, {"name": "six"}, timeout=3.0,
        two=_ASSERT.format("b"), six=_ASSERT.format("c"),
    )  # fmt: skip
    assert result.status == "failed"
    assert lab.ctx.remaining() > 0
    for name in ("one", "two", "six"):
        assert name in result.message


def test_those_that_never_hold_leave_time_for_the_others(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    from aicr_core.api import Target

    fake_cluster.add(_workload("Deployment", "up", {}, {"availableReplicas": 1}))
    names = [f"c{number:02}" for number in range(12)]
    asserts = {name: _ASSERT.format("up" if name == "c11" else "down") for name in names}
    fake_cluster.add(_workload("Deployment", "down"))
    with open_client(fake_cluster, tmp_path) as client:
        lab = Lab(fake_cluster, client, timeout=6.0)
        target = Target(
            lab.ctx, client, recipe={"componentRefs": [{"name": name} for name in names]}, snapshot={},
            namespace="val", run="r", asserts=asserts, pace=1.0,
        )  # fmt: skip
        started = time.monotonic()
        result = check(lab.ctx, target)
    assert time.monotonic() - started < 6.0
    assert "11 problems" in result.message
    assert "no verdict" not in result.message
    assert "c11" not in result.message


def test_components_share_what_they_read(run: Any, fake_cluster: FakeCluster) -> None:
    text = (
        "apiVersion: chainsaw.kyverno.io/v1alpha1\nkind: Test\nspec:\n  steps:\n  - try:\n"
        "    - error: {resource: {apiVersion: v1, kind: Pod, metadata: {namespace: n}, status: {phase: Failed}}}\n"
        "    - error: {resource: {apiVersion: v1, kind: Pod, metadata: {namespace: n}, status: {phase: Pending}}}\n"
    )
    result, lab = run({"name": "a"}, {"name": "b"}, a=text, b=text)
    assert result.status == "passed"
    assert 1 <= lab.fake.asked().count("GET /api/v1/namespaces/n/pods") <= 2


@pytest.mark.parametrize(
    "refs",
    [
        [{"name": None, "expectedResources": [None, 1, {}]}],
        [{"name": "a", "expectedResources": [{"kind": 1, "name": [], "namespace": {}}]}],
        [{"name": "a", "expectedResources": {"kind": "x"}}, {}],
    ],
)
def test_strange_recipes_do_not_crash(run: Any, refs: Any) -> None:
    result, _ = run(*refs)
    assert result.status in ("failed", "skipped")
    list(rights({"componentRefs": refs}))


def test_rights_are_exactly_what_is_read(fake_cluster: FakeCluster, tmp_path: pathlib.Path) -> None:
    fake_cluster.add(_workload("Deployment", "a", {}, {"availableReplicas": 1}))
    fake_cluster.add(_workload("Deployment", "b", {}, {"availableReplicas": 1}))
    recipe = {
        "componentRefs": [
            _expects("one", ("Deployment", "a"), healthCheckAsserts=_ASSERT.format("never")),
            {"name": "two", "healthCheckAsserts": _ASSERT.format("b")},
        ]
    }
    found = list(rights(recipe))
    assert {(r.verbs, r.resources, r.namespace, r.names) for r in found} == {
        (("get",), ("deployments",), "n", ("a",)),
        (("get",), ("deployments",), "n", ("b",)),
    }
    from emulated_cluster import Rule

    token = fake_cluster.user(
        "checker", [Rule(r.verbs, (r.group,), r.resources, r.names, r.namespace) for r in found]
    )
    with open_client(fake_cluster, tmp_path, token) as client:
        lab = Lab(fake_cluster, client, recipe=recipe, asserts={"two": _ASSERT.format("b")})
        assert check(lab.ctx, lab.target).status == "passed"
