"""An agent that writes to a ConfigMap itself: the one case with a token, and a Role for that one object (14.2)."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

import pytest
from agent_lab import Lab, Outcome, lab
from aicr_kube.agent.cli import agent
from aicr_kube.store import write
from click.testing import CliRunner
from emulated_cluster import Rule

from aicr_core.api import AicrError, Code, StoredDocument
from aicr_core.kit import yamlio

if TYPE_CHECKING:
    from collections.abc import Iterator

SINK = "cm://default/snap"


@pytest.fixture
def here(tmp_path: pathlib.Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def writing(here: Lab) -> Any:
    """A pod that writes as its own service account may, by the Role that was made for it, and no more."""

    def behave(pod: dict[str, Any], node: str) -> Outcome:
        account = pod["spec"]["serviceAccountName"]
        assert account in here.names("serviceaccounts")
        # Its rights are those of the role bindings that are in the cluster.
        token = here.cluster.service_account(pod["metadata"]["namespace"], account)
        arguments = pod["spec"]["containers"][0]["args"]
        sink = arguments[arguments.index("--output") + 1]
        try:
            write(
                here.context(token.removesuffix("-token")),
                sink,
                StoredDocument(data=b"kind: Snapshot\n"),
            )
        except AicrError as error:
            return Outcome("fail", [str(error)], message=str(error))
        return Outcome("ok")

    return behave


def test_the_agent_writes_with_a_role_for_one_object(here: Lab) -> None:
    here.play(writing(here))
    node = here.one(sink=SINK)
    assert (node.status, node.document) == ("ok", None), node.message
    (role,) = here.created("roles")
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": ["snap"],
            "verbs": ["get", "patch"],
        }
    ]
    assert [line for line in here.sent("POST") if "clusterrole" in line] == []
    (job,) = here.created("jobs")
    spec = job["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is True
    assert spec["containers"][0]["args"] == ["snapshot", "--local", "--output", SINK]
    # The result stays, everything else is gone.
    assert here.left() == ["configmaps/snap"]
    assert (
        here.cluster.get("configmaps", "default", "snap")["data"]["snapshot.yaml"]
        == "kind: Snapshot\n"
    )


def test_an_object_of_another_namespace(here: Lab) -> None:
    """11.5: the reference's agent gets no rights there."""
    here.add("", "namespaces", {"metadata": {"name": "other"}})
    here.play(writing(here))
    assert here.one(sink="cm://other/snap").status == "ok"
    (role,) = here.created("roles")
    assert role["metadata"]["namespace"] == "other"
    (binding,) = here.created("rolebindings")
    assert binding["subjects"][0]["namespace"] == "default"
    assert here.left() == ["configmaps/snap"]


def test_helpers_go_with_the_job_should_we_die(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("hang"))
    here.run(sink=SINK, timeout=0.4, cleanup=False)
    (job,) = here.names("jobs")
    here.delete("jobs", job)
    assert here.left() == ["configmaps/snap"]


def test_an_object_that_was_never_filled_goes(here: Lab) -> None:
    here.play(lambda pod, node: Outcome("fail", message="no way to the API server"))
    node = here.one(sink=SINK)
    assert node.status == "failed"
    assert "no way to the API server" in node.message
    assert here.left() == []


def test_an_object_that_was_there_stays(here: Lab) -> None:
    here.add(
        "",
        "configmaps",
        {"metadata": {"name": "snap", "namespace": "default"}, "data": {"old": "1"}},
    )
    here.play(lambda pod, node: Outcome("fail"))
    here.run(sink=SINK)
    assert here.left() == ["configmaps/snap"]


def test_a_prepared_account_is_used_and_stays(here: Lab) -> None:
    here.add("", "serviceaccounts", {"metadata": {"name": "robot", "namespace": "default"}})
    here.play(lambda pod, node: Outcome("ok"))
    here.run(sink=SINK, service_account="robot")
    assert here.created("jobs")[0]["spec"]["template"]["spec"]["serviceAccountName"] == "robot"
    assert here.sent("POST", "roles") == []
    assert "serviceaccounts/robot" in here.left()


def test_without_the_right_to_grant_it_is_refused_early(here: Lab) -> None:
    here.user("alice", Rule(("*",), ("", "batch"), ("*",)))
    with pytest.raises(AicrError, match=r"create roles\.rbac\.authorization\.k8s\.io") as caught:
        here.run(user="alice", sink=SINK)
    assert caught.value.exit_status == 4
    assert here.left() == []


@pytest.mark.parametrize(
    "fields", [{"sink": "file.yaml"}, {"sink": "cm://x"}, {"sink": SINK, "all_nodes": True}]
)
def test_sinks_that_cannot_be(here: Lab, fields: dict[str, Any]) -> None:
    with pytest.raises(AicrError) as caught:
        here.run(**fields)
    assert caught.value.code is Code.INVALID_REQUEST
    assert here.cluster.requests == []


def test_a_dry_run_shows_the_role(here: Lab) -> None:
    kinds = [item["kind"] for item in here.run(sink=SINK, dry_run=True).manifests]
    assert kinds == ["ConfigMap", "ServiceAccount", "Role", "RoleBinding", "Job"]
    assert here.sent("POST") == []


# --- a cluster that snapshots itself ---------------------------------------------------------------------


def _printed(*words: str) -> list[Any]:
    result = CliRunner().invoke(agent, list(words))
    assert result.exit_code == 0, result.output
    return [yamlio.load(part, "printed") for part in result.stdout.split("---\n")]


def test_a_cronjob_with_a_role_for_one_object(here: Lab) -> None:
    made = _printed(
        "cronjob", "--schedule", "0 3 * * *", "-o", SINK, "--image", "reg.example/aicr:v1"
    )
    assert [item["kind"] for item in made] == [
        "ConfigMap",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "CronJob",
    ]
    assert made[2]["rules"][0]["resourceNames"] == ["snap"]
    cron = made[4]["spec"]
    assert cron["schedule"] == "0 3 * * *"
    pod = cron["jobTemplate"]["spec"]["template"]["spec"]
    assert (
        pod["serviceAccountName"] == made[1]["metadata"]["name"] == made[3]["subjects"][0]["name"]
    )
    assert pod["automountServiceAccountToken"] is True
    assert pod["containers"][0]["args"][-2:] == ["--output", SINK]
    # They are to be kept: no run owns them, and the server takes them as they are.
    assert not any("aicr.run/run-id" in str(item) for item in made)
    for item in made:
        group = item["apiVersion"].rpartition("/")[0]
        assert here.cluster.kind_of(item).group == group
        here.cluster.add(item)
    here.play(writing(here))
    template = cron["jobTemplate"]
    here.add("batch", "jobs", {"metadata": {"name": "aicr-1", "namespace": "default"}, "spec": template["spec"]})  # fmt: skip
    for _ in range(200):
        if here.cluster.get("configmaps", "default", "snap").get("data"):
            break
        with here.cluster.objects.changed:
            here.cluster.objects.changed.wait(0.1)
    assert "snapshot.yaml" in here.cluster.get("configmaps", "default", "snap")["data"]


def test_the_role_for_an_administrator() -> None:
    made = _printed("rbac", "-n", "team", "--all-nodes")
    assert [(item["kind"], item["metadata"].get("namespace", "")) for item in made] == [("Role", "team"), ("ClusterRole", "")]  # fmt: skip
    text = str(made)
    assert "nodes" in text
    assert "secrets" not in text
    assert "*" not in text
