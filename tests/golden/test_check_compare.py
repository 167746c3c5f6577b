"""The comparison of recorded checks itself: it sees what differs, and does not see what may."""

from __future__ import annotations

from typing import Any

import pytest
from check_compare import differences, lines, names
from check_lab import Ran
from emulated_cluster import Asked

from aicr_core.api import Code
from aicr_core.model.check import CheckResult, failed, passed
from aicr_core.model.target import RUN_LABEL

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p-<suffix>"}, "status": {},
       "spec": {"command": ["sh", "<shell script, see the specification>"], "n": 1}}  # fmt: skip


def _case(**expect: Any) -> dict[str, Any]:
    objects = [{"metadata": {"name": "monitoring"}}]
    whole = {"status": "failed", "message": None, "skip_reason_log_only": None, "created": [],
             "objects_left": [], "requests": []}  # fmt: skip
    return {
        "recipe": "name: gpu-operator\n",
        "api": {"objects": objects},
        "expect": {**whole, **expect},
    }


def _ran(result: CheckResult, **more: Any) -> Ran:
    whole = {"requests": [], "created": [], "left": [], "denied": [], "residue": ()}
    return Ran(result, **{**whole, **more})


def _failed(message: str, code: Code = Code.INTERNAL) -> CheckResult:
    return failed(code, "X", message)


def test_names_of_a_message() -> None:
    """Numbers, quoted texts, compound names, objects of the case, parts of an address; no words, no codes."""
    message = ('[INTERNAL] deployment gpu-operator/x of monitoring not-available: 0/1 replicas, state="" want ">= 300" '
               "at http://a.b.svc:9400/metrics?q=1 for gang-worker-<suffix>-0 v1.2.")  # fmt: skip
    assert names(message, _case()) == [
        "a", "b", "9400", "metrics", ">= 300", "gpu-operator/x", "monitoring", "0/1", "gang-worker-<suffix>-0", "v1.2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "code", "aspects"),
    [
        ("none of 2 pods of gpu-operator runs", Code.INTERNAL, set()),
        ("none of 2 pods of gpu-operator runs", Code.NOT_FOUND, {"code"}),
        ("none of 12 pods of gpu-operator runs", Code.INTERNAL, {"words"}),
        ("none of 2 pods runs", Code.INTERNAL, {"words"}),
    ],
)
def test_code_names_and_numbers(message: str, code: Code, aspects: set[str]) -> None:
    """They have to be there; the wording is ours."""
    case = _case(message="[INTERNAL] no gpu-operator pods are up (2 total)")
    assert differences(case, _ran(_failed(message, code))).keys() == aspects


def test_status_and_what_is_left() -> None:
    """A pod that stays, a right that is missing, a deletion that failed; a namespace of the reference's is gone."""
    case = _case(objects_left=["Namespace dra-test"])
    assert not differences(case, _ran(_failed("x")))
    found = differences(
        case, _ran(passed(), left=["Pod a/b"], denied=["get x"], residue=("kubectl",))
    )
    assert found.keys() == {"status", "left", "rights", "residue"}


def test_bodies() -> None:
    """Suffixes, our labels and scripts are no difference; a field is."""
    ours = {**POD, "metadata": {"name": "p-0123abcd", "labels": {RUN_LABEL: "r"}},
            "spec": {"command": ["sh", "exit 0"], "n": 1}}  # fmt: skip
    case = _case(created=[POD])
    assert not differences(case, _ran(_failed("x"), created=[ours]))
    more = {**ours, "spec": {**ours["spec"], "n": 2}}  # type: ignore[dict-item]
    assert differences(case, _ran(_failed("x"), created=[more])).keys() == {"created"}
    assert differences(case, _ran(_failed("x"))).keys() == {"created"}


def test_requests() -> None:
    """A set of lines, less what is explained; nothing of it where the recording depends on time."""
    case = _case(requests=["GET /a", "GET /a"])
    assert not differences(case, _ran(_failed("x"), requests=["GET /a"]))
    assert not differences(
        case, _ran(_failed("x"), requests=["GET /a", "DELETE /api/v1/namespaces/n"])
    )
    assert differences(case, _ran(_failed("x"), requests=["GET /b"])).keys() == {"requests"}
    polled = _case(requests=["<polled; order and count depend on timing>"])
    assert not differences(polled, _ran(_failed("x"), requests=["GET /b"]))


def test_lines_of_requests() -> None:
    """Pages, managers and suffixes are left out; services have their placeholders."""
    base = "/api/v1/namespaces/m/services"
    asked = [
        Asked("GET", f"{base}/nvidia-dcgm-exporter:9400/proxy/metrics", {}, {}, b"", "u"),
        Asked("GET", f"{base}/prometheus:9090/proxy/api/v1/query", {"query": "up"}, {}, b"", "u"),
        Asked("GET", "/api/v1/pods", {"limit": "500", "labelSelector": "a=b"}, {}, b"", "u"),
        Asked("POST", "/api/v1/pods/x-0123abcd", {"fieldManager": "aicr"}, {}, b"", "u"),
    ]
    assert lines(asked) == [
        "GET <dcgm-exporter>/metrics",
        "GET <prometheus>/api/v1/query?query=up",
        "GET /api/v1/pods?labelSelector=a=b",
        "POST /api/v1/pods/x-<suffix>",
    ]
