"""Rights of checks as RBAC objects."""

from __future__ import annotations

import itertools

import pytest
from emulated_cluster.rbac import Access, allowed, rules_of

from aicr_core.api import AicrError, Right, to_yaml
from aicr_core.model.check import RUN_NAMESPACE
from aicr_core.model.rbac import Question, questions, rbac_objects

RIGHTS = (
    Right(verbs=("list", "get"), resources=("pods",)),
    Right(verbs=("get",), resources=("nodes",)),
    Right(verbs=("create", "delete", "get"), resources=("pods",), namespace=RUN_NAMESPACE),
    Right(verbs=("get",), resources=("pods/log",), namespace=RUN_NAMESPACE),
    Right(verbs=("get",), resources=("deployments", "daemonsets"), group="apps", namespace="gpu"),
    Right(verbs=("get", "list"), resources=("services",), namespace="gpu", names=("b", "a")),
)


def _by_kind(rights: tuple[Right, ...]) -> dict[str, dict[str, object]]:
    made = rbac_objects(rights, "runner", "home", run_namespace="work", labels={"x": "y"})
    return {f"{item['kind']} {item['metadata'].get('namespace', '')}": item for item in made}


def test_objects_are_complete_and_in_order() -> None:
    assert list(_by_kind(RIGHTS)) == [
        "ServiceAccount home", "ClusterRole ", "ClusterRoleBinding ",
        "Role gpu", "RoleBinding gpu", "Role work", "RoleBinding work",
    ]  # fmt: skip
    for item in _by_kind(RIGHTS).values():
        assert item["metadata"]["name"] == "runner"  # type: ignore[index]
        assert item["metadata"]["labels"] == {"x": "y"}  # type: ignore[index]


def test_bindings_name_the_account_where_it_is() -> None:
    binding = _by_kind(RIGHTS)["RoleBinding gpu"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "runner", "namespace": "home"}
    ]
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "runner",
    }  # fmt: skip


def test_what_the_cluster_role_gives_is_not_given_again() -> None:
    objects = _by_kind(RIGHTS)
    assert objects["ClusterRole "]["rules"] == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
    ]
    assert objects["Role work"]["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "delete"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    ]


def test_names_bind_only_the_verbs_that_can_be_bound() -> None:
    assert _by_kind(RIGHTS)["Role gpu"]["rules"] == [
        {"apiGroups": [""], "resources": ["services"], "verbs": ["list"]},
        {
            "apiGroups": [""],
            "resources": ["services"],
            "verbs": ["get"],
            "resourceNames": ["a", "b"],
        },
        {"apiGroups": ["apps"], "resources": ["daemonsets", "deployments"], "verbs": ["get"]},
    ]


def test_the_rules_allow_what_is_declared_and_nothing_else() -> None:
    made = rbac_objects(RIGHTS, "runner", "home", run_namespace="work")
    rules = [
        rule
        for item in made
        if item["kind"] in ("Role", "ClusterRole")
        for rule in rules_of(item, item["metadata"].get("namespace", ""))
    ]
    verbs = ("get", "list", "watch", "create", "delete", "patch", "update")
    resources = (("", "pods", ""), ("", "pods", "log"), ("", "nodes", ""), ("", "services", ""),
                 ("apps", "deployments", ""), ("apps", "daemonsets", ""), ("", "secrets", ""))  # fmt: skip
    granted = set()
    for verb, (group, resource, sub), space, name in itertools.product(
        verbs, resources, ("work", "gpu", "home"), ("a", "c")
    ):
        if allowed(rules, Access(verb, group, resource, space, name, sub)):
            granted.add((verb, resource + sub, space, name))
    expected = {("get", "nodes"), ("get", "pods"), ("list", "pods")}
    everywhere = {
        (*pair, space, name)
        for pair in expected
        for space in ("work", "gpu", "home")
        for name in "ac"
    }
    local = {(verb, "pods", "work", name) for verb in ("create", "delete") for name in "ac"}
    local |= {("get", "podslog", "work", name) for name in "ac"}
    local |= {("get", kind, "gpu", name) for kind in ("deployments", "daemonsets") for name in "ac"}
    local |= {
        ("get", "services", "gpu", "a"),
        ("list", "services", "gpu", "a"),
        ("list", "services", "gpu", "c"),
    }
    assert granted == everywhere | local


def test_order_and_repetition_of_rights_do_not_show() -> None:
    texts = {
        "".join(to_yaml(item) for item in rbac_objects(order, "r", "h"))
        for order in itertools.islice(itertools.permutations((*RIGHTS, RIGHTS[0])), 0, 5000, 97)
    }
    assert len(texts) == 1


def test_no_rights_are_an_account_alone() -> None:
    assert [item["kind"] for item in rbac_objects((), "runner", "home")] == ["ServiceAccount"]


@pytest.mark.parametrize(
    "right",
    [
        Right(verbs=("*",), resources=("pods",)),
        Right(verbs=("get",), resources=("*",)),
        Right(verbs=("get",), resources=("pods/*",)),
        Right(verbs=("get",), resources=("pods",), group="*"),
    ],
)
def test_a_wildcard_is_refused(right: Right) -> None:
    with pytest.raises(AicrError) as caught:
        rbac_objects((right,), "runner", "home")
    assert caught.value.code.name == "INVALID_REQUEST"


def test_questions_are_single_rights() -> None:
    asked = questions(RIGHTS[2:4], "work")
    assert asked == [
        Question("create", "", "pods", "work"), Question("delete", "", "pods", "work"),
        Question("get", "", "pods", "work"), Question("get", "", "pods", "work", "log"),
    ]  # fmt: skip
    assert str(asked[3]) == 'get pods/log in namespace "work"'
    named = questions((Right(verbs=("get",), resources=("roles",), group="g", names=("n",)),), "w")
    assert str(named[0]) == 'get roles.g "n" in the whole cluster'
