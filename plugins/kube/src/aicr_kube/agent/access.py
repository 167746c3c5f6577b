"""Which rights a run needs, exactly; whether the caller has them; and the Role an administrator can grant.

Spec/snapshot.md 14.2: the right API groups, only the verbs of the plan at hand, all that is missing said at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code, to_yaml
from aicr_kube.agent.sink import RBAC, target
from aicr_kube.jobs import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.api import AgentRequest
    from aicr_kube.jobs.api import Api

Object = dict[str, Any]


class Need(NamedTuple):
    """One right. ``namespace`` empty: over the whole cluster. Without an ``optional`` one the run only knows less."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    optional: bool = False

    def __str__(self) -> str:
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        named = f' "{self.name}"' if self.name else ""
        scope = f'in namespace "{self.namespace}"' if self.namespace else "in the whole cluster"
        return f"{self.verb} {kind}{named} {scope}"


def needs(
    request: AgentRequest, *, fleet: bool, make_namespace: bool = False, make_account: bool = True
) -> list[Need]:
    """Give the rights that the run of ``request`` uses, and no other."""
    space = request.namespace
    found = [Need(verb, "", "pods", space) for verb in ("list", "watch")]
    found.append(Need("get", "", "pods/log", space))
    if fleet:
        found += [Need(verb, "", "pods", space) for verb in ("create", "get", "delete")]
        found.append(Need("list", "", "nodes", optional=bool(request.nodes)))
    else:
        found += [Need(verb, "batch", "jobs", space) for verb in ("create", "get", "delete")]
        found.append(Need("list", "", "nodes", optional=True))
    found += [Need(verb, "", "events", space, optional=True) for verb in ("list", "watch")]
    found.append(Need("get", "", "namespaces", name=space, optional=True))
    if make_namespace:
        found.append(Need("create", "", "namespaces"))
    if request.runtime_class:
        name = request.runtime_class
        found.append(Need("get", "node.k8s.io", "runtimeclasses", name=name, optional=True))
    if request.sink:
        found += _sink_needs(request, make_account=make_account)
    return found


def _sink_needs(request: AgentRequest, *, make_account: bool) -> list[Need]:
    namespace, name = target(request.sink)
    found = [Need(verb, "", "configmaps", namespace, name) for verb in ("get", "patch")]
    # A right to create cannot be bound to a name.
    found.append(Need("create", "", "configmaps", namespace))
    found.append(Need("delete", "", "configmaps", namespace, name, optional=True))
    if make_account:
        for group, resource, space in (
            ("", "serviceaccounts", request.namespace), (RBAC, "roles", namespace), (RBAC, "rolebindings", namespace),
        ):  # fmt: skip
            found += [Need(verb, group, resource, space) for verb in ("create", "get", "delete")]
            found.append(Need("patch", group, resource, space, optional=True))
    return found


def check(api: Api, wanted: Sequence[Need]) -> list[Need]:
    """Ask for every right; give those that are not there. Raises AicrError when the server cannot be asked."""
    denied = []
    for need in wanted:
        resource, _, subresource = need.resource.partition("/")
        if not api.can_i(need.verb, need.group, resource, subresource=subresource,
                         namespace=need.namespace, name=need.name):  # fmt: skip
            denied.append(need)
    return denied


def refusal(denied: Sequence[Need], where: str) -> AicrError:
    """Make the one error that lists every right that is missing."""
    listed = ", ".join(str(need) for need in denied)
    return AicrError(
        Code.UNAUTHORIZED, f"you may not {listed}", where=where,
        hint="hand the Role above to an administrator of the cluster; `aicr agent rbac` prints it again",
    )  # fmt: skip


def roles(wanted: Sequence[Need], name: str = "aicr-agent-user") -> list[Object]:
    """Give a Role for each namespace, and a ClusterRole for what is not in one, that grant exactly ``wanted``."""
    made: list[Object] = []
    for space in sorted({need.namespace for need in wanted}, key=lambda text: (not text, text)):
        metadata: Object = {"name": name, "labels": {names.NAME: "aicr"}}
        if space:
            metadata["namespace"] = space
        made.append({
            "apiVersion": f"{RBAC}/v1",
            "kind": "Role" if space else "ClusterRole",
            "metadata": metadata,
            "rules": _rules([need for need in wanted if need.namespace == space]),
        })  # fmt: skip
    return made


def _rules(wanted: Sequence[Need]) -> list[Object]:
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for need in wanted:
        listed = verbs.setdefault((need.group, need.resource, need.name), [])
        if need.verb not in listed:
            listed.append(need.verb)
    rules = []
    for (group, resource, name), listed in verbs.items():
        rule: Object = {"apiGroups": [group], "resources": [resource], "verbs": listed}
        if name:
            rule["resourceNames"] = [name]
        rules.append(rule)
    return rules


def as_yaml(items: Sequence[Object]) -> str:
    """Give objects as the text that ``kubectl apply -f -`` takes."""
    return "---\n".join(to_yaml(item) for item in items)
