"""What crosses between the core and chart engines: a chart that is wanted, its package, what is in it, a rendering.

Frozen; no behaviour. No repository is contacted and nothing is rendered here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen(kw_only=True)
class ChartWanted:
    """A chart as a recipe names it: ``repository`` is http(s) with an index, or ``oci://`` without the chart's name."""

    name: str
    repository: str
    version: str


@attrs.frozen(kw_only=True)
class PackagedChart:
    """A packaged chart (``.tgz``): name and version as its ``Chart.yaml`` has them, where it was found, its digest."""

    name: str
    version: str
    data: bytes
    source: str
    sha256: str


@attrs.frozen(kw_only=True)
class ChartFacts:
    """What a chart says of itself: default values (sub-charts below their names), schema, licence, CRDs.

    ``schema`` is its ``values.schema.json`` or None; ``kube_version`` the range it asks for; ``crds`` the YAML texts of
    its ``crds`` folders, which a rendering does not show; ``dependencies`` the names below which values of sub-charts
    stand. ``words`` are the names that its templates use of values, ``open_values`` the dotted paths of values that
    templates take as a whole, so that any key below may have a meaning.
    """

    values: Mapping[str, Any]
    schema: Mapping[str, Any] | None = None
    kube_version: str = ""
    licence: str = ""
    crds: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    open_values: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class RenderRequest:
    """How to render: as the release ``release`` in ``namespace``, with ``values``, for a Kubernetes version.

    ``kubernetes`` is ``1.33`` or ``1.33.2``, empty for the engine's own default; ``api_versions`` are further
    ``group/version[/Kind]`` that the cluster is taken to have.
    """

    release: str
    namespace: str
    values: Mapping[str, Any]
    kubernetes: str = ""
    api_versions: tuple[str, ...] = ()
