"""What a conformance submission may be narrowed to: features, their short names, and the checks that decide them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from aicr_core.api import AicrError, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL = "all"


@attrs.frozen
class Feature:
    """A feature (spec/validate.md 11.3): its name, a shorter one if there is any, and its checks."""

    name: str
    checks: tuple[str, ...]
    alias: str = ""


FEATURES = (
    Feature("dra-support", ("dra-support",), "dra"),
    Feature("gang-scheduling", ("gang-scheduling",), "gang"),
    Feature("secure-access", ("secure-accelerator-access",), "secure"),
    Feature("accelerator-metrics", ("accelerator-metrics", "ai-service-metrics"), "metrics"),
    Feature("inference-gateway", ("inference-gateway",), "gateway"),
    Feature("robust-operator", ("robust-controller",), "operator"),
    Feature("pod-autoscaling", ("pod-autoscaling",), "hpa"),
    Feature("cluster-autoscaling", ("cluster-autoscaling",)),
)


def resolve(names: Iterable[str]) -> tuple[str, ...]:
    """Give the checks of the named features, each once, in the order of the table; no name, or ``all``, is everything.

    Raises AicrError(INVALID_REQUEST) for names that are no feature, also beside ``all``; every one of them is told.
    """
    wanted = list(dict.fromkeys(names))
    known = {
        word: feature for feature in FEATURES for word in (feature.name, feature.alias) if word
    }
    unknown = [name for name in wanted if name != ALL and name not in known]
    if unknown:
        close = nearest(unknown[0], [*known, ALL])
        listed = ", ".join(feature.name for feature in FEATURES)
        raise AicrError(
            Code.INVALID_REQUEST,
            f"no such feature: {', '.join(unknown)}",
            where="--feature",
            hint=f'did you mean "{close}"?' if close else f"features: {listed}, {ALL}",
        )
    chosen = [known[name] for name in wanted if name != ALL]
    everything = not wanted or ALL in wanted
    return tuple(
        check for feature in FEATURES if everything or feature in chosen for check in feature.checks
    )
