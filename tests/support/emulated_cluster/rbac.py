"""Who may do what: rules a test gives to users, and the Role objects that are in the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from emulated_cluster.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emulated_cluster.kinds import Kind
    from emulated_cluster.objects import Objects

_GROUP = "rbac.authorization.k8s.io"


class Rule(NamedTuple):
    """What is allowed; ``*`` is everything. ``namespace`` empty is the whole cluster."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...]
    resources: tuple[str, ...]
    names: tuple[str, ...] = ()
    namespace: str = ""

    def allows(self, asked: Access) -> bool:
        """Whether this rule covers what is asked."""
        resource = f"{asked.resource}/{asked.sub}" if asked.sub else asked.resource
        return (
            _has(self.verbs, asked.verb)
            and _has(self.groups, asked.group)
            and (
                _has(self.resources, resource)
                or (bool(asked.sub) and f"*/{asked.sub}" in self.resources)
            )
            and (not self.names or asked.name in self.names)
            and (not self.namespace or self.namespace == asked.namespace)
        )


class Access(NamedTuple):
    """What is asked for."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    sub: str = ""


ADMIN = (Rule(("*",), ("*",), ("*",)),)


def _has(listed: tuple[str, ...], word: str) -> bool:
    return word in listed or "*" in listed


def allowed(rules: Iterable[Rule], asked: Access) -> bool:
    """Whether any of the rules covers what is asked."""
    return any(rule.allows(asked) for rule in rules)


def forbidden(user: str, asked: Access) -> Refused:
    """The refusal, worded as the server words it."""
    resource = f"{asked.resource}/{asked.sub}" if asked.sub else asked.resource
    scope = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    named = f' "{asked.name}"' if asked.name else ""
    kind = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    return Refused(
        403,
        f'{kind}{named} is forbidden: User "{user}" cannot {asked.verb} resource "{resource}" in API '
        f'group "{asked.group}" {scope}',
        details={"name": asked.name, "group": asked.group, "kind": asked.resource},
    )


def bound_rules(objects: Objects, kinds: dict[str, Kind], user: str) -> Iterator[Rule]:
    """Give the rules that role bindings in the cluster give to a service account user."""
    for plural in ("rolebindings", "clusterrolebindings"):
        for binding in objects.all(kinds[plural]):
            namespace = binding["metadata"].get("namespace", "")
            if any(_is(subject, user) for subject in binding.get("subjects") or ()):
                yield from _role(objects, kinds, binding["roleRef"], namespace)


def _is(subject: dict[str, Any], user: str) -> bool:
    if subject.get("kind") == "ServiceAccount":
        return user == f"system:serviceaccount:{subject.get('namespace')}:{subject.get('name')}"
    return subject.get("kind") == "User" and subject.get("name") == user


def _role(
    objects: Objects, kinds: dict[str, Kind], ref: dict[str, Any], namespace: str
) -> Iterator[Rule]:
    cluster = ref["kind"] == "ClusterRole"
    try:
        kind = kinds["clusterroles" if cluster else "roles"]
        role = objects.get(kind, "" if cluster else namespace, ref["name"])
    except Refused:
        return
    yield from rules_of(role, namespace)


def rules_of(role: dict[str, Any], namespace: str) -> Iterator[Rule]:
    """Give the rules of a Role or ClusterRole object."""
    for rule in role.get("rules") or ():
        yield Rule(
            tuple(rule["verbs"]), tuple(rule["apiGroups"]), tuple(rule["resources"]),
            tuple(rule.get("resourceNames") or ()), namespace,
        )  # fmt: skip


def check_escalation(
    objects: Objects, kinds: dict[str, Kind], user: str, rules: tuple[Rule, ...], kind: Kind,
    item: dict[str, Any],
) -> None:  # fmt: skip
    """Refuse a role or binding that gives more than its writer has, as the real server does."""
    if kind.group != _GROUP:
        return
    namespace = item["metadata"].get("namespace", "")
    if kind.plural in ("roles", "clusterroles"):
        given = rules_of(item, namespace)
        if allowed(rules, Access("escalate", _GROUP, kind.plural, namespace)):
            return
    else:
        given = _role(objects, kinds, item["roleRef"], namespace)
        role = "clusterroles" if item["roleRef"]["kind"] == "ClusterRole" else "roles"
        if allowed(rules, Access("bind", _GROUP, role, namespace, item["roleRef"]["name"])):
            return
    for rule in given:
        for verb in rule.verbs:
            for group in rule.groups:
                for resource in rule.resources:
                    for name in rule.names or ("",):
                        plain, _, sub = resource.partition("/")
                        if not allowed(rules, Access(verb, group, plain, namespace, name, sub)):
                            raise Refused(
                                403,
                                f'{kind.qualified} "{item["metadata"].get("name")}" is forbidden: user "{user}" '
                                "is attempting to grant RBAC permissions not currently held: "
                                f"{{APIGroups:[{group!r}], Resources:[{resource!r}], Verbs:[{verb!r}]}}",
                            )
