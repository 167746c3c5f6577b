"""A bundle in a real registry, as an OCIRepository of Flux takes it: the first layer, unpacked, is the bundle."""

from __future__ import annotations

import gzip
import io
import json
import pathlib
import tarfile

import pytest
from flux_lab import Bundle
from plans import leaf_plan, objects, rendered
from registry import ask, registry

from aicr_core.api import parts
from aicr_core.cli.root import run

IMAGE = "application/vnd.oci.image.manifest.v1+json"
NAME = "h100-eks-ubuntu-training-kubeflow"


def test_flux_gets_its_charts_from_the_artifact(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("helm_python")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    given = leaf_plan(NAME, "flux", tmp_path)
    with registry(tmp_path / "registry") as host:
        uri = f"oci://{host}/team/stack:v1"
        words = [
            "bundle",
            "-r",
            str(tmp_path / f"{NAME}.yaml"),
            "-o",
            uri,
            "--plain-http",
            "-d",
            "flux",
        ]
        assert run(words) == 0, capsys.readouterr().err
        manifest = json.loads(ask(host, "GET", "/v2/team/stack/manifests/v1", Accept=IMAGE)[2])
        digest = manifest["layers"][0]["digest"]
        layer = ask(host, "GET", f"/v2/team/stack/blobs/{digest}")[2]
    told = capsys.readouterr().out
    assert (
        f"flux create source oci aicr-bundle --namespace flux-system --url oci://{host}/team/stack --tag v1"
        in told
    )
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as archive:
        files = {
            item.name.removeprefix("./"): stream.read()
            for item in archive
            if (stream := archive.extractfile(item)) is not None
        }
    found = Bundle(files)
    found.roll_out()
    assert not found.of_kind("GitRepository")
    charts = [found.chart(part.name, tmp_path) for part in parts(given) if part.kind == "manifests"]
    assert rendered(charts) == objects(given)
