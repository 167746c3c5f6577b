"""One agent on every node: which nodes, how many at once, what becomes of each (spec/snapshot.md 14.1)."""

from __future__ import annotations

import pathlib
import threading
from typing import Any

import pytest
from agent_lab import PACE, Outcome, document, frames, lab
from emulated_cluster import Kind, Refused, Rule

from aicr_core.api import AicrError

FLEET = (
    Rule(("create", "get", "list", "watch", "delete"), ("",), ("pods",), namespace="default"),
    Rule(("get",), ("",), ("pods/log",), namespace="default"),
    Rule(("list",), ("",), ("nodes",)),
)


def test_forty_nodes(tmp_path: pathlib.Path) -> None:
    """14.1: 38 equal, one with seven GPUs, one whose image cannot be pulled."""

    def behave(pod: dict[str, Any], node: str) -> Outcome:
        if node == "node-39":
            return Outcome("ImagePullBackOff", message="no such image")
        return Outcome("ok", frames(node, 7 if node == "node-17" else 8))

    with lab(tmp_path, 40) as here:
        here.play(behave)
        result = here.run(all_nodes=True, concurrency=8, pace=PACE._replace(grace=2))
        assert [item.node for item in result.results] == [f"node-{n:02}" for n in range(40)]
        ok = [item for item in result.results if item.status == "ok"]
        assert len(ok) == 39
        assert all(
            item.document == document(item.node, 7 if item.node == "node-17" else 8) for item in ok
        )
        (bad,) = [item for item in result.results if item.status != "ok"]
        assert (bad.node, bad.status, bad.reason) == ("node-39", "failed", "ImagePullBackOff")
        assert "no such image" in bad.message
        assert here.player is not None
        assert here.player.most <= 8
        assert here.left() == []
        assert here.sent(part="rbac.authorization") == []
        assert any(line.startswith("39 of 40 nodes measured, 1 failed") for line in here.log)


def test_each_pod_is_bound_to_its_node_by_the_scheduler(tmp_path: pathlib.Path) -> None:
    with lab(tmp_path, 3) as here:
        here.play()
        here.run(all_nodes=True)
        pods = here.created("pods")
        bound = [
            pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
            ["nodeSelectorTerms"][0]["matchFields"][0]["values"] for pod in pods
        ]  # fmt: skip
        assert bound == [["node-00"], ["node-01"], ["node-02"]]
        assert all("nodeName" not in pod["spec"] for pod in pods)
        assert len({pod["metadata"]["name"] for pod in pods}) == 3


def test_never_more_at_once_than_asked_for(tmp_path: pathlib.Path) -> None:
    with lab(tmp_path, 7) as here:
        lock = threading.Lock()
        alive: list[int] = []
        gates = [threading.Event() for _ in range(7)]
        count = iter(range(7))

        def behave(pod: dict[str, Any], node: str) -> Outcome:
            with lock:
                number = next(count)
                alive.append(len(here.names("pods")))
                # Each of three opens the gate of one before it: three are needed to go on.
                if number >= 2:
                    gates[number - 2].set()
                if number == 6:
                    for gate in gates:
                        gate.set()
            return Outcome("ok", frames(node), done=gates[number])

        here.play(behave)
        result = here.run(all_nodes=True, concurrency=3, pace=PACE._replace(grace=20))
        assert [item.status for item in result.results] == ["ok"] * 7
        assert here.player is not None
        assert here.player.most <= 3


def test_only_nodes_with_the_labels(tmp_path: pathlib.Path) -> None:
    with lab(tmp_path, 2, pool="a") as here:
        here.node("other", {"pool": "b"})
        here.play()
        result = here.run(all_nodes=True, node_selector={"pool": "a"})
        assert [item.node for item in result.results] == ["node-00", "node-01"]
        with pytest.raises(AicrError, match="labels") as caught:
            here.run(all_nodes=True, node_selector={"pool": "z"})
        assert caught.value.exit_status == 3


def test_named_nodes(tmp_path: pathlib.Path) -> None:
    with lab(tmp_path, 3) as here:
        here.play()
        result = here.run(nodes=("node-02", "node-00", "node-02"))
        assert [item.node for item in result.results] == ["node-00", "node-02"]
        with pytest.raises(AicrError, match="no node ghost") as caught:
            here.run(nodes=("ghost",))
        assert caught.value.exit_status == 3


def test_a_node_that_is_down_costs_no_time(tmp_path: pathlib.Path) -> None:
    with lab(tmp_path, 2) as here:
        here.node("down", status={"conditions": [{"type": "Ready", "status": "Unknown"}]})
        here.play()
        result = here.run(all_nodes=True)
        assert {item.node: item.reason for item in result.results} == {"down": "NodeNotReady", "node-00": "", "node-01": ""}  # fmt: skip
        assert len(here.created("pods")) == 2


