"""How a run of ``aicr validate`` ends early: what was made is gone or named, and the report holds all that was asked for."""

from __future__ import annotations

import os
import re
import signal
import threading
import time

import pytest
from validation_lab import Place, place

from aicr_core.kit import limits

__all__ = ["place"]


@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
def test_a_clean_up_that_is_cut_off_is_done_again_or_what_is_left_is_named(
    place: Place, monkeypatch: pytest.MonkeyPatch, times: int | None
) -> None:
    """The time of the phase ends while a check's objects are being deleted."""
    monkeypatch.setattr(limits, "CLEAN_UP", 3.0)
    place.cluster.faults.add("DELETE", ".*/configmaps/made", delay=20.0, times=times)
    place.recipe("maker", settings={"timeout": "1s"})
    status, _, err = place.run("--phase", "deployment")
    assert status == 8
    left = bool(place.cluster.all("configmaps", "made-here"))
    assert left is (times is None)
    assert ("kubectl delete configmaps made -n made-here" in err) is left


def test_phases_that_an_interrupt_kept_from_beginning_are_in_the_report(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.change("timeout=0.3", "timeout=30.0")
    place.recipe("hang", "good", validation={"conformance": {"checks": ["later"]}})

    def interrupt() -> None:
        while not place.cluster.all("configmaps", "aicr-validation"):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    status, tests, _ = place.run()
    assert status == 9
    assert tests["hang"]["status"] == "other"
    assert (tests["later"]["status"], tests["later"]["extra"]["reason"]) == ("skipped", "Interrupted")  # fmt: skip
    assert "interrupted before its phase began" in tests["later"]["message"]
    assert set(tests) == {"hang", "good", "later"}


def test_a_check_that_the_time_of_its_phase_cut_off_names_that_time(place: Place) -> None:
    place.change("timeout=0.3", "timeout=30.0")
    place.change("while not ctx.cancelled", "while True")
    place.recipe("hang", settings={"timeout": "1s"})
    status, tests, _ = place.run("--phase", "deployment")
    assert (status, tests["hang"]["extra"]["reason"]) == (8, "TimedOut")
    assert "1 s" in tests["hang"]["message"]
    assert "all together" in tests["hang"]["message"]
    assert not re.search(r"\b(30|45|105) s", tests["hang"]["message"])
    assert "validation.deployment.timeout" in tests["hang"]["extra"]["remediation"]


def test_the_namespace_of_the_run_is_waited_for_while_it_goes(place: Place) -> None:
    """An earlier run left it on its way out."""
    name = "aicr-validation"
    place.cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "finalizers": ["x"]}})  # fmt: skip
    kind = place.cluster.by_plural["namespaces"]
    place.cluster.objects.change(kind, "", name, lambda item: item["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z"))  # fmt: skip

    def release() -> None:
        place.cluster.objects.change(kind, "", name, lambda item: item["metadata"].pop("finalizers"))  # fmt: skip

    place.change("while not ctx.cancelled", "while False")
    place.recipe("hang")
    timer = threading.Timer(0.5, release)
    timer.start()
    status, tests, err = place.run("--phase", "deployment")
    timer.join()
    assert (status, tests["hang"]["status"]) == (0, "passed"), (err, tests)
    assert "POST /api/v1/namespaces" in place.cluster.asked()
    assert name not in [item["metadata"]["name"] for item in place.cluster.all("namespaces")]
