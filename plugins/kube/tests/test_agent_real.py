"""The agent on a cluster that is none of ours: any, by AICR_TEST_KUBECONFIG and the agent's image by AICR_TEST_IMAGE.

Without them nothing here runs. What is made carries a run id and is removed again.
"""

from __future__ import annotations

import os

import pytest
from aicr_kube.agent.run import run
from aicr_kube.jobs import names
from aicr_kube.jobs.api import Api, namespaced

from aicr_core.api import AgentRequest, Context, Settings

CONFIG = os.environ.get("AICR_TEST_KUBECONFIG", "")
IMAGE = os.environ.get("AICR_TEST_IMAGE", "")
NAMESPACE = os.environ.get("AICR_TEST_NAMESPACE", "default")
needs_cluster = pytest.mark.skipif(not CONFIG, reason="AICR_TEST_KUBECONFIG names no cluster")
needs_image = pytest.mark.skipif(not IMAGE, reason="AICR_TEST_IMAGE names no image of the agent")


def context(log: list[str]) -> Context:
    return Context(
        settings=Settings(env={}), timeout=300, log=log.append, options={"kubeconfig": CONFIG}
    )


def left(api: Api, identity: str) -> list[str]:
    found = []
    for version, plural in (("batch/v1", "jobs"), ("v1", "pods")):
        items = api.objects(namespaced(version, NAMESPACE, plural), names.selector(identity))
        found += [item["metadata"]["name"] for item in items if not item["metadata"].get("deletionTimestamp")]  # fmt: skip
    return found


@needs_cluster
@needs_image
@pytest.mark.parametrize("fleet", [False, True])
def test_a_node_is_measured_and_nothing_stays(fleet: bool) -> None:
    log: list[str] = []
    request = AgentRequest(
        namespace=NAMESPACE, image=IMAGE, profile="plain", all_nodes=fleet, timeout=180
    )
    result = run(context(log), request)
    assert [item.status for item in result.results] == ["ok"] * len(result.results), (result, log)
    assert result.residue == ()
    assert left(Api.open(context(log), lambda: 30.0), result.run) == []


@needs_cluster
def test_an_image_that_is_not_there_is_said_early() -> None:
    log: list[str] = []
    request = AgentRequest(
        namespace=NAMESPACE, image="registry.invalid/aicr:none", profile="plain", timeout=180
    )
    (node,) = run(context(log), request).results
    assert node.status == "failed"
    assert node.reason in ("ErrImagePull", "ImagePullBackOff")
