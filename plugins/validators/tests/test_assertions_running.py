"""Assertions held against a cluster: fresh and shared reads, retries, what ends at once, what is said at the end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators.assertions.documents import parse
from aicr_validators.assertions.reading import Reader
from aicr_validators.assertions.running import hold
from emulated_cluster import Kind

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from check_support import Lab
    from emulated_cluster import FakeCluster

_TEST = (
    "apiVersion: chainsaw.kyverno.io/v1alpha1\nkind: Test\nspec:\n  steps:\n  - name: s\n    try:\n"
)
_PLAIN = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n}\nstatus: {phase: Running}\n"


def _operation(kind: str, resource: str) -> str:
    return f"    - {kind}: {{resource: {{{resource}}}}}\n"


def _pod(phase: str, name: str = "p", **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "n", **more.pop("metadata", {})},
        "spec": {"nodeName": "n1"}, "status": {"phase": phase, **more},
    }  # fmt: skip


def _hold(lab: Lab, text: str, limit: float = 300.0) -> None:
    hold(parse(text, "c"), lab.target, Reader(lab.client), limit)


def _refused(lab: Lab, text: str, limit: float = 300.0) -> AicrError:
    with pytest.raises(AicrError) as caught:
        _hold(lab, text, limit)
    return caught.value


def _reads(fake: FakeCluster, path: str) -> int:
    return fake.asked("GET").count(f"GET {path}")


_PODS = "apiVersion: v1, kind: Pod, metadata: {namespace: n}, status: "
_NONE_BAD = _TEST + "".join(
    _operation("error", f"{_PODS}{{phase: {phase}}}") for phase in ("Pending", "Failed", "Unknown")
)


def test_a_collection_is_listed_once_in_a_round(lab: Lab) -> None:
    for number in range(3):
        lab.fake.add(_pod("Running", f"p{number}"))
    _hold(lab, _NONE_BAD)
    assert _reads(lab.fake, "/api/v1/namespaces/n/pods") == 1


def test_long_collections_are_read_to_their_end(lab: Lab) -> None:
    for number in range(620):
        lab.fake.add(_pod("Running", f"p{number:04}"))
    lab.fake.add(_pod("Failed", "z"))
    error = _refused(lab, _NONE_BAD, 1)
    assert "Pod n/z is as it must not be (phase=Failed, node=n1)" in str(error)


def test_documents_share_a_read_too(lab: Lab) -> None:
    lab.fake.add(_pod("Running"))
    _hold(lab, f"{_PLAIN}---\n{_PLAIN}")
    assert _reads(lab.fake, "/api/v1/namespaces/n/pods/p") == 1


def test_a_retry_sees_what_has_changed(lab: Lab) -> None:
    lab.fake.add(_pod("Pending"))
    pods = lab.fake.by_plural["pods"]
    seen = threading.Event()

    def runs() -> None:
        seen.wait(20)
        lab.fake.objects.change(pods, "n", "p", lambda pod: pod["status"].update(phase="Running"))

    changer = threading.Thread(target=runs, daemon=True)
    changer.start()
    reader = Reader(lab.client)
    first = reader.get(parse(_PLAIN, "c").operations[0], 0.0)
    assert first["status"]["phase"] == "Pending"
    seen.set()
    hold(parse(_PLAIN, "c"), lab.target, reader, 5000.0)
    changer.join()
    assert _reads(lab.fake, "/api/v1/namespaces/n/pods/p") >= 2


@pytest.mark.parametrize("budget", [20.0, 300.0])
def test_the_last_problem_is_told(lab: Lab, budget: float) -> None:
    lab.fake.add(_pod("Pending"))
    error = _refused(lab, _PLAIN, budget)
    assert error.code is Code.INTERNAL
    assert 'Pod n/p: status.phase: is "Pending", expected is "Running"' in error.message


def test_an_object_that_never_appears_is_given_up_early(lab: Lab) -> None:
    text = _TEST + _operation(
        "assert", "apiVersion: v1, kind: Pod, metadata: {namespace: n, name: p}"
    )
    error = _refused(lab, text, 36000.0)
    assert error.code is Code.NOT_FOUND
    assert "Pod n/p" in error.message
    assert 'step "s" try[0]' in (error.where or "")
    assert _reads(lab.fake, "/api/v1/namespaces/n/pods/p") <= 10


def test_an_empty_list_is_not_found(lab: Lab) -> None:
    text = _TEST + _operation(
        "assert", "apiVersion: v1, kind: Pod, metadata: {namespace: n, labels: {a: b}}"
    )
    error = _refused(lab, text)
    assert (error.code, error.message) == (
        Code.NOT_FOUND,
        "there is no Pod in namespace n with a=b",
    )


@pytest.mark.parametrize(
    "text", [_PLAIN.replace("Running", "1"), _TEST + _operation("error", _PODS + "{phase: 1}")]
)
def test_what_can_never_be_compared_ends_at_once(lab: Lab, text: str) -> None:
    lab.fake.add(_pod("Pending"))
    error = _refused(lab, text)
    assert error.code is Code.INVALID_REQUEST
    assert "Pod n/p: status.phase: a number and a text cannot be compared" in error.message
    assert len([line for line in lab.fake.asked("GET") if "/pods" in line]) == 1


def test_a_missing_right_is_no_missing_object(lab: Lab) -> None:
    lab.fake.faults.add(
        "GET", "/api/v1/namespaces/n/pods/p", status=403, reason="Forbidden", message="no access"
    )
    for text in (
        _PLAIN,
        _TEST + _operation("error", "apiVersion: v1, kind: Pod, metadata: {namespace: n, name: p}"),
    ):
        error = _refused(lab, text)
        assert error.code is Code.UNAUTHORIZED
        assert "Pod n/p" in error.message


def test_a_server_that_stumbles_is_asked_again(lab: Lab) -> None:
    lab.fake.add(_pod("Running"))
    lab.fake.faults.add("GET", "/api/v1/namespaces/n/pods/p", status=500, message="oops", times=2)
    _hold(lab, _PLAIN, 3000.0)


def test_a_kind_that_nobody_serves_breaks_errors_too(lab: Lab) -> None:
    for kind in ("assert", "error"):
        text = _TEST + _operation(
            kind, "apiVersion: nosuch.io/v1, kind: Thing, metadata: {name: t}"
        )
        error = _refused(lab, text)
        assert error.code is Code.NOT_FOUND
        assert "Thing t" in error.message


def test_a_namespaced_object_needs_its_namespace(lab: Lab) -> None:
    error = _refused(lab, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n")
    assert error.code is Code.INVALID_REQUEST
    assert "metadata.namespace is missing" in error.message


def test_cluster_scoped_objects_are_found(lab: Lab) -> None:
    lab.fake.serve(Kind("x.io", "v1", "things", "Thing", namespaced=False, custom=True))
    lab.fake.add(
        {"apiVersion": "x.io/v1", "kind": "Thing", "metadata": {"name": "t"}, "status": {"s": "ok"}}
    )
    _hold(lab, "apiVersion: x.io/v1\nkind: Thing\nmetadata: {name: t}\nstatus: {s: ok}\n")


def test_objects_that_go_away_do_not_count(lab: Lab) -> None:
    lab.fake.add(_pod("Failed"))
    _refused(lab, _NONE_BAD, 1)
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    lab.fake.objects.change(
        lab.fake.by_plural["pods"], "n", "p", lambda pod: pod["metadata"].update(going)
    )
    _hold(lab, _NONE_BAD)


def test_the_reason_of_a_waiting_container_is_told(lab: Lab) -> None:
    lab.fake.add(
        _pod(
            "Pending",
            containerStatuses=[{"name": "c", "state": {"waiting": {"reason": "ErrImagePull"}}}],
        )
    )
    error = _refused(lab, _NONE_BAD, 1)
    assert "(phase=Pending, waiting=ErrImagePull, node=n1)" in error.message


@pytest.mark.parametrize(
    "strange",
    [
        {"status": None},
        {"status": {"phase": "Pending", "containerStatuses": {"a": 1}}},
        {
            "status": {"phase": "Pending", "containerStatuses": [None, 1, {"state": "x"}]},
            "spec": "x",
        },
        {"spec": None},
    ],
)
def test_strange_objects_do_not_crash(lab: Lab, strange: dict[str, Any]) -> None:
    lab.fake.add({**_pod("Running"), **strange})
    for text in (_PLAIN, _NONE_BAD):
        try:
            _hold(lab, text, 1)
        except AicrError as error:
            assert "Pod n/p" in error.message


def test_the_time_of_the_check_ends_the_wait_with_what_was_seen(lab: Lab) -> None:
    lab.fake.add(_pod("Pending"))
    lab.stop.set()
    error = _refused(lab, _PLAIN)
    assert error.code is Code.INTERNAL
    assert '"Pending"' in error.message
