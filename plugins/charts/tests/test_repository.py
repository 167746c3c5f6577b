"""Charts over http: index, digest, credentials for one host alone, and servers that misbehave."""

from __future__ import annotations

import os
import pathlib
import time
from typing import Any

import pytest
from aicr_charts.cache import Cache
from aicr_charts.finding import find
from aicr_charts.index import versions
from aicr_charts.repository import HOSTS, PASSWORD, USERNAME, fetch_chart
from chart_lab import Repository, chart_context, serving, small_chart
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.api import AicrError, ChartWanted, Code, Context, Settings, to_yaml
from aicr_core.kit.http import Page

DATA = small_chart("engine", "1.2.3")
ACCOUNT = {USERNAME: "ann", PASSWORD: "s3cret"}


def wanted(repository: Repository, version: str = "1.2.3", path: str = "") -> ChartWanted:
    return ChartWanted(name="engine", repository=repository.url + path, version=version)


def refused(ctx: Any, chart: ChartWanted) -> AicrError:
    with pytest.raises(AicrError) as caught:
        find(ctx, chart)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("version", ["1.2.3", "v1.2.3"])
@pytest.mark.parametrize("base", ["", "./", "absolute"])
def test_fetched_once(
    tmp_path: pathlib.Path, repository: Repository, version: str, base: str
) -> None:
    repository.add("engine", "1.2.3", DATA)
    repository.base = f"{repository.url}/" if base == "absolute" else base
    chart = wanted(repository, version, path="/")
    assert find(chart_context(tmp_path), chart).data == DATA
    asked = len(repository.seen)
    assert find(chart_context(tmp_path), chart).data == DATA
    assert len(repository.seen) == asked, "the cache was not asked first"
    assert find(chart_context(tmp_path, offline=True), chart).data == DATA


def test_offline_never_connects(tmp_path: pathlib.Path, repository: Repository) -> None:
    repository.add("engine", "1.2.3", DATA)
    assert refused(chart_context(tmp_path, offline=True), wanted(repository)).code is Code.NOT_FOUND
    assert repository.seen == []


def test_credentials_go_to_the_repository_alone(
    tmp_path: pathlib.Path, repository: Repository
) -> None:
    repository.account = "ann:s3cret"
    repository.add("engine", "1.2.3", DATA)
    found = refused(chart_context(tmp_path), wanted(repository))
    assert found.code is Code.UNAUTHORIZED
    assert USERNAME in (found.hint or "")
    assert find(chart_context(tmp_path, env=ACCOUNT), wanted(repository)).data == DATA
    told = [bool(header) for _, header in repository.seen[1:]]
    assert told == [False, True, True], "only who asks is told"


def test_who_does_not_ask_is_not_told(tmp_path: pathlib.Path, repository: Repository) -> None:
    """A recipe names many repositories; the password is for one of them."""
    repository.add("engine", "1.2.3", DATA)
    assert find(chart_context(tmp_path, env=ACCOUNT), wanted(repository)).data == DATA
    assert {header for _, header in repository.seen} == {""}


def test_hosts_that_are_not_named_are_not_told(
    tmp_path: pathlib.Path, repository: Repository
) -> None:
    repository.account = "ann:s3cret"
    repository.add("engine", "1.2.3", DATA)
    env = {**ACCOUNT, HOSTS: "charts.example.com, other.example"}
    found = refused(chart_context(tmp_path, env=env), wanted(repository))
    assert (found.code, found.hint) == (Code.UNAUTHORIZED, f"{HOSTS} does not name 127.0.0.1")
    assert {header for _, header in repository.seen} == {""}
    env[HOSTS] = "127.0.0.1"
    assert find(chart_context(tmp_path, env=env), wanted(repository)).data == DATA


def test_nobody_is_told_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []

    def answer(url: str, limit: int, *, secrets: dict[str, str], **_: Any) -> Any:
        told.append(secrets)
        raise AicrError(Code.UNAUTHORIZED, "the server answers 401", where=url)

    monkeypatch.setattr("aicr_charts.repository.fetch", answer)
    ctx = Context(settings=Settings.from_env(ACCOUNT))
    for url, times in (("http://charts.example.com", 1), ("https://charts.example.com", 2)):
        told.clear()
        with pytest.raises(AicrError) as caught:
            fetch_chart(ctx, ChartWanted(name="engine", repository=url, version="1"))
        assert [bool(secrets) for secrets in told] == [False, True][:times]
        assert "s3cret" not in str(caught.value)


def test_a_package_is_not_less_safe_than_its_index(monkeypatch: pytest.MonkeyPatch) -> None:
    index = b"entries:\n  engine:\n  - version: 1.0.0\n    urls: ['http://charts.example.com/engine.tgz']\n"
    monkeypatch.setattr("aicr_charts.repository.fetch", lambda *_a, **_k: Page(index, "", ""))
    chart = ChartWanted(name="engine", repository="https://charts.example.com", version="1.0.0")
    with pytest.raises(AicrError, match="less safe"):
        fetch_chart(Context(settings=Settings.from_env({})), chart)


