"""All checks, in order of their ids."""

from __future__ import annotations

from aicr_testkit.checks import data, limits, loading, manifest, output

CHECKS = tuple(
    sorted(
        (*manifest.CHECKS, *loading.CHECKS, *output.CHECKS, *limits.CHECKS, *data.CHECKS),
        key=lambda check: check.id,
    )
)
