"""Values that the bundler computes, and values that it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from aicr_core.api import AicrError, BundlePlan, Context

from aicr_fathom.bundler import bundle, servers


def values(given: Mapping[str, Any], nodes: int = 0, **criteria: Any) -> Any:
    plan = BundlePlan(
        releases=(),
        recipe={},
        recipe_version="1",
        tool_version="1",
        criteria=criteria,
        constraints=(),
        options={"nodes": nodes},
    )
    return bundle(Context(), {"name": "fathom-operator"}, given, plan).values


def test_faster_accelerators_get_more_cache() -> None:
    found = values({"client": {"mountPath": "/x"}}, accelerator="h100")
    assert found["client"] == {"mountPath": "/x", "readAhead": 32, "cache": {"size": "2048Gi"}}
    assert values({}, accelerator="any")["client"]["cache"] == {"size": "256Gi"}


def test_what_somebody_set_stays() -> None:
    given = {"client": {"readAhead": 1, "cache": {"size": "1Gi", "devices": "x"}}}
    assert values(given, accelerator="gb200")["client"] == given["client"]
    assert values({"filesystem": {"metadataServers": 9}})["filesystem"] == {"metadataServers": 9}


@pytest.mark.parametrize(
    ("nodes", "wanted"), [(0, 1), (1, 1), (64, 1), (65, 3), (192, 3), (193, 5), (9999, 7)]
)
def test_metadata_servers_can_vote(nodes: int, wanted: int) -> None:
    assert servers(nodes) == wanted
    assert values({}, nodes)["filesystem"] == {"metadataServers": wanted}


@pytest.mark.parametrize("given", [{"client": "x"}, {"client": {"cache": ["x"]}}])
def test_values_of_another_shape_are_an_error_that_says_where(given: dict[str, Any]) -> None:
    with pytest.raises(AicrError, match="is no table"):
        values(given)