def test_the_time_is_up(tmp_path: pathlib.Path) -> None:
    """What arrived is kept; what ran and what never started are told apart."""
    with lab(tmp_path, 4) as here:
        here.play(
            lambda pod, node: Outcome("ok", frames(node)) if node == "node-00" else Outcome("hang")
        )
        result = here.run(all_nodes=True, concurrency=2, timeout=1.5)
        assert [(item.status, item.reason) for item in result.results] == [
            ("ok", ""), ("timeout", "Timeout"), ("timeout", "Timeout"), ("timeout", "NotStarted"),
        ]  # fmt: skip
        assert here.left() == []


def test_a_quota_makes_the_waves_smaller(tmp_path: pathlib.Path) -> None:
    with lab(tmp_path, 6) as here:

        def quota(verb: str, kind: Kind, item: Any) -> None:
            if (verb, kind.plural) == ("create", "pods") and len(here.names("pods")) >= 2:
                refused.append(item["metadata"]["name"])
                raise Refused(403, "exceeded quota: team, used: pods=2, limited: pods=2")

        refused: list[str] = []
        here.cluster.admission.append(quota)
        here.play()
        result = here.run(all_nodes=True, pace=PACE._replace(pause=0.05))
        assert [item.status for item in result.results] == ["ok"] * 6
        assert refused


def test_a_quota_that_still_counts_what_is_being_removed(tmp_path: pathlib.Path) -> None:
    """The agent that is through is deleted after the next one is asked for: that is no reason to give up."""
    with lab(tmp_path, 3) as here:

        def quota(verb: str, kind: Kind, item: Any) -> None:
            if (verb, kind.plural) == ("create", "pods") and here.names("pods"):
                raise Refused(403, "exceeded quota: team, used: pods=1, limited: pods=1")

        here.cluster.admission.append(quota)
        here.cluster.faults.add("DELETE", ".*/pods/.*", delay=0.3)
        here.play()
        result = here.run(all_nodes=True, concurrency=1)
        assert [item.status for item in result.results] == ["ok"] * 3


def test_a_quota_without_room_for_another_is_a_failure(tmp_path: pathlib.Path) -> None:
    with lab(tmp_path, 2) as here:

        def quota(verb: str, kind: Kind, item: Any) -> None:
            if (verb, kind.plural) == ("create", "pods") and here.created("pods")[1:]:
                raise Refused(403, "exceeded quota: team, used: pods=1, limited: pods=1")

        here.cluster.admission.append(quota)
        here.play()
        result = here.run(all_nodes=True, concurrency=1)
        assert [(item.status, item.reason) for item in result.results] == [
            ("ok", ""),
            ("failed", "FailedCreate"),
        ]


def test_a_lost_log_of_one_node(tmp_path: pathlib.Path) -> None:
    def behave(pod: dict[str, Any], node: str) -> Outcome:
        again = pod["metadata"]["name"].endswith("-2")
        whole = again or node != "node-01"
        return Outcome("ok", frames(node) if whole else frames(node)[:-1])

    with lab(tmp_path, 3) as here:
        here.play(behave)
        result = here.run(all_nodes=True)
        assert [item.status for item in result.results] == ["ok"] * 3
        assert len(here.created("pods")) == 4
        assert here.left() == []


def test_exactly_these_rights(tmp_path: pathlib.Path) -> None:
    with lab(tmp_path, 2) as here:
        here.play()
        here.user("alice", *FLEET)
        assert [item.status for item in here.run(user="alice", all_nodes=True).results] == [
            "ok",
            "ok",
        ]
        here.user("bob", *FLEET[:2])
        with pytest.raises(AicrError, match="nodes") as caught:
            here.run(user="bob", all_nodes=True)
        assert caught.value.exit_status == 4
        # Who names the nodes needs no right to list them.
        assert [item.status for item in here.run(user="bob", nodes=("node-01",)).results] == ["ok"]


def test_the_api_server_goes_away_in_the_middle(tmp_path: pathlib.Path) -> None:
    """What arrived before is not thrown away."""
    with lab(tmp_path, 2) as here:

        def behave(pod: dict[str, Any], node: str) -> Outcome:
            return Outcome("ok", frames(node)) if node == "node-00" else Outcome("hang")

        here.play(behave)

        def away(line: str) -> None:
            here.log.append(line)
            if line.startswith("1 of 2"):
                here.cluster.faults.add("GET", ".*/pods.*", status=503)
                # The streams that are open end as well.
                here.cluster.objects.compact()

        ctx = here.context()
        ctx._log = away
        result = here.run(
            ctx=ctx, all_nodes=True, pace=PACE._replace(outage=0.4, watch=1.0, grace=20)
        )
        assert [(item.status, item.reason) for item in result.results] == [
            ("ok", ""),
            ("failed", "ApiUnavailable"),
        ]


def test_a_dry_run_shows_every_pod(tmp_path: pathlib.Path) -> None:
    with lab(tmp_path, 3) as here:
        result = here.run(all_nodes=True, dry_run=True)
        assert [item["kind"] for item in result.manifests] == ["Pod"] * 3
        assert here.sent("POST") == []
