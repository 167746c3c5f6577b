"""The runner ``job`` against the emulated cluster: objects, verdicts, limits, and that nothing stays behind."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from aicr_kube.checks import objects, outcome, waiting
from aicr_kube.checks.session import Session, open_session
from aicr_kube.client import Cluster
from emulated_cluster import Controllers, FakeCluster, Fate, Rule, node

from aicr_core.api import (
    RUN_NAMESPACE,
    AicrError,
    CatalogEntry,
    Check,
    CheckRun,
    Code,
    Context,
    ReportItem,
    Right,
    load_all,
)

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterable

    Item = dict[str, Any]

RUN = "20261125-101500-0123456789abcdef"
SPACE = "aicr-validation"
KINDS = ("jobs", "pods", "configmaps", "serviceaccounts", "roles", "rolebindings", "clusterroles",
         "clusterrolebindings")  # fmt: skip
RIGHTS = (
    Right(verbs=("get", "list"), resources=("pods",)),
    Right(verbs=("create", "delete"), resources=("pods",), namespace=RUN_NAMESPACE),
)
ENTRY = CatalogEntry(name="operator-health", phase="deployment", image="r.example/v/deployment:latest",
                     timeout=120.0, args=("operator-health",))  # fmt: skip
CHECK = Check(name="operator-health", phase="deployment", description="", call="x:y", title="Runs",
              remediation="mend it")  # fmt: skip


def _run(kubeconfig: str, **more: Any) -> CheckRun:
    given: Item = {
        "run": RUN, "cluster": Cluster.open(kubeconfig, timeout=10.0), "namespace": SPACE, "rights": RIGHTS,
        "recipe": {"kind": "RecipeResult"}, "snapshot": {"kind": "Snapshot"}, "inputs": {"constraints": {"a": "b"}},
        "pace": 0.01,
    }  # fmt: skip
    return CheckRun(**{**given, **more})


def _context(said: list[str] | None = None, stop: threading.Event | None = None) -> Context:
    return Context(timeout=60.0, log=(said if said is not None else []).append, cancelled=stop)


def _left(cluster: FakeCluster) -> list[str]:
    return [f"{kind}/{item['metadata']['name']}" for kind in KINDS for item in cluster.all(kind)]


def _play(
    cluster: FakeCluster,
    kubeconfig: str,
    produce: Callable[[Item, Item], Iterable[str]] | None = None,
    fate: Callable[[Item], Fate] | None = None,
    said: list[str] | None = None,
    **more: Any,
) -> ReportItem:
    """Run one check through a whole session; nothing may be left of it."""
    cluster.add(node("n1"))
    ctx = _context(said)
    with Controllers(cluster, produce, fate):
        session = open_session(ctx, _run(kubeconfig, **more))
        item = session.run(ctx, CHECK, ENTRY)
        assert session.close() == ()
        assert _left(cluster) == []
    return item


# --- verdicts -----------------------------------------------------------------------------------------


def test_exit_status_zero_passes(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    item = _play(fake_cluster, fake_kubeconfig, lambda pod, container: ["ok", "more"])
    assert (item.status, item.output, item.runner) == ("passed", ("ok", "more"), "job")
    assert (item.name, item.phase, item.title) == ("operator-health", "deployment", "Runs")
    assert item.start > 0
    assert item.duration == item.stop - item.start


def test_exit_status_one_fails_with_the_code_of_its_message(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    fate = Fate("fail", "[NOT_FOUND] no pods found", 1)
    item = _play(fake_cluster, fake_kubeconfig, fate=lambda pod: fate)
    assert item.status == "failed"
    assert (item.result.code, item.result.message) == (Code.NOT_FOUND, "no pods found")
    assert item.result.remediation == "mend it"


def test_exit_status_two_skips_with_a_reason(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    item = _play(fake_cluster, fake_kubeconfig, fate=lambda pod: Fate("fail", "", 2))
    assert item.status == "skipped"
    assert item.result.message
    assert item.result.reason


def test_another_exit_status_gives_no_verdict(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    item = _play(fake_cluster, fake_kubeconfig, fate=lambda pod: Fate("fail", "boom", 3))
    assert item.status == "other"
    assert "3" in item.result.message
    assert "boom" in item.result.message


@pytest.mark.parametrize(
    ("fate", "reason", "text"),
    [
        (Fate("oom"), "OOMKilled", "OOMKilled"),
        (Fate("image"), "ImagePullBackOff", "r.example/v/deployment:latest"),
        (Fate("config", "container has runAsNonRoot"), "CreateContainerConfigError", "runAsNonRoot"),
        (Fate("evicted", "low on memory"), "Evicted", "low on memory"),
        (Fate("refused", "exceeded quota: q"), "FailedCreate", "exceeded quota: q"),
        (Fate("hang"), "DeadlineExceeded", "330 s"),
        (Fate("unschedulable", "0/1 nodes are available"), "Unschedulable", "0/1 nodes are available"),
    ],
    ids=lambda value: value.word if isinstance(value, Fate) else "",
)  # fmt: skip
def test_what_gives_no_verdict_says_why_and_what_to_do(
    fake_cluster: FakeCluster, fake_kubeconfig: str, fate: Fate, reason: str, text: str
) -> None:
    item = _play(fake_cluster, fake_kubeconfig, fate=lambda pod: fate)
    assert item.status == "other"
    assert item.result.reason == reason
    assert text in item.result.message
    assert item.result.remediation not in ("", "mend it")


def test_the_cause_of_a_back_off_is_told(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    fate = Fate("image", "manifest unknown")
    item = _play(fake_cluster, fake_kubeconfig, fate=lambda pod: fate)
    assert "manifest unknown" in item.result.message


def test_a_node_may_come(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    """Unschedulable is no end while the deadline has not come: longer than any grace, then the pod runs."""
    ctx = _context()
    run = _run(fake_kubeconfig)
    with Controllers(fake_cluster, lambda pod, container: ["late"]) as controllers:
        session = open_session(ctx, run)

        def help_out() -> None:
            time.sleep(1.0)  # the grace is 0.3 s
            fake_cluster.add(node("n1"))
            for pod in fake_cluster.all("pods"):
                controllers._kubelet.run(pod)

        threading.Thread(target=help_out, daemon=True).start()
        item = session.run(ctx, CHECK, ENTRY)
        session.close()
    assert (item.status, item.output) == ("passed", ("late",))


def test_a_job_deleted_by_somebody_is_no_timeout(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    def produce(pod: Item, container: Item) -> Iterable[str]:
        yield "cut"
        job = fake_cluster.all("jobs")[0]["metadata"]
        fake_cluster.objects.delete(fake_cluster.by_plural["jobs"], SPACE, job["name"])
        time.sleep(1.0)

    item = _play(fake_cluster, fake_kubeconfig, produce)
    assert item.status == "other"
    assert item.result.reason == "JobDeleted"
    assert "aicr-operator-health-" in item.result.message


def test_a_refused_job_is_one_check_without_a_verdict(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    fake_cluster.faults.add("POST", ".*/jobs", status=403, reason="Forbidden", message="by policy", times=1)  # fmt: skip
    fake_cluster.add(node("n1"))
    ctx = _context()
    with Controllers(fake_cluster):
        session = open_session(ctx, _run(fake_kubeconfig))
        first = session.run(ctx, CHECK, ENTRY)
        second = session.run(ctx, CHECK, ENTRY)
        assert session.close() == ()
    assert (first.status, first.result.code) == ("other", Code.UNAUTHORIZED)
    assert "by policy" in first.result.message
    assert second.status == "passed"


def test_an_api_server_that_goes_away_ends_in_order(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    fake_cluster.add(node("n1"))
    said: list[str] = []
    ctx = _context(said)
    with Controllers(fake_cluster, None, lambda pod: Fate("hang")):
        session = open_session(ctx, _run(fake_kubeconfig))
        threading.Timer(0.5, fake_cluster.stop).start()
        item = session.run(ctx, CHECK, ENTRY)
        residue = session.close()
    assert item.status == "other"
    assert item.result.reason == "ApiUnavailable"
    assert item.result.code is Code.SERVICE_UNAVAILABLE
    assert any(f"delete jobs.batch {job['metadata']['name']}" in line for line in residue
               for job in fake_cluster.all("jobs"))  # fmt: skip
    assert f"kubectl delete clusterroles.rbac.authorization.k8s.io aicr-validator-{RUN}" in residue
    assert f"kubectl -n {SPACE} delete configmaps aicr-recipe-{RUN}" in residue


def test_an_interrupt_stops_and_cleans(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    fake_cluster.add(node("n1"))
    stop = threading.Event()
    ctx = _context(stop=stop)
    with Controllers(fake_cluster, None, lambda pod: Fate("hang")):
        session = open_session(ctx, _run(fake_kubeconfig))
        threading.Timer(0.3, stop.set).start()
        item = session.run(ctx, CHECK, ENTRY)
        assert session.close() == ()
    assert (item.status, item.result.reason) == ("other", "Interrupted")
    assert _left(fake_cluster) == []


# --- logs ---------------------------------------------------------------------------------------------


def test_the_last_thousand_lines_are_kept_each_cut_short(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    lines = [*(f"line {number}" for number in range(1005)), "x" * 600, "", ""]
    item = _play(fake_cluster, fake_kubeconfig, lambda pod, container: lines)
    assert len(item.output) == 1000
    assert item.output[0] == "line 6"
    assert item.output[-1] == "x" * 512 + "... [truncated 88 chars]"


def test_a_log_is_held_in_bounds(
    fake_cluster: FakeCluster, fake_kubeconfig: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOG", 10_000)
    lines = [f"{number:04d}" + "y" * 96 for number in range(500)]
    item = _play(fake_cluster, fake_kubeconfig, lambda pod, container: lines)
    assert item.output[-1].startswith("0499")
    assert len(item.output) == 10


def test_an_unreadable_log_costs_no_verdict(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    fake_cluster.faults.add("GET", ".*/log", status=500, message="no log")
    said: list[str] = []
    item = _play(fake_cluster, fake_kubeconfig, lambda pod, container: ["x"], said=said)
    assert (item.status, item.output) == ("passed", ())
    assert any("no log" in line for line in said)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ()),
        ("\n\n", ("",)),
        ("a\nb\n", ("a", "b")),
        ("a\x1b[31mb\x00\r\n", ("a\ufffd[31mb\ufffd",)),
        ("é" * 300, ("é" * 256 + "... [truncated 88 chars]",)),
    ],
)
def test_lines_of_a_log(text: str, lines: tuple[str, ...]) -> None:
    assert outcome.lines_of(text) == lines


# --- objects ------------------------------------------------------------------------------------------


def test_a_job_is_without_privileges_and_has_time_to_report(fake_kubeconfig: str) -> None:
    run = _run(
        fake_kubeconfig, node_selector={"a": "b"}, tolerations=({"key": "k", "operator": "Exists"},),
        image_pull_secrets=("s1", "s2"),
    )  # fmt: skip
    entry = attrs.evolve(ENTRY, resources={"memory": "2Gi"}, env=(("X", "1"),))
    job = objects.job(run, entry, "abcd1234")
    spec = job["spec"]["template"]["spec"]
    container = spec["containers"][0]
    assert job["metadata"]["name"] == "aicr-operator-health-abcd1234"
    assert job["spec"]["activeDeadlineSeconds"] > 120 + 30
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "2Gi"}
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["imagePullPolicy"] == "Always"
    assert container["env"][-1] == {"name": "X", "value": "1"}
    assert spec["nodeSelector"] == {"a": "b"}
    assert spec["tolerations"] == [{"key": "k", "operator": "Exists"}]
    assert spec["imagePullSecrets"] == [{"name": "s1"}, {"name": "s2"}]


@pytest.mark.parametrize(
    ("image", "policy"),
    [("r:5000/x", "Always"), ("r:5000/x:v1", "IfNotPresent"), ("x@sha256:1", "IfNotPresent"), ("x:latest", "Always")],
)  # fmt: skip
def test_the_pull_policy_follows_the_tag(fake_kubeconfig: str, image: str, policy: str) -> None:
    job = objects.job(_run(fake_kubeconfig), attrs.evolve(ENTRY, image=image), "0")
    assert job["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_documents_and_reports_are_published(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    session = open_session(_context(), _run(fake_kubeconfig))
    recipe = fake_cluster.get("configmaps", SPACE, f"aicr-recipe-{RUN}")["data"]
    assert load_all(recipe["inputs.yaml"], "inputs") == [{"constraints": {"a": "b"}}]
    assert load_all(recipe["recipe.yaml"], "recipe") == [{"kind": "RecipeResult"}]
    session.publish("deployment", "{}")
    report = fake_cluster.get("configmaps", SPACE, f"aicr-ctrf-{RUN}-deployment")
    assert report["data"] == {"report.json": "{}"}
    assert report["metadata"]["labels"]["aicr.run/report-type"] == "ctrf"
    assert session.close() == ()
    assert _left(fake_cluster) == []


def test_what_no_config_map_holds_is_refused_before_anything_is_made(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    with pytest.raises(AicrError) as caught:
        open_session(_context(), _run(fake_kubeconfig, snapshot={"x": "y" * 1_100_000}))
    assert caught.value.code is Code.INVALID_REQUEST
    assert "1048576" in caught.value.message
    assert caught.value.hint
    assert fake_cluster.asked() == []


# --- rights -------------------------------------------------------------------------------------------


def _user(cluster: FakeCluster, tmp_path: pathlib.Path, *rules: Rule) -> str:
    return cluster.kubeconfig(tmp_path / "user", cluster.user("dev", rules))


_WORK = (
    Rule(("create", "delete", "get", "list", "watch"), ("", "batch"), ("configmaps", "jobs", "pods", "pods/log"), (), SPACE),
    Rule(("get", "create"), ("",), ("namespaces",)),
)  # fmt: skip


def test_the_account_has_exactly_the_rights_of_the_checks(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    session = open_session(_context(), _run(fake_kubeconfig))
    name = f"aicr-validator-{RUN}"
    assert fake_cluster.get("clusterroles", "", name)["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
    ]
    assert fake_cluster.get("roles", SPACE, name)["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "delete"]}
    ]
    binding = fake_cluster.get("clusterrolebindings", "", name)
    assert binding["roleRef"]["name"] == name
    session.close()


def test_missing_rights_are_listed_before_anything_is_made(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(AicrError) as caught:
        open_session(_context(), _run(_user(fake_cluster, tmp_path, *_WORK)))
    assert caught.value.code is Code.UNAUTHORIZED
    for text in ('create serviceaccounts in namespace "aicr-validation"',
                 "create clusterroles.rbac.authorization.k8s.io in the whole cluster"):  # fmt: skip
        assert text in caught.value.message
    assert _left(fake_cluster) == []
    assert "POST /api/v1/namespaces" not in fake_cluster.asked("POST")


def test_rights_that_the_caller_has_not_cannot_be_given(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    rbac = ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
    may = Rule(("create", "delete"), ("", "rbac.authorization.k8s.io"), ("serviceaccounts", *rbac))
    with pytest.raises(AicrError) as caught:
        open_session(_context(), _run(_user(fake_cluster, tmp_path, *_WORK, may)))
    assert caught.value.code is Code.UNAUTHORIZED
    assert "not currently held" in caught.value.message
    assert _left(fake_cluster) == []


def test_a_check_that_only_the_catalogue_knows(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    fake_cluster.add(node("n1"))
    ctx = _context()
    with Controllers(fake_cluster):
        session = open_session(ctx, _run(fake_kubeconfig))
        item = session.run(ctx, None, ENTRY)
        assert session.close() == ()
    assert (item.name, item.status) == ("operator-health", "passed")


def test_a_prepared_account_needs_no_right_to_make_one(
    fake_cluster: FakeCluster, tmp_path: pathlib.Path
) -> None:
    fake_cluster.add(node("n1"))
    fake_cluster.add({"apiVersion": "v1", "kind": "ServiceAccount",
                      "metadata": {"name": "mine", "namespace": SPACE}})  # fmt: skip
    ctx = _context()
    with Controllers(fake_cluster, lambda pod, container: [pod["spec"]["serviceAccountName"]]):
        session = open_session(
            ctx, _run(_user(fake_cluster, tmp_path, *_WORK), service_account="mine")
        )
        item = session.run(ctx, CHECK, ENTRY)
        assert session.close() == ()
    assert (item.status, item.output) == ("passed", ("mine",))
    assert _left(fake_cluster) == ["serviceaccounts/mine"]


def test_two_runs_do_not_meet(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    first = open_session(_context(), _run(fake_kubeconfig))
    other = RUN.replace("0123", "ffff")
    second = open_session(_context(), _run(fake_kubeconfig, run=other))
    assert first.close() == ()
    assert {item["metadata"]["name"] for item in fake_cluster.all("serviceaccounts", SPACE)} == {
        f"aicr-validator-{other}"
    }
    assert second.close() == ()


def test_rights_in_a_namespace_that_is_not_there(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    rights = (Right(verbs=("get",), resources=("pods",), namespace="gone"),)
    session = open_session(_context(), _run(fake_kubeconfig, rights=rights))
    role = fake_cluster.get("clusterroles", "", f"aicr-validator-{RUN}")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    assert session.close() == ()


# --- residue ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/api/v1/namespaces", ".*/serviceaccounts", ".*/clusterroles", ".*/clusterrolebindings", ".*/roles",
     ".*/rolebindings", ".*/configmaps"],
)  # fmt: skip
@pytest.mark.parametrize("what", [{"status": 403, "reason": "Forbidden"}, {"cut": "after"}])
def test_a_preparation_that_fails_midway_leaves_nothing(
    fake_cluster: FakeCluster, fake_kubeconfig: str, path: str, what: Item
) -> None:
    fake_cluster.faults.add("POST", path, **what)
    try:
        session: Session | None = open_session(_context(), _run(fake_kubeconfig))
    except AicrError:
        session = None
    assert session is None or session.close() == ()
    assert session is None or "cut" in what
    assert _left(fake_cluster) == []


def test_an_interrupt_while_preparing_leaves_nothing(
    fake_cluster: FakeCluster, fake_kubeconfig: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(run: CheckRun, given: CheckRun) -> Iterable[Item]:
        yield from objects.rbac_objects(given.rights, "a", SPACE, labels=objects.labels(run))
        raise KeyboardInterrupt

    run = _run(fake_kubeconfig, rights=())
    monkeypatch.setattr("aicr_kube.checks.session.Session._account_questions", lambda self, run: [])
    monkeypatch.setattr(objects, "rights", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_session(_context(), run)
    assert _left(fake_cluster) == []


def test_what_cannot_be_removed_is_named(fake_cluster: FakeCluster, fake_kubeconfig: str) -> None:
    fake_cluster.faults.add("DELETE", ".*/configmaps/aicr-snapshot-.*", status=403, reason="Forbidden")  # fmt: skip
    session = open_session(_context(), _run(fake_kubeconfig))
    assert session.close() == (f"kubectl -n {SPACE} delete configmaps aicr-snapshot-{RUN}",)
    assert _left(fake_cluster) == [f"configmaps/aicr-snapshot-{RUN}"]


def test_keep_leaves_everything_and_says_how_to_remove_it(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    fake_cluster.add(node("n1"))
    ctx = _context()
    with Controllers(fake_cluster):
        session = open_session(ctx, _run(fake_kubeconfig, keep=True))
        session.run(ctx, CHECK, ENTRY)
        commands = session.close()
    left = [name for name in _left(fake_cluster) if not name.startswith("pods/")]
    assert len(commands) == len(left) == 8
    for name in left:
        plural, _, called = name.partition("/")
        assert any(f" delete {plural}" in line and line.endswith(f" {called}") for line in commands)


def test_somebody_elses_object_of_our_name_stays(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    fake_cluster.add({"apiVersion": "v1", "kind": "ConfigMap",
                      "metadata": {"name": f"aicr-recipe-{RUN}", "namespace": SPACE}})  # fmt: skip
    with pytest.raises(AicrError) as caught:
        open_session(_context(), _run(fake_kubeconfig))
    assert f"aicr-recipe-{RUN}" in str(caught.value)
    assert _left(fake_cluster) == [f"configmaps/aicr-recipe-{RUN}"]


def test_a_check_that_is_stopped_keeps_its_rights_until_it_has_ended(
    fake_cluster: FakeCluster, fake_kubeconfig: str
) -> None:
    """Its clean-up needs the service account: that goes last, after the pod."""
    item = _play(fake_cluster, fake_kubeconfig, fate=lambda pod: Fate("hang"))
    assert item.status == "other"
    lines = fake_cluster.asked()
    account = next(i for i, line in enumerate(lines) if line.startswith("DELETE") and "serviceaccounts" in line)  # fmt: skip
    job = next(i for i, line in enumerate(lines) if line.startswith("DELETE") and "/jobs/" in line)
    looks = [i for i, line in enumerate(lines) if line.startswith("GET") and line.split("?")[0].endswith("/pods")]  # fmt: skip
    assert any(job < i < account for i in looks)


@pytest.mark.parametrize("value", [None, 7, "x", [], [None], {"status": []}])
def test_a_strange_pod_is_no_traceback(value: object) -> None:
    pod = {"metadata": {"name": "p"}, "status": {"containerStatuses": value}}
    assert outcome.of_pod(pod) is None
