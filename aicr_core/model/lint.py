"""What crosses between the core and lints of bundles: the bundle as it was read, and findings. Frozen; no I/O."""

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

    ``component`` is empty for what belongs to none. ``step`` is when it is installed: lower numbers come first, and
    objects of one step come together. ``rendered`` objects come out of a chart, and ``crd`` ones out of its ``crds``
    folder. ``control`` ones are for the deployer's own tool, which the cluster has before. ``places`` gives the line of
    a value of it by its path (``spec.containers[0].image``).
    """

    document: Mapping[str, Any]
    path: str
    component: str = ""
    line: int = 0
    step: int = 0
    rendered: bool = False
    crd: bool = False
    control: bool = False
    places: Mapping[str, int] = attrs.field(factory=dict, eq=False, repr=False)

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.document.get("kind") or "")

    @property
    def group(self) -> str:
        """Its API group; empty for the core group."""
        return str(self.document.get("apiVersion") or "").rpartition("/")[0]

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Its metadata; an empty mapping for none."""
        found = self.document.get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def name(self) -> str:
        """Its name, empty for none."""
        return str(self.metadata.get("name") or "")


@attrs.frozen(kw_only=True)
class BundleRelease:
    """A component of the bundle: what it installs, with which values, and what is known of its chart.

    ``values_path`` is the file that holds the values, and ``values_places`` the line of each in it by its dotted path.
    ``facts`` are None where the chart was not at hand. ``unused`` are dotted paths of values that change nothing in
    what the chart renders; they are looked for only when the user asks.
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
    values_places: Mapping[str, int] = attrs.field(factory=dict, eq=False, repr=False)
    facts: ChartFacts | None = None
    unused: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class BundleView:
    """A bundle as lints see it.

    ``releases`` are in deployment order. ``objects`` are those the bundle holds itself (stage A) and, in stage B, what
    its charts render to as well; ``complete`` tells that every chart was rendered, so what is not there is nowhere.
    ``nodes`` are the nodes of the given snapshot (``name``, ``labels``, ``taints`` of key, value, effect), None without
    one; ``kubernetes`` is the version the cluster has or shall have, ``""`` if unknown. ``texts`` are the bundle's own
    text files by path.
    """

    deployer: str
    stage: str
    releases: tuple[BundleRelease, ...]
    objects: tuple[BundleObject, ...]
    files: tuple[str, ...]
    recipe: Mapping[str, Any]
    kubernetes: str = ""
    complete: bool = False
    texts: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    nodes: tuple[Mapping[str, Any], ...] | None = None
