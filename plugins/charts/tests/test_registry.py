"""Charts of an OCI registry: a real one on the loopback, which Helm's library fills."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from aicr_charts import engines
from aicr_charts.finding import find
from aicr_charts.registry import _told
from chart_lab import chart_context, serving, small_chart
from registry import registry

from aicr_core.api import AicrError, ChartWanted, Code, Context

DATA = small_chart("engine", "1.2.3")


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that holds the chart; gives ``oci://HOST/charts``."""
    helm_python = pytest.importorskip("helm_python")
    folder = tmp_path_factory.mktemp("registry")
    package = folder / "engine-1.2.3.tgz"
    package.write_bytes(DATA)
    with registry(folder / "served") as host, helm_python.RegistryClient(plain_http=True) as client:
        client.push(str(package), f"oci://{host}/charts", plain_http=True)
        yield f"oci://{host}/charts"


@pytest.fixture(params=["library", "executable"])
def ctx(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Context:
    if request.param == "library":
        return chart_context(tmp_path, plain_http=True)
    path = str(request.getfixturevalue("helm_folder"))
    patch = request.getfixturevalue("monkeypatch")
    patch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    return chart_context(tmp_path, env={"PATH": path}, plain_http=True)


def test_pulled_once(charts: str, ctx: Context, tmp_path: pathlib.Path) -> None:
    chart = ChartWanted(name="engine", repository=charts, version="1.2.3")
    assert find(ctx, chart).data == DATA
    assert find(chart_context(tmp_path, offline=True), chart).data == DATA


@pytest.mark.parametrize(("name", "version"), [("engine", "9.9.9"), ("nosuch", "1.2.3")])
def test_a_chart_that_is_not_there(charts: str, ctx: Context, name: str, version: str) -> None:
    with pytest.raises(AicrError) as caught:
        find(ctx, ChartWanted(name=name, repository=charts, version=version))
    assert caught.value.code is Code.NOT_FOUND, caught.value
    assert "\n" not in str(caught.value)


def test_nobody_listens(ctx: Context) -> None:
    with pytest.raises(AicrError) as caught:
        find(ctx, ChartWanted(name="x", repository="oci://127.0.0.1:1/c", version="1.0.0"))
    assert caught.value.code is Code.SERVICE_UNAVAILABLE


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, Code.UNAUTHORIZED), (403, Code.UNAUTHORIZED), (404, Code.NOT_FOUND)],
)
def test_a_registry_that_refuses(tmp_path: pathlib.Path, status: int, code: Code) -> None:
    pytest.importorskip("helm_python")
    with serving() as server:
        server.status["v2/c/engine/manifests/1.2.3"] = status
        address = server.url.replace("http://", "oci://") + "/c"
        wanted = ChartWanted(name="engine", repository=address, version="1.2.3")
        with pytest.raises(AicrError) as caught:
            find(chart_context(tmp_path, plain_http=True), wanted)
        assert caught.value.code is code


def test_a_package_that_was_changed_in_the_registry(tmp_path: pathlib.Path) -> None:
    helm_python = pytest.importorskip("helm_python")
    package = tmp_path / "engine-1.2.3.tgz"
    package.write_bytes(DATA)
    served = tmp_path / "served"
    with registry(served) as host, helm_python.RegistryClient(plain_http=True) as client:
        client.push(str(package), f"oci://{host}/c", plain_http=True)
        (blob,) = [p for p in served.rglob("data") if p.is_file() and p.read_bytes() == DATA]
        blob.write_bytes(DATA[:-1] + b"x")
        wanted = ChartWanted(name="engine", repository=f"oci://{host}/c", version="1.2.3")
        with pytest.raises(AicrError) as caught:
            find(chart_context(tmp_path, plain_http=True), wanted)
        assert caught.value.code is Code.UNAUTHORIZED
        assert "digest" in caught.value.message


@pytest.mark.parametrize(
    ("text", "code"),
    [("failed to authorize: 401 Unauthorized", Code.UNAUTHORIZED), ("denied: no", Code.UNAUTHORIZED),
     ("unexpected status 429 Too Many Requests", Code.RATE_LIMIT_EXCEEDED),
     ("ghcr.io/x:1.0.429: not found", Code.NOT_FOUND), ("context deadline exceeded", Code.TIMEOUT),
     ("response status code 500", Code.SERVICE_UNAVAILABLE)],
)  # fmt: skip
def test_words_of_the_client(text: str, code: Code) -> None:
    found = _told(f"the chart does not render: {text}", "oci://x")
    assert (found.code, found.message) == (code, f"cannot pull the chart: {text}")
