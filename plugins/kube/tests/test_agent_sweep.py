"""A client that was killed leaves objects; `aicr agent sweep` removes exactly those (spec/snapshot.md 14.3)."""

from __future__ import annotations

import datetime
import pathlib
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from agent_lab import Lab, Outcome, lab
from aicr_kube.agent import sweep
from aicr_kube.agent.cli import agent
from aicr_kube.jobs.api import Api
from click.testing import CliRunner

from aicr_core.api import AicrError, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

LATER = datetime.timedelta(hours=2)


@pytest.fixture
def here(tmp_path: pathlib.Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def leftovers(
    here: Lab, after: datetime.timedelta = LATER, namespace: str = "default"
) -> list[str]:
    api = Api.open(here.context(), lambda: 20.0)
    found = sweep.find(api, namespace, sweep.HOUR, now() + after, here.log.append)
    return [item.place for item in found]


def killed(here: Lab, words: str, fields: str) -> None:
    """Run an agent in a process of its own; kill -9 it as soon as the cluster has ``words``."""
    config = here.cluster.kubeconfig(here.folder / "killed")
    code = (
        "from aicr_core.api import AgentRequest, Context, Settings\n"
        "from aicr_kube.agent.run import run\n"
        f"ctx = Context(settings=Settings(env={{}}), timeout=60, options={{'kubeconfig': {config!r}}},"
        " log=lambda line: print(line, flush=True))\n"
        f"run(ctx, AgentRequest({fields}))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if words in line:
                break
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
    finally:
        process.kill()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("fields", ["", "nodes=('node-00',)", "sink='cm://default/snap'"])
def test_killed_in_the_middle(here: Lab, fields: str) -> None:
    here.play(lambda pod, node: Outcome("Unschedulable"))
    here.add("", "configmaps", {"metadata": {"name": "mine", "namespace": "default"}})
    foreign = {"app.kubernetes.io/name": "aicr", "app.kubernetes.io/managed-by": "helm", "aicr.run/run-id": "20200101-000000-00000000"}  # fmt: skip
    here.add("", "pods", {"metadata": {"name": "theirs", "namespace": "default", "labels": foreign}, "spec": {"containers": []}})  # fmt: skip
    killed(here, "Unschedulable", fields)
    left = here.left()
    assert len(left) >= 3
    assert leftovers(here, datetime.timedelta(minutes=30)) == []
    runner = CliRunner()
    config = here.cluster.kubeconfig(here.folder / "sweeping")
    # An hour passes on the cluster's clock: its objects are two hours old.
    here.date((now() - LATER).strftime("%Y-%m-%dT%H:%M:%SZ"))
    shown = runner.invoke(agent, ["sweep", "--dry-run", "-k", config], obj=Environment())
    assert shown.exit_code == 0, shown.output
    assert here.left() == left
    done = runner.invoke(agent, ["sweep", "-k", config], obj=Environment())
    assert done.exit_code == 0, done.output
    assert here.left() == ["pods/theirs", "configmaps/mine"]
    assert (
        len(re.findall(r"\brun \d{8}-", done.output))
        == len(re.findall(r"\brun \d{8}-", shown.output))
        > 0
    )


class Environment:
    """What the core hands to a plugin's command."""

    settings = Settings(env={})


def _job(here: Lab, hours: float, **annotations: str) -> None:
    made = (now() - datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {"app.kubernetes.io/name": "aicr", "app.kubernetes.io/managed-by": "aicr", "aicr.run/run-id": "20200101-000000-00000000"}  # fmt: skip
    here.add("batch", "jobs", {"metadata": {
        "name": "aicr-20200101-000000-00000000", "namespace": "default", "labels": labels, "annotations": annotations}})  # fmt: skip
    here.date(made, "jobs")


def test_a_run_that_may_take_long_is_left_alone(here: Lab) -> None:
    _job(here, 2, **{"aicr.run/lifetime": "10800"})
    assert leftovers(here, datetime.timedelta()) == []
    assert len(leftovers(here, datetime.timedelta(hours=2))) == 1


@pytest.mark.parametrize("stamp", ["", "yesterday", "2020-01-01T00:00:00"])
def test_an_object_without_an_age_is_left_alone(here: Lab, stamp: str) -> None:
    _job(here, 2)
    here.date(stamp, "jobs")
    assert leftovers(here) == []


def test_a_filled_configmap_is_a_result_and_stays(here: Lab) -> None:
    labels = {"app.kubernetes.io/name": "aicr", "app.kubernetes.io/managed-by": "aicr", "aicr.run/run-id": "20200101-000000-00000000"}  # fmt: skip
    for name, data in (("full", {"snapshot.yaml": "kind: Snapshot"}), ("empty", {})):
        here.add("", "configmaps", {"data": data, "metadata": {
            "name": name, "namespace": "default", "labels": labels, "annotations": {"aicr.run/placeholder": "x"}}})  # fmt: skip
    assert [place.rpartition("/")[2] for place in leftovers(here)] == ["empty"]


def test_kinds_that_may_not_be_listed_are_said(here: Lab) -> None:
    _job(here, 2)
    here.cluster.faults.add(
        "GET", ".*/(roles|rolebindings)", status=403, message="no roles for you"
    )
    assert len(leftovers(here)) == 1
    assert sum("no roles for you" in line for line in here.log) == 2
    here.cluster.faults.add("GET", ".*", status=403, message="nothing for you")
    with pytest.raises(AicrError, match="nothing for you"):
        leftovers(here)


def test_everywhere(here: Lab) -> None:
    here.add("", "namespaces", {"metadata": {"name": "team"}})
    _job(here, 2)
    assert len(leftovers(here, namespace="")) == 1
    assert leftovers(here, namespace="team") == []


def test_what_cannot_be_removed_is_an_error(here: Lab) -> None:
    _job(here, 2)
    here.cluster.faults.add("DELETE", ".*", status=403, message="not you")
    config = here.cluster.kubeconfig(here.folder / "sweeping")
    result = CliRunner().invoke(agent, ["sweep", "-k", config], obj=Environment())
    assert isinstance(result.exception, AicrError)
    assert "not you" in str(result.exception)


def test_a_newer_object_of_that_name_stays(here: Lab) -> None:
    """The UID is the condition: what was made since is not what was found."""
    _job(here, 2)
    api = Api.open(here.context(), lambda: 20.0)
    found = sweep.find(api, "default", sweep.HOUR, now() + LATER, here.log.append)
    (name,) = here.names("jobs")
    body: dict[str, Any] = here.delete("jobs", name)
    here.add(
        "batch", "jobs", {"metadata": {"name": body["metadata"]["name"], "namespace": "default"}}
    )
    assert sweep.remove(api, found) == []
    assert len(here.left()) == 1
