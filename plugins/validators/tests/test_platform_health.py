"""Check platform-health: what the recorded cases do not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_validators import platform_health

from aicr_core.api import Code, Right

if TYPE_CHECKING:
    from check_support import Lab


def _recipe(lab: Lab, *components: dict[str, Any]) -> None:
    lab.target.recipe = {"componentRefs": list(components)}


def _namespace(lab: Lab, name: str, **status: Any) -> None:
    lab.fake.add(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "status": status}
    )


def test_nothing_to_look_at_is_skipped(lab: Lab) -> None:
    """A check that can only pass is none."""
    for components in (
        (),
        ({"name": "x"},),
        ({"name": "x", "namespace": None, "expectedResources": None},),
    ):
        _recipe(lab, *components)
        result = platform_health.check(lab.ctx, lab.target)
        assert (result.status, result.reason) == ("skipped", "NothingToCheck")
        assert result.remediation


def test_a_namespace_is_asked_for_once(lab: Lab) -> None:
    """Though several components live there."""
    _namespace(lab, "a", phase="Active")
    _recipe(lab, {"name": "x", "namespace": "a"}, {"name": "y", "namespace": "a"})
    assert platform_health.check(lab.ctx, lab.target).status == "passed"
    assert lab.fake.asked() == ["GET /api/v1/namespaces/a"]


def test_all_problems_are_collected(lab: Lab) -> None:
    """Namespaces on their way out, ones that may not be read, resources: each with its code."""
    _namespace(lab, "going", phase="Terminating")
    lab.fake.faults.add("GET", "/api/v1/namespaces/secret", status=403, message="no access")
    resource = {"kind": "Service", "name": "s"}
    _recipe(lab, {"name": "x", "namespace": "going", "expectedResources": [resource]},
            {"name": "y", "namespace": "secret"}, {"name": "z", "namespace": "missing"})  # fmt: skip
    lab.fake.faults.add("GET", ".*/services/s", status=404, message="none")
    result = platform_health.check(lab.ctx, lab.target)
    assert (result.code, result.reason) == (Code.UNAUTHORIZED, "Forbidden")
    assert result.actual == "4 problems"
    for text in (
        "namespace going: [INTERNAL] it is Terminating, not Active",
        "namespace secret: [UNAUTHORIZED] no access",
        "namespace missing: [NOT_FOUND]",
        "Service going/s (x): [NOT_FOUND]",
    ):
        assert text in result.message
        assert text in lab.evidence


def test_rights_are_those_of_the_recipe() -> None:
    """These namespaces, these resources; none without any."""
    resource = {"kind": "ConfigMap", "name": "m"}
    component = {"name": "x", "namespace": "a", "expectedResources": [resource]}
    assert list(platform_health.rights({"componentRefs": [component]})) == [
        Right(verbs=("get",), resources=("namespaces",), names=("a",)),
        Right(verbs=("get",), resources=("configmaps",), namespace="a", names=("m",)),
    ]
    assert list(platform_health.rights({})) == []
