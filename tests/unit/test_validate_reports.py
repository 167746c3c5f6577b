"""What ``aicr validate`` leaves: every report that can be written, what is left in the cluster, one status for all."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
from validation_lab import Place, place

__all__ = ["place"]

WRITERS = """
def boom(report):
    raise ValueError("no ink\\nat all")

@api.hookimpl
def aicr_report_writers():
    yield api.ReportWriter(name="boom", suffix=".txt", write=boom)
    yield api.ReportWriter(name="nothing", suffix=".txt", write=lambda report: None)
"""


@pytest.fixture
def inkless(place: Place) -> Place:
    """A place whose plugin brings writers of reports that fail."""
    place.hooks(WRITERS, "aicr_report_writers")
    return place


def test_a_writer_that_fails_keeps_no_other_report_from_being_written(inkless: Place) -> None:
    inkless.recipe("good")
    words = ["-o", "r.json", "--report", "boom=a.txt", "--report", "nothing=b.txt", "--report", "junit=c.xml"]  # fmt: skip
    status, _, err = inkless.run("--phase", "deployment", *words)
    assert status == 8
    assert "report boom: ValueError: no ink\\nat all (plugin widgets)" in err
    assert "report nothing: it gave NoneType, no text (plugin widgets)" in err
    assert "defect of aicr" not in err
    assert json.loads((inkless.folder / "r.json").read_text())["results"]["summary"]["passed"] == 1
    assert (inkless.folder / "c.xml").exists()
    assert not (inkless.folder / "a.txt").exists()


def test_what_is_left_in_the_cluster_is_told_whatever_cannot_be_written(inkless: Place) -> None:
    inkless.cluster.faults.add("DELETE", ".*/configmaps/made", status=500)
    inkless.recipe("maker")
    status, _, err = inkless.run("--phase", "deployment", "-t", "boom", "-o", "a.txt")
    assert status == 8
    assert "kubectl delete configmaps made -n made-here --kubeconfig " in err
    assert "no ink" in err
    assert "1 of 1 did not pass: maker" in err


def test_a_report_that_a_store_refuses_is_kept_and_decides_the_status(place: Place) -> None:
    place.cluster.faults.add("PATCH", ".*/configmaps/report", status=403)
    place.recipe("good")
    words = ["--phase", "deployment", "-o", "cm://default/report", "--report", "junit=c.xml"]
    status, _, err = place.run(*words)
    assert status == 4, err
    kept = pathlib.Path(err.rpartition("the result was kept in ")[2].split()[0].rstrip(")"))
    assert json.loads(kept.read_text())["results"]["summary"]["passed"] == 1
    assert (place.folder / "c.xml").exists()
    # Of several things that went wrong the highest status counts; each is told.
    place.recipe("bad")
    status, _, err = place.run(*words)
    assert status == 8
    assert "the result was kept in " in err
    assert "1 of 1 did not pass: bad" in err


def test_evidence_that_cannot_be_written_hides_no_verdict(place: Place) -> None:
    place.recipe("bad")
    (place.folder / "pages").mkdir()
    (place.folder / "pages/index.md").mkdir()
    status, tests, err = place.run("--phase", "deployment", "--evidence-dir", "pages")
    assert (status, tests["bad"]["status"]) == (8, "failed")
    assert "index.md" in err
    assert "1 of 1 did not pass: bad" in err


def test_a_reader_that_has_gone_takes_no_verdict_along(place: Place) -> None:
    place.recipe("bad")
    read, write = os.pipe()
    os.close(read)
    words = ["-r", "recipe.yaml", "-s", "snapshot.yaml", "-k", place.kubeconfig, "-t", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "aicr_core", "validate", *words, "--report", "junit=c.xml"],
        stdout=write, stderr=subprocess.PIPE, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(place.folder / "site")},
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, (place.folder / "c.xml").exists()) == (8, True), done.stderr
    assert "did not pass: bad" in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-o", "a.xml", "--report", "junit=./a.xml"], "two reports go to one place"),
        (["-o", "a.xml", "--report", "junit=link.xml"], "two reports go to one place"),
        (["--report", "junit=sub/../a.xml", "--report", "json=a.xml"], "two reports"),
        (["-o", "recipe.yaml"], "recipe.yaml is what --recipe is read from"),
        (["-o", "./snapshot.yaml"], "--snapshot"),
        (["--report", "junit=to-snapshot"], "--snapshot"),
        (["-o", "kubeconfig"], "--kubeconfig"),
        (["-o", "w.yaml", "--waivers", "w.yaml"], "--waivers"),
    ],
)
def test_no_report_takes_the_place_of_another_or_of_an_input(
    place: Place, words: list[str], told: str
) -> None:
    """Whatever name the file goes by; and nothing has been asked of the cluster by then."""
    place.recipe("good")
    folder = place.folder
    (folder / "sub").mkdir()
    (folder / "link.xml").symlink_to("a.xml")
    (folder / "to-snapshot").symlink_to("snapshot.yaml")
    (folder / "w.yaml").write_text("waivers: []\n")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    status, _, err = place.run("--phase", "deployment", *words)
    assert status == 2
    assert told in err
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert not place.cluster.requests


def test_a_device_may_take_several_reports(place: Place) -> None:
    place.recipe("good")
    words = ["-o", "/dev/null", "--report", "junit=/dev/null", "--phase", "deployment"]
    assert place.run(*words)[0] == 0
