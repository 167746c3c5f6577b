"""Charts of somebody who wants our memory or our time: refused soon, in one line."""

from __future__ import annotations

import gzip
import io
import pathlib
import tarfile
import time
import tracemalloc

import pytest
from aicr_charts import facts
from aicr_charts.archive import MAX_UNPACKED, read_archive
from aicr_charts.documents import split
from aicr_charts.folders import folder_files

from aicr_core.api import AicrError, ChartFacts, PackagedChart
from aicr_core.kit.context import Context

ABOUT = b"name: c\nversion: 1.0.0\n"


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, data in files.items():
            entry = tarfile.TarInfo(f"c/{path}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), 9)


def described(files: dict[str, bytes]) -> ChartFacts:
    chart = PackagedChart(name="c", version="1.0.0", data=packed(files), source="x", sha256="")
    return facts.describe(Context(), chart)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_name_as_large_as_a_bomb(kind: bytes) -> None:
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = kind, 3 * MAX_UNPACKED
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as stream:
        stream.write(entry.tobuf(tarfile.GNU_FORMAT))
        for _ in range(3 * MAX_UNPACKED >> 20):
            stream.write(bytes(1 << 20))
    with pytest.raises(AicrError, match="unpacks to more than"):
        read_archive(buffer.getvalue(), "x")


def test_folders_without_end_count_too() -> None:
    entry = tarfile.TarInfo("c/")
    entry.type = tarfile.DIRTYPE
    data = gzip.compress(entry.tobuf() * (20_000), 1)
    with pytest.raises(AicrError, match="unpacks to more than"):
        read_archive(data, "x")


def test_bombs_in_a_chart_count_together() -> None:
    """Each of them alone may be: an archive of kilobytes would hold gigabytes at once."""
    bomb = packed({"Chart.yaml": ABOUT, "zero": bytes(40 << 20)})
    tracemalloc.start()
    with pytest.raises(AicrError, match="unpacks to more than"):
        described({"Chart.yaml": ABOUT, **{f"charts/s{n}.tgz": bomb for n in range(9)}})
    assert tracemalloc.get_traced_memory()[1] < 250 << 20
    tracemalloc.stop()


def test_aliases_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "MAX_CHARTS", 20)
    names = "".join(f"- {{name: c, alias: a{n}}}\n" for n in range(5))
    about = ABOUT + f"dependencies:\n{names}".encode()
    files = {"/".join(["charts/c"] * depth + ["Chart.yaml"]): about for depth in range(8)}
    with pytest.raises(AicrError, match="more than 20 others"):
        described(files)


def test_templates_of_blanks_take_no_time() -> None:
    started = time.process_time()
    described({
        "Chart.yaml": ABOUT, "templates/a": b"range" + b" " * 100_000, "templates/b": b"range " * 50_000,
        "templates/c": b"range a " * 50_000, "templates/d": b"with" + b"\n" * 100_000,
    })  # fmt: skip
    assert split("a: 1" + "\n" * 100_000 + "b: 1") != []
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "text",
    [
        "{{ range $k, $v := $.Values.some.map }}", "{{- range .Values.some.map }}", "{{ toYaml .Values.some.map | indent 2 }}",
        "{{ range  $k,  $v :=\n (.Values.some.map) }}", "{{ with $.Values.some.map -}}",
    ],
)  # fmt: skip
def test_values_that_are_taken_whole_are_still_seen(text: str) -> None:
    found = described({"Chart.yaml": ABOUT, "templates/a.yaml": text.encode()})
    assert found.open_values == ("some.map",)


def test_a_link_out_of_a_charts_folder_packs_nothing_of_ours(tmp_path: pathlib.Path) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_bytes(ABOUT)
    (chart / "values.yaml").symlink_to("Chart.yaml")
    assert folder_files(str(chart)) == {"Chart.yaml": ABOUT, "values.yaml": ABOUT}
    (tmp_path / "id_ed25519").write_text("secret")
    (chart / "templates/x").symlink_to("../../id_ed25519")
    with pytest.raises(AicrError, match="leads out of the chart"):
        folder_files(str(chart))
