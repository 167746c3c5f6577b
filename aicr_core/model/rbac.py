"""Rights as RBAC objects: a service account that may do exactly what checks declare. Pure; asks no cluster.

Rules are merged and sorted, so that equal rights give equal bytes, and a right that a wider one covers is left out.
Nothing here is ever a wildcard or bound to a role that exists already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.check import RUN_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aicr_core.model.check import Right

    Object = dict[str, Any]

GROUP = "rbac.authorization.k8s.io"
_UNNAMED = frozenset(("create", "deletecollection", "list", "watch"))
"""Verbs that names do not narrow: at the time of asking there is no one object."""


class Question(NamedTuple):
    """One right, as ``Cluster.can_i`` asks for it; ``namespace`` empty is the whole cluster."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    subresource: str = ""
    name: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        kind = f"{resource}.{self.group}" if self.group else resource
        named = f' "{self.name}"' if self.name else ""
        scope = f'in namespace "{self.namespace}"' if self.namespace else "in the whole cluster"
        return f"{self.verb} {kind}{named} {scope}"


def questions(rights: Iterable[Right], namespace: str) -> list[Question]:
    """Give every single right that ``rights`` ask for, sorted, none twice and none that a wider one covers.

    ``namespace`` stands for :data:`RUN_NAMESPACE`. Raises AicrError(INVALID_REQUEST) for a wildcard.
    """
    wanted = {question for right in rights for question in _single(right, namespace)}
    return sorted(one for one in wanted if not _covered(one, wanted))


def _single(right: Right, namespace: str) -> Iterable[Question]:
    space = namespace if right.namespace == RUN_NAMESPACE else right.namespace
    words = (*right.verbs, *right.resources, *right.names, right.group, space)
    if any("*" in word for word in words):
        raise AicrError(
            Code.INVALID_REQUEST, "a check asks for a right with a wildcard", where=", ".join(right.resources),
            hint="declare the verbs and resources that it uses",
        )  # fmt: skip
    for resource in right.resources:
        plain, _, sub = resource.partition("/")
        for verb in right.verbs:
            for name in () if verb in _UNNAMED else right.names:
                yield Question(verb, right.group, plain, space, sub, name)
            if verb in _UNNAMED or not right.names:
                yield Question(verb, right.group, plain, space, sub)


def _covered(one: Question, wanted: set[Question]) -> bool:
    wider = {one._replace(namespace=""), one._replace(name=""), one._replace(namespace="", name="")}
    return bool((wider - {one}) & wanted)


def rbac_objects(
    rights: Iterable[Right],
    name: str,
    namespace: str,
    *,
    run_namespace: str = "",
    labels: Mapping[str, str] | None = None,
) -> list[Object]:
    """Give a ServiceAccount and the roles and bindings by which it has exactly ``rights``.

    All objects are called ``name``. The account is in ``namespace``; ``run_namespace`` (``namespace`` when empty) is
    what :data:`RUN_NAMESPACE` means. Order: the account, ClusterRole and its binding if any right is over the whole
    cluster, then a Role and its binding for each namespace, by name. Raises AicrError(INVALID_REQUEST) for a wildcard.
    """
    spaces: dict[str, list[Question]] = {}
    for question in questions(rights, run_namespace or namespace):
        spaces.setdefault(question.namespace, []).append(question)
    made = [_object("v1", "ServiceAccount", name, namespace, labels)]
    for space in sorted(spaces):
        kind = "Role" if space else "ClusterRole"
        api = f"{GROUP}/v1"
        made.append({**_object(api, kind, name, space, labels), "rules": _rules(spaces[space])})
        made.append({
            **_object(api, f"{kind}Binding", name, space, labels),
            "roleRef": {"apiGroup": GROUP, "kind": kind, "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        })  # fmt: skip
    return made


def _object(
    api_version: str, kind: str, name: str, namespace: str, labels: Mapping[str, str] | None
) -> Object:
    metadata: Object = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _rules(wanted: Iterable[Question]) -> list[Object]:
    """Merge to few rules: verbs of one resource, then names and resources that have the same verbs."""
    verbs: dict[tuple[str, str, str], set[str]] = {}
    for one in wanted:
        resource = f"{one.resource}/{one.subresource}" if one.subresource else one.resource
        verbs.setdefault((one.group, resource, one.name), set()).add(one.verb)
    names: dict[tuple[str, str, tuple[str, ...]], set[str]] = {}
    for (group, resource, name), listed in verbs.items():
        names.setdefault((group, resource, tuple(sorted(listed))), set()).add(name)
    resources: dict[tuple[str, tuple[str, ...], tuple[str, ...]], set[str]] = {}
    for (group, resource, listed_verbs), found in names.items():
        # "" stands for all objects: such a rule is one of its own, beside those that are bound to names.
        for bound in ({""} & found, found - {""}):
            if bound:
                key = (group, listed_verbs, tuple(sorted(bound - {""})))
                resources.setdefault(key, set()).add(resource)
    rules = []
    for (group, listed_verbs, bound_to), of in resources.items():
        rule: Object = {
            "apiGroups": [group], "resources": sorted(of), "verbs": list(listed_verbs),
        }  # fmt: skip
        if bound_to:
            rule["resourceNames"] = list(bound_to)
        rules.append(rule)
    return sorted(
        rules, key=lambda rule: (rule["apiGroups"], rule["resources"], rule.get("resourceNames") or [], rule["verbs"])
    )  # fmt: skip
