"""What crosses between the core and lints of bundles: the bundle as it was read, and findings. Frozen; no behaviour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.model.charts import ChartFacts

SEVERITIES = ("error", "warning", "note")


@attrs.frozen(kw_only=True)
class Finding:
    """One thing to mend: the rule that found it, where it is, what is wrong, how to mend it.

    ``path`` is a file of the bundle, or of a rendered chart (then ``component`` says whose); ``line`` counts from 1,
    0 if unknown. ``severity`` is ``error``, ``warning`` or ``note``.
    """

    rule: str
    severity: str
    message: str
    component: str = ""
    path: str = ""
    line: int = 0
    hint: str = ""


@attrs.frozen(kw_only=True)
class BundleObject:
    """A Kubernetes object of a bundle and where it comes from.

    ``component`` is empty for what belongs to none. ``rendered`` objects come out of a chart.
    """

    document: Mapping[str, Any]
    path: str
    component: str = ""
    line: int = 0
    rendered: bool = False


@attrs.frozen(kw_only=True)
class BundleRelease:
    """A component of the bundle: what it installs, with which values, and what is known of its chart.

    ``values_path`` is the file that holds the values. ``facts`` are None where the chart was not at hand.
    ``unused`` are dotted paths of values that change nothing in what the chart renders.
    """

    name: str
    namespace: str
    kind: str
    chart: str = ""
    repository: str = ""
    version: str = ""
    depends_on: tuple[str, ...] = ()
    values: Mapping[str, Any] = attrs.field(factory=dict)
    values_path: str = ""
    facts: ChartFacts | None = None
    unused: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class BundleView:
    """A bundle as lints see it.

    ``releases`` are in deployment order. ``objects`` are those the bundle holds itself (stage A) and, in stage B, what
    its charts render to. ``nodes`` are the nodes of the given snapshot (name, labels, taints), None without one;
    ``kubernetes`` is the version the cluster has or shall have, ``""`` if unknown.
    """

    deployer: str
    stage: str
    releases: tuple[BundleRelease, ...]
    objects: tuple[BundleObject, ...]
    files: tuple[str, ...]
    recipe: Mapping[str, Any]
    kubernetes: str = ""
    nodes: tuple[Mapping[str, Any], ...] | None = None