@pytest.mark.parametrize("how", ["url", "redirect"])
def test_another_host_sees_no_credentials(
    tmp_path: pathlib.Path, repository: Repository, how: str
) -> None:
    repository.account = "ann:s3cret"
    repository.add("engine", "1.2.3", DATA)
    with serving() as other:
        other.add("engine", "1.2.3", DATA)
        if how == "url":
            repository.base = f"{other.url}/"
        else:
            repository.redirect["engine-1.2.3.tgz"] = f"{other.url}/engine-1.2.3.tgz"
        assert find(chart_context(tmp_path, env=ACCOUNT), wanted(repository)).data == DATA
        assert [header for _, header in other.seen] == [""]


def test_a_redirection_on_the_same_host_keeps_them(
    tmp_path: pathlib.Path, repository: Repository
) -> None:
    repository.account = "ann:s3cret"
    repository.add("engine", "1.2.3", DATA)
    repository.redirect["moved/index.yaml"] = "/index.yaml"
    repository.base = f"{repository.url}/"
    found = find(chart_context(tmp_path, env=ACCOUNT), wanted(repository, path="/moved"))
    assert found.data == DATA


@pytest.mark.parametrize("how", ["file", "folder", "link"])
def test_a_cache_that_others_can_write_is_none(
    tmp_path: pathlib.Path, repository: Repository, how: str
) -> None:
    """Another user could put a chart there, and its digest beside it."""
    repository.add("engine", "1.2.3", DATA)
    ctx = chart_context(tmp_path)
    find(ctx, wanted(repository))
    cache = Cache.of(ctx.settings)
    path = pathlib.Path(cache.path(wanted(repository)))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert cache.get(wanted(repository)) == DATA
    if how == "link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        (path if how == "file" else path.parent).chmod(0o777)
    assert cache.get(wanted(repository)) is None


def test_a_pipe_in_the_cache_holds_nobody(tmp_path: pathlib.Path, repository: Repository) -> None:
    cache = Cache.of(chart_context(tmp_path).settings)
    path = pathlib.Path(cache.path(wanted(repository)))
    path.parent.mkdir(parents=True, mode=0o700)
    os.mkfifo(path)
    assert cache.get(wanted(repository)) is None


@pytest.mark.parametrize("path", ["index.yaml", "engine-1.2.3.tgz"])
@pytest.mark.parametrize(
    ("status", "code"),
    [(401, Code.UNAUTHORIZED), (403, Code.UNAUTHORIZED), (404, Code.NOT_FOUND),
     (429, Code.RATE_LIMIT_EXCEEDED), (500, Code.SERVICE_UNAVAILABLE), (204, Code.SERVICE_UNAVAILABLE)],
)  # fmt: skip
def test_answers(
    tmp_path: pathlib.Path, repository: Repository, path: str, status: int, code: Code
) -> None:
    repository.add("engine", "1.2.3", DATA)
    repository.status[path] = status
    found = refused(chart_context(tmp_path), wanted(repository))
    assert found.code is code
    assert path in (found.where or "")
    assert Cache(str(tmp_path / "cache/aicr/charts")).get(wanted(repository)) is None


@pytest.mark.parametrize("path", ["index.yaml", "engine-1.2.3.tgz"])
def test_cut_bodies(tmp_path: pathlib.Path, repository: Repository, path: str) -> None:
    repository.add("engine", "1.2.3", DATA)
    repository.cut.add(path)
    assert refused(chart_context(tmp_path), wanted(repository)).code is Code.SERVICE_UNAVAILABLE


def test_the_wrong_digest(tmp_path: pathlib.Path, repository: Repository) -> None:
    repository.add("engine", "1.2.3", DATA)
    repository.digests = False
    found = refused(chart_context(tmp_path), wanted(repository))
    assert found.code is Code.UNAUTHORIZED
    assert "digest" in found.message


def test_another_chart_than_asked_for(tmp_path: pathlib.Path, repository: Repository) -> None:
    repository.add("engine", "1.2.3", small_chart("engine", "6.6.6"))
    assert "engine 6.6.6" in refused(chart_context(tmp_path), wanted(repository)).message


def test_unknown_names_and_versions(tmp_path: pathlib.Path, repository: Repository) -> None:
    repository.add("engines", "1.2.3", DATA)
    found = refused(chart_context(tmp_path), wanted(repository))
    assert (found.code, found.hint) == (Code.NOT_FOUND, 'did you mean "engines"?')
    repository.add("engine", "1.2.30", DATA)
    found = refused(chart_context(tmp_path), wanted(repository))
    assert "no version 1.2.3" in found.message


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x.example/c.tgz", "oci://x.example/c"]
)
def test_addresses_that_are_not_http(
    tmp_path: pathlib.Path, repository: Repository, url: str
) -> None:
    repository.index = f"entries:\n  engine:\n  - version: 1.2.3\n    urls: ['{url}']\n"
    assert refused(chart_context(tmp_path), wanted(repository)).code is Code.SERVICE_UNAVAILABLE


