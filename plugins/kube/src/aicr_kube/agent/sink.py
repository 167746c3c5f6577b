"""What an agent needs that writes its snapshot to a ConfigMap itself: an account and a Role for that one object.

Only then does an agent get a token (spec/snapshot.md 14.2). The same objects, kept, with a CronJob give a cluster that
snapshots itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code
from aicr_kube.agent import pods
from aicr_kube.jobs import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.api import AgentRequest
    from aicr_kube.agent.pods import Plan

Object = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"
PLACEHOLDER = "aicr.run/placeholder"
"""Annotation of a ConfigMap that was made empty, so that a Role can name it before the agent fills it."""
SCHEME = "cm://"


def target(uri: str) -> tuple[str, str]:
    """Give namespace and name of the ConfigMap. Raises AicrError(INVALID_REQUEST) for any other URI."""
    from aicr_kube.store import place_of

    if not uri.startswith(SCHEME):
        raise AicrError(
            Code.INVALID_REQUEST, f'an agent cannot write to "{uri}" itself', where="--output",
            hint="give cm://namespace/name, or let the result come back to you",
        )  # fmt: skip
    return place_of(uri)


def placeholder(request: AgentRequest, run: str) -> Object:
    """Give the empty ConfigMap that the agent will fill."""
    namespace, name = target(request.sink)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name, "namespace": namespace, "labels": names.labels(run),
            "annotations": {PLACEHOLDER: run, names.LIFETIME: str(pods.lifetime(request))},
        },
    }  # fmt: skip


def is_unused_placeholder(item: Object) -> bool:
    """Tell whether a ConfigMap was made by a run and never filled: only then may it be removed."""
    noted = item.get("metadata", {}).get("annotations") or {}
    return PLACEHOLDER in noted and not item.get("data") and not item.get("binaryData")


def rights(request: AgentRequest, run: str, account: str) -> list[Object]:
    """Give the Role for the one ConfigMap and its binding, both in the ConfigMap's namespace."""
    namespace, name = target(request.sink)
    metadata = {
        "name": names.named(request.name, run), "namespace": namespace, "labels": names.labels(run),
        "annotations": {names.LIFETIME: str(pods.lifetime(request))},
    }  # fmt: skip
    return _rights(metadata, name, request.namespace, account)


def _rights(metadata: Object, target_name: str, namespace: str, account: str) -> list[Object]:
    rule = {
        "apiGroups": [""], "resources": ["configmaps"], "resourceNames": [target_name], "verbs": ["get", "patch"],
    }  # fmt: skip
    role: Object = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": [rule],
    }
    binding: Object = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": metadata["name"]},
    }
    return [role, binding]


def account(request: AgentRequest, run: str) -> Object:
    """Give the service account of one run."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": names.named(request.service_account or request.name, run),
            "namespace": request.namespace, "labels": names.labels(run),
            "annotations": {names.LIFETIME: str(pods.lifetime(request))},
        },
        "automountServiceAccountToken": False,
    }  # fmt: skip


def cronjob(request: AgentRequest, plan: Plan, schedule: str) -> Sequence[Object]:
    """Give what makes a cluster write its own snapshot to ``request.sink`` by ``schedule``.

    The objects are to be kept and carry no run id: ``aicr agent sweep`` leaves them alone. Without a prepared
    service account one is made that may get and patch the one ConfigMap, and nothing else.
    """
    namespace, name = target(request.sink)
    owned = {names.NAME: "aicr", names.MANAGED: "aicr"}
    labelled: Object = {"name": request.name, "namespace": request.namespace, "labels": owned}
    account_name = request.service_account or request.name
    made: list[Object] = [
        {"apiVersion": "v1", "kind": "ConfigMap",
         "metadata": {"name": name, "namespace": namespace, "labels": owned}}
    ]  # fmt: skip
    if not request.service_account:
        made.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": labelled,
                     "automountServiceAccountToken": False})  # fmt: skip
        made += _rights({**labelled, "namespace": namespace}, name, request.namespace, account_name)
    spec = pods.job(request, plan._replace(account=account_name))["spec"]
    spec["template"]["metadata"]["labels"] = owned
    made.append({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": labelled,
        "spec": {
            "schedule": schedule,
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {"metadata": {"labels": owned}, "spec": spec},
        },
    })  # fmt: skip
    return made
