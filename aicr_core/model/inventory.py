"""What a bundle needs from outside, once it is known: charts, images, manifests, plugins. Frozen; no behaviour.

Mirror lists and bills of materials are two ways to write the same inventory, so they cannot disagree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen(kw_only=True)
class InventoryImage:
    """An image as it is written where it is used, with ``@sha256:`` where it has one; and who uses it, sorted.

    ``origin`` is ``rendered`` (seen in manifests) or ``declared`` (named by a plugin: pulled at run time).
    """

    reference: str
    components: tuple[str, ...]
    origin: str = "rendered"


@attrs.frozen(kw_only=True)
class InventoryChart:
    """A chart of a component. ``sha256`` is that of its package, where it was at hand."""

    component: str
    name: str
    repository: str
    version: str
    namespace: str
    sha256: str = ""
    licence: str = ""


@attrs.frozen(kw_only=True)
class InventoryComponent:
    """A component in deployment order: its kind, what it depends on, what could not be found out about it.

    ``kind`` is ``helm``, ``kustomize`` or ``manifests``; ``manifests`` are (path in the bundle, sha256).
    """

    name: str
    kind: str
    version: str = ""
    namespace: str = ""
    depends_on: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    manifests: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class InventoryPlugin:
    """A distribution that had a part in the bundle."""

    distribution: str
    version: str
    licence: str = ""


@attrs.frozen(kw_only=True)
class Inventory:
    """The whole of it; everything is sorted but ``components``. Complete if no component has a problem."""

    tool_version: str
    recipe_version: str
    criteria: Mapping[str, Any]
    components: tuple[InventoryComponent, ...]
    charts: tuple[InventoryChart, ...]
    images: tuple[InventoryImage, ...]
    plugins: tuple[InventoryPlugin, ...] = ()