def test_nobody_listens_and_other_schemes(tmp_path: pathlib.Path) -> None:
    gone = ChartWanted(name="x", repository="http://127.0.0.1:1", version="1.0.0")
    assert refused(chart_context(tmp_path), gone).code is Code.SERVICE_UNAVAILABLE
    for address in ("ftp://x.example", "", "charts"):
        other = ChartWanted(name="x", repository=address, version="1.0.0")
        assert refused(chart_context(tmp_path), other).code is Code.INVALID_REQUEST


# --- the index ------------------------------------------------------------------------------------------

BLOCK = """\
apiVersion: v1
entries:
  engine-extra:
  - version: 1.2.3
    urls: [wrong.tgz]
  engine:
  - annotations:
      note: |
        version: 1.2.3
    version: 1.2.2
    urls: [wrong.tgz]
  - name: engine
    urls:
    - right.tgz
    version: "1.2.3"
  - version: v1.2.3
    urls: [also.tgz]
generated: "2026-01-01T00:00:00Z"
"""
STYLES = {
    "block": BLOCK,
    "indented": "entries:\n    engine:\n        - version: v1.2.3\n          urls:\n              - right.tgz\n",
    "flow": 'entries: {engine: [{version: 1.2.3, urls: ["right.tgz"]}]}',
    "json": '{"entries": {"engine": [{"version": "1.2.3", "urls": ["right.tgz"]}]}}',
    "quoted": 'entries:\n  "engine":\n  - version: 1.2.3\n    urls: [right.tgz]\n',
}


@pytest.mark.parametrize("style", STYLES)
def test_styles_of_an_index(style: str) -> None:
    found = versions(STYLES[style], "engine", "1.2.3", "index.yaml")
    assert ["right.tgz"] in [entry["urls"] for entry in found if "1.2.3" in entry["version"]]


def test_the_exact_version_counts_more(tmp_path: pathlib.Path, repository: Repository) -> None:
    repository.index = BLOCK.replace("right", "engine-1.2.3").replace("also", "nowhere")
    repository.add("engine", "1.2.3", DATA)
    assert find(chart_context(tmp_path), wanted(repository)).data == DATA


@pytest.mark.parametrize(
    "text",
    ["", "<html>no</html>", "[]", "entries: 7", "entries: {engine: 7}", "entries:\n  engine: [7]",
     "{", '{"entries": 7}', "entries:\n  engine:\n    version: 1.2.3\n", "\x00\xff", "entries: *x"],
)  # fmt: skip
def test_what_is_no_index(text: str) -> None:
    with pytest.raises(AicrError) as caught:
        versions(text, "engine", "1.2.3", "index.yaml")
    assert caught.value.code in (Code.INVALID_REQUEST, Code.NOT_FOUND)


NAMES = st.sampled_from(("engine", "engine-x", "a", "entries", "v1", "version"))
VERSIONS = st.sampled_from(("1.2.3", "v1.2.3", "1.2.30", "11.2.3", "1.2.3-rc.1"))
EXTRA = st.dictionaries(
    st.sampled_from(("description", "home", "annotations")),
    st.sampled_from(
        (
            "x",
            "- version: 1.2.3",
            "a\n  version: 1.2.3\nb",
            "",
            "engine:",
            {"version": "1.2.3"},
            ["1.2.3"],
        )
    ),
)
INDEXES = st.dictionaries(
    NAMES,
    st.lists(
        st.builds(lambda v, e: {**e, "urls": ["u"], "version": v}, VERSIONS, EXTRA),
        min_size=1,
        max_size=4,
    ),
)


@given(INDEXES, st.booleans(), st.sampled_from(("1.2.3", "v1.2.3")))
def test_cutting_an_index_finds_what_parsing_it_finds(index: Any, wide: bool, version: str) -> None:
    text = to_yaml(
        {"apiVersion": "v1", "entries": index, "generated": "x"}, indent=4 if wide else 2
    )
    wanted = [e for e in index.get("engine", ()) if e["version"] in ("1.2.3", "v1.2.3")]
    try:
        found = versions(text, "engine", version, "index.yaml")
    except AicrError as error:
        assert error.code is Code.NOT_FOUND
        assert "engine" not in index
    else:
        # More than those that are wanted may be parsed; the version itself is compared afterwards.
        assert [e for e in found if e["version"] in ("1.2.3", "v1.2.3")] == wanted
        assert all(entry in index["engine"] for entry in found)


def test_a_large_index_is_read_quickly() -> None:
    """As large as public ones get: 20,000 versions, 10 MB."""
    one = (
        "  - version: 1.0.{n}\n    urls: [c{n}.tgz]\n"
        + "    description: |\n"
        + "      some words\n" * 25
    )
    charts = "".join(
        f"  chart{c}:\n" + "".join(one.replace("{n}", str(n)) for n in range(500))
        for c in range(40)
    )
    text = f"apiVersion: v1\nentries:\n{charts}"
    start = time.process_time()
    found = versions(text, "chart33", "1.0.499", "index.yaml")
    assert [entry["urls"] for entry in found] == [["c499.tgz"]]
    with pytest.raises(AicrError):
        versions(text, "chart99", "1.0.0", "index.yaml")
    assert time.process_time() - start < 2
