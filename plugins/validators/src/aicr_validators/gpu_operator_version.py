"""Check ``gpu-operator-version``: the installed GPU operator meets the recipe's constraint (spec/validate.md 8.3).

The version comes from the operator's Deployment: label, image tag or annotation. An image that is named by its digest
alone, or has no tag, says no version. Without a constraint in the recipe the version is only reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, failed, parse_expression, passed, satisfies
from aicr_validators.workloads import deployment_right, images, part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aicr_core.api import CheckResult, Context, Right, Target

CONSTRAINT = "Deployment.gpu-operator.version"
NAMESPACES = ("gpu-operator", "nvidia-gpu-operator", "kube-system")
NAMES = ("gpu-operator", "nvidia-gpu-operator")
LABEL = "app.kubernetes.io/version"
ANNOTATION = "nvidia.com/gpu-operator-version"


def rights(_recipe: Mapping[str, Any]) -> Iterable[Right]:
    """Give what the check asks of the API."""
    for namespace in NAMESPACES:
        yield deployment_right(namespace, *NAMES)


def check(_ctx: Context, target: Target) -> CheckResult:
    """Give the verdict: INVALID_REQUEST for a malformed constraint, INTERNAL for a version that does not meet it."""
    seen: list[str] = []
    found = _find(target, seen)
    if found is None:
        return _unknown(target, seen)
    place, version = found
    target.evidence("GPU operator version", f"Detected GPU operator version: {version} ({place})")
    expression = target.constraints.get(CONSTRAINT)
    if expression is None:
        return passed(f"GPU operator {version}; the recipe has no constraint {CONSTRAINT}")
    return _compare(target, place, version, expression)


def _compare(target: Target, place: str, version: str, expression: str) -> CheckResult:
    try:
        parsed = parse_expression(expression)
    except AicrError as error:
        return failed(
            Code.INVALID_REQUEST, "BadConstraint",
            f'the constraint {CONSTRAINT} "{expression}" is malformed: {error.message}',
            expected=expression, actual=version, remediation=error.hint or "",
        )  # fmt: skip
    try:
        met = satisfies(parsed, version)
    except AicrError as error:
        return failed(
            Code.INTERNAL, "NotComparable",
            f'GPU operator version {version} and constraint "{expression}" cannot be compared: {error.message}',
            expected=expression, actual=version, remediation=error.hint or "",
        )  # fmt: skip
    target.evidence("Constraint", f"{CONSTRAINT} {expression}: {str(met).lower()}")
    if met:
        return passed(
            f"GPU operator {version} meets {expression}", expected=expression, actual=version
        )
    return failed(
        Code.INTERNAL, "VersionNotMet",
        f'GPU operator version {version} ({place}) does not meet the constraint "{expression}"',
        expected=expression, actual=version,
        remediation="Deploy a GPU operator of a version that meets it, for example with a bundle of this recipe",
    )  # fmt: skip


def _find(target: Target, seen: list[str]) -> tuple[str, str] | None:
    """Give the first Deployment that tells its version; ``seen`` gets those that are there and do not."""
    for namespace in NAMESPACES:
        for name in NAMES:
            deployment = target.find("apps/v1", "deployments", name, namespace)
            if deployment is None:
                continue
            version = version_of(deployment)
            if version:
                return f"{namespace}/{name}", version
            seen.append(f"{namespace}/{name} (image {', '.join(images(deployment)) or 'unknown'})")
    return None


def version_of(deployment: Mapping[str, Any]) -> str:
    """Give the version that a Deployment tells, with its ``v``; empty when it tells none."""
    version = str(part(deployment, "metadata", "labels", LABEL) or "")
    if not version:
        version = next((tag for image in images(deployment) if (tag := _tag(image))), "")
    if not version:
        version = str(part(deployment, "metadata", "annotations", ANNOTATION) or "")
    return version if not version or version.startswith("v") else f"v{version}"


def _tag(image: str) -> str:
    """Give the version in the tag of an image of the operator, without what follows its first dash."""
    if "gpu-operator" not in image:
        return ""
    named = image.partition("@")[0]
    # A colon before the last slash belongs to the port of a registry.
    return named.rpartition("/")[2].partition(":")[2].partition("-")[0]


def _unknown(target: Target, seen: list[str]) -> CheckResult:
    tried = ", ".join(f"{namespace}/{name}" for namespace in NAMESPACES for name in NAMES)
    if not seen:
        target.evidence("GPU operator version", f"no Deployment of the GPU operator; tried {tried}")
        return failed(
            Code.INTERNAL, "OperatorNotFound", f"no Deployment of the GPU operator; tried {tried}",
            expected="a Deployment of the GPU operator", actual="not found",
            remediation="Deploy the GPU operator, or see where it is: kubectl get deployments -A",
        )  # fmt: skip
    text = f"the GPU operator tells no version: {'; '.join(seen)}"
    target.evidence("GPU operator version", text)
    return failed(
        Code.INTERNAL, "NoVersion", text,
        expected=f"label {LABEL}, an image tag, or annotation {ANNOTATION}", actual="none of them",
        remediation=f"Label the Deployment: kubectl label deployment NAME -n NAMESPACE {LABEL}=VERSION",
    )  # fmt: skip
