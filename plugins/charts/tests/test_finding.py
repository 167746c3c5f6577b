"""Charts in folders and in the cache: found under every name they may have, held to what they say they are."""

from __future__ import annotations

import io
import pathlib
import tarfile
from typing import Any

import pytest
from aicr_charts.archive import MAX_FILES, packaged, read_archive, write_archive
from aicr_charts.cache import Cache
from aicr_charts.finding import find
from aicr_charts.folders import folder_files
from chart_lab import chart_context, chart_files, small_chart

from aicr_core.api import AicrError, ChartWanted, Code

WANTED = ChartWanted(name="engine", repository="https://charts.example.com", version="v1.2.3")


def error(call: Any, *arguments: Any) -> AicrError:
    with pytest.raises(AicrError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return caught.value


def unpack(folder: pathlib.Path, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


@pytest.mark.parametrize("name", ["engine-1.2.3.tgz", "engine-v1.2.3.tgz"])
@pytest.mark.parametrize("version", ["1.2.3", "v1.2.3"])
def test_packages_with_and_without_v(tmp_path: pathlib.Path, name: str, version: str) -> None:
    data = write_archive("engine", chart_files())
    (tmp_path / name).write_bytes(data)
    ctx = chart_context(tmp_path, charts=(str(tmp_path),), offline=True)
    wanted = ChartWanted(name="engine", repository="oci://r.example.com/x", version=version)
    found = find(ctx, wanted)
    assert (found.name, found.version, found.data) == ("engine", "1.2.3", data)
    assert found.source == str(tmp_path / name)


@pytest.mark.parametrize("place", ["", "engine", "engine-1.2.3", "engine-v1.2.3"])
def test_unpacked_charts(tmp_path: pathlib.Path, place: str) -> None:
    unpack(tmp_path / "charts" / place, chart_files())
    ctx = chart_context(tmp_path, charts=(str(tmp_path / "charts"),), offline=True)
    found = find(ctx, WANTED)
    assert read_archive(found.data, "x") == chart_files()
    # The same bytes as the package made of the files: nothing of the disk's order, times or modes is in it.
    assert found.data == write_archive("engine", chart_files())


def test_the_first_folder_wins_and_an_alias_is_dropped(tmp_path: pathlib.Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "engine-1.2.3.tgz").write_bytes(
            small_chart("engine", "1.2.3", **{"values.yaml": f"x: {name}"})
        )
    folders = (str(tmp_path / "b"), str(tmp_path / "a"))
    ctx = chart_context(tmp_path, charts=folders, offline=True)
    wanted = ChartWanted(name="alias/engine", repository="https://e.example", version="1.2.3")
    assert find(ctx, wanted).source == str(tmp_path / "b/engine-1.2.3.tgz")


def test_offline_says_where_it_looked(tmp_path: pathlib.Path) -> None:
    unpack(tmp_path / "charts/engine", chart_files())
    ctx = chart_context(tmp_path, charts=(str(tmp_path / "charts"),), offline=True)
    other = ChartWanted(name="engine", repository="https://e.example", version="9.9.9")
    found = error(find, ctx, other)
    assert found.code is Code.NOT_FOUND
    assert str(tmp_path / "charts") in found.message
    assert "engine 9.9.9" in found.message
    missing = chart_context(tmp_path, charts=("/nowhere/charts",), offline=True)
    assert error(find, missing, WANTED).where == "/nowhere/charts"


def test_a_package_is_what_its_name_says(tmp_path: pathlib.Path) -> None:
    (tmp_path / "engine-1.2.3.tgz").write_bytes(small_chart("engine", "1.2.4"))
    ctx = chart_context(tmp_path, charts=(str(tmp_path),), offline=True)
    assert "engine 1.2.4" in error(find, ctx, WANTED).message


def test_helmignore(tmp_path: pathlib.Path) -> None:
    rules = "# rules\n*.bak\n/ci/\n!keep.bak\ntemplates/drop*\ntests/\n"
    names = ["a.bak", "keep.bak", "ci/x.yaml", "templates/drop1.yaml", "templates/t.yaml", "x/tests/y", "x/ci/z"]  # fmt: skip
    unpack(tmp_path, {".helmignore": rules.encode(), **dict.fromkeys(names, b"")})
    kept = {".helmignore", "keep.bak", "templates/t.yaml", "x/ci/z"}
    assert set(folder_files(str(tmp_path))) == kept


def test_cache_keeps_what_it_can_prove(tmp_path: pathlib.Path) -> None:
    cache = Cache(str(tmp_path / "cache/charts"))
    data = small_chart("engine", "1.2.3")
    assert cache.get(WANTED) is None
    cache.put(WANTED, data)
    assert cache.get(WANTED) == data
    path = pathlib.Path(cache.path(WANTED))
    assert [item.name for item in path.parent.iterdir()] == [path.name], "a temporary file is left"
    for damaged in (path.read_bytes()[:-1], b"", b"x" * 200):
        path.write_bytes(damaged)
        assert cache.get(WANTED) is None
    other = ChartWanted(name="engine", repository="https://other.example", version="v1.2.3")
    assert cache.path(other) != cache.path(WANTED)


def test_a_cache_that_cannot_be_written_is_none(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(str(tmp_path / "file/charts"))
    cache.put(WANTED, b"x")
    assert cache.get(WANTED) is None
    Cache("").put(WANTED, b"x")


def test_offline_takes_the_cache(tmp_path: pathlib.Path) -> None:
    data = small_chart("engine", "1.2.3")
    Cache(str(tmp_path / "cache/aicr/charts")).put(WANTED, data)
    assert find(chart_context(tmp_path, offline=True), WANTED).data == data


# --- hostile packages ---------------------------------------------------------------------------------


def tarball(*members: tuple[str, bytes | str]) -> bytes:
    """A ``bytes`` member is a file, a text a link to it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


ABOUT = ("c/Chart.yaml", b"name: c\nversion: 1.0.0\n")
HOSTILE = {
    "no gzip": b"hello",
    "empty": b"",
    "cut": tarball(ABOUT, ("c/x", b"x" * 5000))[:-200],
    "damaged": tarball(ABOUT)[:30] + b"\xff\xff" + tarball(ABOUT)[32:],
    "link": tarball(ABOUT, ("c/x", "/etc/passwd")),
    "dots": tarball(ABOUT, ("c/../../x", b"")),
    "absolute": tarball(ABOUT, ("/x", b"")),
    "backslash": tarball(ABOUT, ("c\\..\\x", b"")),
    "no chart": tarball(("c/values.yaml", b"")),
    "no name": tarball(("c/Chart.yaml", b"version: 1.0.0\n")),
    "no mapping": tarball(("c/Chart.yaml", b"- x\n")),
    "no yaml": tarball(("c/Chart.yaml", b"{{{\n")),
    "many": tarball(ABOUT, *((f"c/{n}", b"") for n in range(MAX_FILES))),
    "bomb": tarball(ABOUT, *((f"c/{n}", b"\0" * 2**22) for n in range(26))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_packages(name: str) -> None:
    assert error(packaged, HOSTILE[name], "x.tgz").code is Code.INVALID_REQUEST
