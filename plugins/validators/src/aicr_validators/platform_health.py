"""Check ``platform-health``: namespaces and expected resources of the recipe's components are there (8.16).

Every problem is collected before the verdict. A recipe that names neither namespaces nor resources leaves nothing to
look at, and the check is skipped. Health-check assertions are the business of ``expected-resources``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Right, passed, skipped
from aicr_validators import workloads
from aicr_validators.workloads import part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aicr_core.api import CheckResult, Context, Target


def rights(recipe: Mapping[str, Any]) -> Iterable[Right]:
    """Give what the check asks of the API: these namespaces, these resources."""
    components = recipe.get("componentRefs") or ()
    names = _namespaces(components)
    if names:
        yield Right(verbs=("get",), resources=("namespaces",), names=tuple(names))
    yield from workloads.expected_rights(components)


def check(_ctx: Context, target: Target) -> CheckResult:
    """Give the verdict: NOT_FOUND with all that is missing or not healthy."""
    names = _namespaces(target.components)
    resources = [(ref, item) for ref in target.components for item in workloads.expected_of(ref)]
    if not names and not resources:
        return skipped(
            "NothingToCheck",
            "the components of the recipe name no namespaces and no expected resources",
            remediation="Give components of the recipe a namespace or expectedResources",
        )
    problems = [text for name in names if (text := _namespace(target, name))]
    problems += [text for ref, item in resources if (text := workloads.expected(target, ref, item))]
    checked = f"{len(names)} namespaces and {len(resources)} resources"
    target.evidence(
        "Platform",
        "\n".join([f"Looked at {checked}", *(problems or ["All are there and healthy"])]),
        f"kubectl get namespaces {' '.join(names)}",
    )
    if not problems:
        return passed(f"{checked} are there and healthy")
    return _failed(problems)


def _failed(problems: Sequence[str]) -> CheckResult:
    return workloads.problems_found(
        problems,
        "of the platform",
        "PlatformUnhealthy",
        expected="every namespace active, every expected resource healthy",
        remediation="Deploy what is missing, for example with a bundle of this recipe; see pods that do not start: "
        "kubectl get pods -A",
    )


def _namespaces(components: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give the namespaces of the components, each once, in their order."""
    return list(dict.fromkeys(str(ref["namespace"]) for ref in components if ref.get("namespace")))


def _namespace(target: Target, name: str) -> str:
    """Say what is wrong with a namespace; empty when it is there and in use."""
    try:
        found = target.find("v1", "namespaces", name)
    except AicrError as error:
        return f"namespace {name}: [{error.code}] {error.message}"
    if found is None:
        return f"namespace {name}: [NOT_FOUND] it is not there"
    # One that was just made has no phase yet: only a word against it counts.
    phase = str(part(found, "status", "phase") or "Active")
    return "" if phase == "Active" else f"namespace {name}: [INTERNAL] it is {phase}, not Active"
