"""Bills of materials in a bundle (``aicr bundle --sbom``): one inventory, a file for each format. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.app.contents import refuse_gaps, take_stock, writer_of, written_by
from aicr_core.engine.bundles import File
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.paths import safe_relative
from aicr_core.model.bundle import Artifact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.app.bundle_plan import Planned
    from aicr_core.app.charts import Charts
    from aicr_core.app.environment import Environment
    from aicr_core.plugins.providers import InventoryWriter

PURPOSE = "sbom"
FLAG = "--sbom"


def formats(environment: Environment, names: Sequence[str]) -> list[tuple[str, InventoryWriter]]:
    """Give plugin and writer of each format once, in the order given. Raises AicrError for one nobody has."""
    return [writer_of(environment, PURPOSE, name, FLAG) for name in dict.fromkeys(names)]


def sbom_files(
    environment: Environment,
    planned: Planned,
    charts: Charts | None,
    chosen: Sequence[tuple[str, InventoryWriter]],
    files: Sequence[File],
    *,
    allow_partial: bool = False,
) -> tuple[list[File], tuple[AicrError, ...]]:
    """Give a file for each format, ``sbom`` with the format's suffix, and what keeps them from being complete.

    Raises AicrErrors for an incomplete inventory without ``allow_partial``, AicrError for a path that is taken.
    """
    written = [Artifact(path=file.path, data=file.data, mode=file.mode) for file in files]
    stock = take_stock(environment, planned, charts, [plugin for plugin, _ in chosen], written)
    if not allow_partial:
        refuse_gaps(stock, "the bill of materials")
    taken = {file.path for file in files}
    found = []
    for plugin, writer in chosen:
        path = f"sbom{writer.suffix or f'.{writer.name}'}"
        if "/" in safe_relative(path) or path in taken:
            raise AicrError(
                Code.INTERNAL, f"{path} is no file beside others of the bundle", plugin=plugin
            )
        taken.add(path)
        text = written_by(plugin, writer, stock.inventory)
        found.append(File(path, text.encode("utf-8"), 0o600, plugin))
    return found, stock.errors
