"""Values that a bundle leaves open: from the stub in the bundle, or from a folder of the cluster's own."""

from __future__ import annotations

import pathlib
import shutil
from typing import Any

from fakes import SMALL, calls, run_script

OPEN = ("--dynamic", "first:clusterName", "--dynamic", "first:a.b", "--set", "first:a.b=7")


def _values_of_first(tmp_path: pathlib.Path, folder: pathlib.Path) -> list[str]:
    call = next(
        call for call in calls(tmp_path, folder) if call[0] == "helm" and call[3] == "first"
    )
    return [call[n + 1] for n, word in enumerate(call) if word == "-f"]


def test_the_stub_wins_over_the_values_and_readmes_show_it(
    make_bundle: Any, tmp_path: pathlib.Path
) -> None:
    folder = make_bundle(SMALL, *OPEN)
    assert "clusterName" not in (folder / "first/values.yaml").read_text("utf-8")
    assert 'clusterName: ""' in (folder / "first/cluster-values.yaml").read_text("utf-8")
    assert "b: 7" in (folder / "first/cluster-values.yaml").read_text("utf-8")
    assert run_script(folder / "deploy.sh", [], tmp_path, {}).returncode == 0
    files = ["$BUNDLE/first/values.yaml", "$BUNDLE/first/cluster-values.yaml"]
    assert _values_of_first(tmp_path, folder) == files
    assert "-f first/values.yaml -f first/cluster-values.yaml" in (folder / "README.md").read_text()


def test_a_folder_of_the_cluster_leaves_the_bundle_as_it_is(
    make_bundle: Any, tmp_path: pathlib.Path
) -> None:
    folder = make_bundle(SMALL, *OPEN)
    own = tmp_path / "my cluster"
    own.mkdir()
    done = run_script(folder / "deploy.sh", ["--cluster-values", str(own)], tmp_path, {})
    assert done.returncode == 1
    assert f"{own}/first.yaml is not there" in done.stderr
    assert calls(tmp_path, folder) == []
    shutil.copy(folder / "first/cluster-values.yaml", own / "first.yaml")
    done = run_script(folder / "deploy.sh", ["--cluster-values", str(own)], tmp_path, {})
    assert done.returncode == 0, done.stderr
    assert _values_of_first(tmp_path, folder) == ["$BUNDLE/first/values.yaml", f"{own}/first.yaml"]


def test_a_folder_that_is_none_stops_the_script(make_bundle: Any, tmp_path: pathlib.Path) -> None:
    folder = make_bundle(SMALL, *OPEN)
    done = run_script(folder / "deploy.sh", ["--cluster-values", "/none"], tmp_path, {})
    assert done.returncode == 1
    assert "/none is no directory" in done.stderr
