"""accelerator-metrics and ai-service-metrics: what counts as a metric, and every way in which there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aicr_validators import accelerator_metrics, ai_service_metrics, exposition
from check_support import Lab, lab_as
from emulated_cluster import ACCELERATED, FakeCluster

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    import pathlib

    Item = dict[str, Any]

GOOD = "".join(f'{name}{{gpu="0"}} 1\n' for name in accelerator_metrics.REQUIRED)
CUSTOM = "/apis/custom.metrics.k8s.io/v1beta1"
RECIPE = {"componentRefs": [{"name": "kube-prometheus-stack", "namespace": "monitoring"}]}


@pytest.fixture
def served(fake_cluster: FakeCluster) -> FakeCluster:
    fake_cluster.serve(*ACCELERATED)
    return fake_cluster


# --- the text format ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "a 1", "a{} 1", 'a{b="c"} 1', 'a{b="c",} 1', 'a { b = "c" , d = "e" } 1.5 1700000000000',
        "a NaN", "a +Inf", "a -inf", "a 1e-5", "a .5", "a 5.", r'a{b="\"}\\"} 2', 'a{b="# {x}"} 3',
        'a_total 1 # {trace="x"} 0.5 1.1', "a:b:c\t1", 'a{b=""} 0', "a 1\r",
    ],
)  # fmt: skip
def test_a_sample_counts(line: str) -> None:
    found = exposition.parse(line + "\n")
    assert (found.bad_line, sum(found.counts.values())) == (0, 1)


@pytest.mark.parametrize(
    "line",
    [
        "a", "a b", "1a 1", 'a{b="c} 1', 'a{b=c} 1', 'a{b="c"', "a 1 2 3", "<html>", "a 1_0", 'a{b="c""d"} 1',
        'a{b="c" d="e"} 1', "\x00\x01\x7fELF", "a 1 # x", "{} 1", 'a{,} 1',
    ],
)  # fmt: skip
def test_anything_else_is_a_bad_line(line: str) -> None:
    found = exposition.parse(f"# HELP a b\n\n{line}\n")
    assert (found.bad_line, found.bad_text) == (3, line)


def test_comments_are_no_samples() -> None:
    found = exposition.parse("# HELP DCGM_FI_DEV_GPU_UTIL x\n  # DCGM_FI_DEV_GPU_UTIL 1\n\n")
    assert (found.bad_line, found.counts) == (0, {})


def test_a_line_that_the_limit_cut_is_left_out() -> None:
    text = ("a 1\n" * (exposition.LIMIT // 4 + 1))[: exposition.LIMIT - 2] + "b{"
    found = exposition.parse(text)
    assert (found.cut, found.bad_line, set(found.counts)) == (True, 0, {"a"})


def test_a_hostile_line_is_one_bad_line() -> None:
    found = exposition.parse("a{" + 'b="c" ' * 20000 + "\n")
    assert found.bad_line == 1


# --- accelerator-metrics --------------------------------------------------------------------------


def exporter(fake: FakeCluster, answer: Any) -> None:
    fake.backends.add("gpu-operator", "nvidia-dcgm-exporter", 9400, {"/metrics": answer})


def accelerator(lab: Lab) -> Any:
    return accelerator_metrics.check(lab.ctx, lab.target)


def test_samples_of_all_metrics_pass_with_exactly_the_declared_rights(
    served: FakeCluster, tmp_path: pathlib.Path
) -> None:
    exporter(served, GOOD)
    with lab_as(served, tmp_path, accelerator_metrics.rights({})) as lab:
        assert accelerator(lab).status == "passed"
        assert "FOUND (1 samples)" in lab.evidence


def test_a_metric_that_is_only_described_is_missing(served: FakeCluster, lab: Lab) -> None:
    exporter(served, GOOD.replace("DCGM_FI_DEV_FB_USED", "# TYPE DCGM_FI_DEV_FB_USED"))
    result = accelerator(lab)
    assert (result.status, result.code, result.reason) == (
        "failed", Code.NOT_FOUND, "MetricsMissing",
    )  # fmt: skip
    assert "DCGM_FI_DEV_FB_USED" in result.message
    assert "GPU_UTIL" not in result.message
    assert "DCGM_FI_DEV_FB_USED            MISSING" in lab.evidence
    assert result.remediation


def test_the_beginning_of_a_longer_name_does_not_count(served: FakeCluster, lab: Lab) -> None:
    exporter(served, GOOD.replace("DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_USED_PERCENT"))
    assert accelerator(lab).reason == "MetricsMissing"


@pytest.mark.parametrize("body", ["<html>sign in</html>", "\x00\x01", GOOD + "oops\n"])
def test_a_malformed_body_fails(served: FakeCluster, lab: Lab, body: str) -> None:
    exporter(served, body)
    result = accelerator(lab)
    assert (result.status, result.code, result.reason) == (
        "failed", Code.INTERNAL, "MalformedMetrics",
    )  # fmt: skip
    assert "line" in result.message


def test_an_empty_body_lacks_every_metric(served: FakeCluster, lab: Lab) -> None:
    exporter(served, "")
    assert all(name in accelerator(lab).message for name in accelerator_metrics.REQUIRED)


def test_of_a_huge_body_it_is_said_that_only_a_part_was_read(served: FakeCluster, lab: Lab) -> None:
    exporter(served, 'a{b="c"} 1\n' * 100_000 + GOOD)
    result = accelerator(lab)
    assert (result.reason, "1048576" in result.message) == ("MetricsMissing", True)


def test_an_exporter_that_is_not_there_is_unavailable(served: FakeCluster, lab: Lab) -> None:
    result = accelerator(lab)
    assert (result.code, result.reason) == (Code.SERVICE_UNAVAILABLE, "ExporterUnreachable")
    assert "HTTP 404" in result.message
    assert "nvidia-dcgm-exporter.gpu-operator.svc:9400" in result.message


def test_a_missing_right_is_not_called_unreachable(
    served: FakeCluster, tmp_path: pathlib.Path
) -> None:
    exporter(served, GOOD)
    with lab_as(served, tmp_path, ()) as lab, pytest.raises(AicrError) as raised:
        accelerator(lab)
    assert raised.value.code is Code.UNAUTHORIZED


# --- ai-service-metrics ---------------------------------------------------------------------------


def prometheus(
    fake: FakeCluster, *answers: Any, labels: Item | None = None, port: int = 9090
) -> None:
    fake.add({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "prom", "namespace": "monitoring",
                     "labels": labels or {"app.kubernetes.io/name": "prometheus"}},
        "spec": {"ports": [{"port": port}]},
    })  # fmt: skip
    if answers:
        fake.backends.add("monitoring", "prom", port, {"/api/v1/query": list(answers)})


def vector(*values: str) -> Item:
    result = [{"metric": {}, "value": [1, value]} for value in values]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@pytest.fixture
def service(served: FakeCluster, lab: Lab) -> Lab:
    lab.target.recipe = RECIPE
    served.raw.put(CUSTOM, {"groupVersion": "custom.metrics.k8s.io/v1beta1",
                            "resources": [{"name": "pods/gpu_utilization", "namespaced": True}]})  # fmt: skip
    return lab


def ask(lab: Lab) -> Any:
    return ai_service_metrics.check(lab.ctx, lab.target)


def test_series_and_the_api_pass_with_exactly_the_declared_rights(
    served: FakeCluster, tmp_path: pathlib.Path
) -> None:
    prometheus(served, vector(), vector("5", "6"))
    served.raw.put(CUSTOM, {"resources": None})
    rights = list(ai_service_metrics.rights(RECIPE))
    with lab_as(served, tmp_path, rights, recipe=RECIPE) as lab:
        result = ask(lab)
        assert (result.status, "2 series" in result.message) == ("passed", True)


def test_no_series_in_time_is_a_failure(service: Lab) -> None:
    prometheus(service.fake, vector())
    result = ask(service)
    assert (result.code, result.reason) == (Code.NOT_FOUND, "NoSeries")
    assert "monitoring/prom" in result.message
    assert len([line for line in service.fake.asked("GET") if "proxy" in line]) > 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("<html>", "<html>"), ([1, 2], "[1, 2]"), ({"status": "success"}, "success"),
        ({"status": "error", "error": "bad query"}, "bad query"), ({"status": "success", "data": 1}, "data"),
        ("", "''"), ("[" * 5000, "[[["),
    ],
)  # fmt: skip
def test_a_strange_answer_is_a_failure(service: Lab, answer: Any, said: str) -> None:
    prometheus(service.fake, {"_body": answer} if not isinstance(answer, str) else answer)
    result = ask(service)
    assert (result.status, result.code, result.reason) == (
        "failed", Code.INTERNAL, "PrometheusAnswer",
    )  # fmt: skip
    assert said in result.message


def test_of_thousands_of_series_the_number_is_asked_for(service: Lab) -> None:
    big = vector(*["5" * 200] * 5000)
    prometheus(service.fake, big, vector("5000"))
    result = ask(service)
    assert (result.status, "5000 series" in result.message) == ("passed", True)
    queries = [request.query.get("query") for request in service.fake.requests]
    assert queries.count("count(DCGM_FI_DEV_GPU_UTIL)") == 1


@pytest.mark.parametrize("counted", [vector(), vector("x"), vector("inf")])
def test_a_count_that_is_none_counts_as_no_series(service: Lab, counted: Item) -> None:
    prometheus(service.fake, *[vector(*["5" * 200] * 5000), counted] * 40)
    assert ask(service).reason == "NoSeries"


def test_a_service_with_another_port_is_not_prometheus(service: Lab) -> None:
    prometheus(service.fake, vector("1"), port=9091)
    result = ask(service)
    assert (result.code, result.reason) == (Code.NOT_FOUND, "PrometheusNotFound")
    assert result.remediation


@pytest.mark.parametrize("refs", [None, [], [{"name": "kube-prometheus-stack"}], [7], "x"])
def test_without_the_component_no_right_is_asked_for(refs: Any) -> None:
    assert list(ai_service_metrics.rights({"componentRefs": refs})) == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("no json", Code.INTERNAL), ([1], Code.INTERNAL), ({"_code": 503, "_text": "down"}, Code.NOT_FOUND),
        ({"_code": 500, "_text": "boom"}, Code.NOT_FOUND),
    ],
)  # fmt: skip
def test_a_custom_metrics_api_that_does_not_work_fails(
    service: Lab, answer: Any, code: Code
) -> None:
    prometheus(service.fake, vector("1"))
    service.fake.raw.put(CUSTOM, {"_body": answer} if isinstance(answer, list) else answer)
    result = ask(service)
    assert (result.code, result.reason) == (code, "CustomMetricsNotAvailable")
    assert "prometheus-adapter" in result.remediation


def test_a_missing_right_to_prometheus_is_not_called_unreachable(
    served: FakeCluster, tmp_path: pathlib.Path
) -> None:
    prometheus(served, vector("1"))
    rights = [
        right for right in ai_service_metrics.rights(RECIPE) if right.resources == ("services",)
    ]
    with lab_as(served, tmp_path, rights, recipe=RECIPE) as lab, pytest.raises(AicrError) as raised:
        ask(lab)
    assert raised.value.code is Code.UNAUTHORIZED
