"""Packages that Helm itself makes are read: it writes an extra field into their gzip headers."""

from __future__ import annotations

import pathlib

import pytest
from aicr_charts.archive import read_archive


def test_a_package_of_helm(tmp_path: pathlib.Path) -> None:
    helm = pytest.importorskip("helm_python")
    chart = tmp_path / "tiny"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: tiny\nversion: 1.0.0\n")
    (chart / "values.yaml").write_text("a: 1\n")
    (chart / "templates/x.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
    )
    package = pathlib.Path(helm.package(str(chart), destination=str(tmp_path)))
    data = package.read_bytes()
    assert data[3] & 4, "Helm writes no extra field any more: this test shows nothing"
    assert set(read_archive(data, "tiny")) == {"Chart.yaml", "values.yaml", "templates/x.yaml"}
