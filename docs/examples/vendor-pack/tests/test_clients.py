"""The check's verdicts about nodes, from a cluster that answers from memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aicr_core.api import CheckResult, Context, Target

from aicr_fathom.clients import CONSTRAINT, VERSION, check


class Nodes:
    """A cluster of which only nodes are asked."""

    def __init__(self, versions: dict[str, str]) -> None:
        self.versions = versions

    def path(self, api_version: str, resource: str, **_more: str) -> str:
        return f"/api/{api_version}/{resource}"

    def list(self, _path: str, **_selectors: str) -> Iterator[dict[str, Any]]:
        for name, version in self.versions.items():
            yield {"metadata": {"name": name, "labels": {VERSION: version}}}


def verdict(wanted: str = "", **versions: str) -> CheckResult:
    ctx = Context()
    cluster: Any = Nodes(versions)
    constraints = {CONSTRAINT: wanted} if wanted else {}
    target = Target(
        ctx,
        cluster,
        recipe={},
        snapshot={},
        namespace="aicr-validation",
        run="r1",
        constraints=constraints,
    )
    return check(ctx, target)


def test_all_clients_fit() -> None:
    assert verdict(">= 4.2", a="4.2.0", b="4.10.1").status == "passed"
    assert verdict(">= 1", a="1.0").status == "passed"
    assert verdict(a="1.0").status == "failed"


def test_an_old_client_is_named() -> None:
    found = verdict(">= 4.2", a="4.2.0", b="4.1.9")
    assert (found.status, found.reason, found.actual) == ("failed", "ClientTooOld", "b: 4.1.9")


def test_a_missing_client_is_named() -> None:
    found = verdict(">= 4.2", a="4.2.0", b="")
    assert (found.status, found.reason) == ("failed", "ClientMissing")
    assert found.message.endswith(": b")


def test_nothing_to_look_at() -> None:
    assert verdict(">= 4.2").status == "skipped"
