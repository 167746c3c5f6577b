"""Against a real registry (Debian's docker-registry) and with a second real client (skopeo), through the command line."""

from __future__ import annotations

import filecmp
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
import registry as real
from aicr_oci import publisher
from oci_lab import FACTS, Files, Make

from aicr_core.api import Artifact
from aicr_core.cli.root import run
from aicr_core.kit.emit import to_yaml

RECIPE: dict[str, Any] = {
    "kind": "RecipeResult",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "criteria": {"service": "eks"},
    "componentRefs": [
        {"name": name, "namespace": "n", "type": "Helm", "source": "https://e.example", "version": "1"}
        for name in ("csi", "cert-manager")
    ],
}  # fmt: skip


@pytest.fixture
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A working directory with a recipe."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(to_yaml(RECIPE))
    return tmp_path


def aicr(*arguments: str) -> int:
    return run(list(arguments))


def bundle(*arguments: str) -> int:
    return aicr("bundle", "-r", "recipe.yaml", *arguments)


def same(first: pathlib.Path, second: pathlib.Path) -> bool:
    """Tell whether two trees are alike: names, bytes, modes."""
    trees = []
    for root in (first, second):
        paths = sorted(root.rglob("*"))
        trees.append(
            [(p.relative_to(root), p.stat().st_mode, p.read_bytes() if p.is_file() else b"") for p in paths]
        )  # fmt: skip
    return trees[0] == trees[1] and not filecmp.dircmp(first, second).diff_files


def document(host: str, repository: str, version: str) -> tuple[dict[str, Any], str]:
    """Ask the registry for a manifest, by hand; give it and its digest."""
    kind = "application/vnd.oci.image.manifest.v1+json"
    path = f"/v2/{repository}/manifests/{version}"
    status, headers, body = real.ask(host, "GET", path, Accept=kind)
    assert status == 200, body
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    assert headers["Docker-Content-Digest"] == digest
    return json.loads(body), digest


# --- through the command line --------------------------------------------------------------------


def test_a_bundle_goes_and_comes_back(
    plain_registry: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = f"oci://{plain_registry}/team/whole"
    assert bundle("-o", f"{target}:v1", "--plain-http", "--image-refs", "refs") == 0
    out = capsys.readouterr().out
    reference = (place / "refs").read_text()
    manifest, digest = document(plain_registry, "team/whole", "v1")
    assert reference == f"{plain_registry}/team/whole@{digest}\n"  # B-28
    assert f"Reference: {reference}" in out
    assert sorted(path.name for path in place.iterdir() if path.is_file()) == [
        "recipe.yaml",
        "refs",
    ]
    assert not (place / "bundle").exists()  # B-27
    assert manifest["annotations"]["org.opencontainers.image.title"] == "AICR Bundle"
    assert bundle("-o", "straight") == 0
    assert aicr("bundle", "pull", f"{target}:v1", "-o", "back", "--plain-http") == 0
    assert same(place / "straight", place / "back")
    checked = subprocess.run(
        ["sha256sum", "-c", "--quiet", "--strict", "checksums.txt"], cwd=place / "back", check=False
    )
    assert checked.returncode == 0  # B-25
    assert aicr("bundle", "pull", f"oci://{reference.strip()}", "-o", "exact", "--plain-http") == 0
    assert same(place / "straight", place / "exact")
    # The command that the report shows is one that works.
    (command,) = [
        line.partition(". ")[2] for line in out.splitlines() if "aicr bundle pull" in line
    ]
    (place / "elsewhere").mkdir()
    os.chdir(place / "elsewhere")
    assert aicr(*command.split()[1:]) == 0
    assert same(place / "straight", place / "elsewhere/bundle")


def test_pushing_again_changes_nothing(plain_registry: str, place: pathlib.Path) -> None:
    found = set()
    for n, jobs in enumerate(("1", "4")):
        uri = f"oci://{plain_registry}/team/again:{n}"
        assert bundle("-o", uri, "--plain-http", "--image-refs", "refs", "--jobs", jobs) == 0
        found.add((place / "refs").read_text())
    assert len(found) == 1


def test_the_same_digest_in_other_surroundings(plain_registry: str, place: pathlib.Path) -> None:
    found = set()
    for n, (umask, zone, language, seed) in enumerate(
        [(0o022, "UTC", "C", "0"), (0o077, "Asia/Kolkata", "C.UTF-8", "7")]
    ):
        folder = place / f"folder {n}"
        folder.mkdir()
        subprocess.run(
            [
                sys.executable, "-m", "aicr_core", "bundle", "-r", str(place / "recipe.yaml"), "-o",
                f"oci://{plain_registry}/team/other-{n}", "--plain-http", "--image-refs", "refs",
            ],
            cwd=folder, umask=umask, check=True, capture_output=True,
            env={**os.environ, "TZ": zone, "LC_ALL": language, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        found.add((folder / "refs").read_text().rpartition("@")[2])
    assert len(found) == 1


def test_without_a_tag_it_is_the_version(
    plain_registry: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from aicr_core.api import __version__

    assert bundle("-o", f"oci://{plain_registry}/team/version", "--plain-http") == 0
    assert document(plain_registry, "team/version", __version__)
    assert (
        aicr("bundle", "pull", f"oci://{plain_registry}/team/version", "-o", "x", "--plain-http")
        == 2
    )
    assert "does not say which bundle" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["-o", "oci://foo:tag"], 2, "names no repository"),  # B-26
        (["-o", "oci://foo/bar:tag"], 2, "has no dot and no port"),
        (["-o", f"oci://r.example/x@sha256:{'a' * 64}"], 2, "a digest is what pushing gives"),
        (
            ["-o", "oci://r.example/x", "--image-refs", "no/such/folder/refs"],
            3,
            "there is no such folder",
        ),
        (["-o", "oci://r.example/x", "--recipe", "gone.yaml"], 2, "--recipe"),
    ],
)
def test_what_cannot_work_is_refused_first(
    place: pathlib.Path, arguments: list[str], status: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    assert bundle(*arguments) == status
    assert text in capsys.readouterr().err


def test_flags_of_registries_mean_nothing_for_a_directory(place: pathlib.Path) -> None:
    assert bundle("-o", "out", "--plain-http", "--insecure-tls", "--image-refs", "refs") == 0
    assert not (place / "refs").exists()


def test_an_attested_bundle_passes_whole(
    plain_registry: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stands in ``attestation/`` is listed nowhere, and travels all the same."""
    uri = f"oci://{plain_registry}/team/attested:1"
    assert aicr("key", "generate", "-o", "key.pem") == 0
    (public,) = place.glob("key*.pub*")
    for target in (uri, "straight"):
        sign = ("--attest", "--signing-key", "key.pem")
        assert bundle("-o", target, "--plain-http", *sign) == 0
    assert aicr("bundle", "pull", uri, "-o", "back", "--plain-http") == 0
    assert (place / "back/attestation").is_dir()
    assert same(
        place / "straight", place / "back"
    )  # a signature of that kind of key is the same each time
    capsys.readouterr()
    for bundle_ in ("back", uri):
        assert aicr("verify", bundle_, "--key", str(public), "--plain-http") == 0
        assert "attested" in capsys.readouterr().out
    assert aicr("key", "generate", "-o", "other.pem") == 0
    (other,) = place.glob("other*.pub*")
    assert aicr("verify", uri, "--key", str(other), "--plain-http") == 2


def tree(root: pathlib.Path) -> list[Artifact]:
    return [
        Artifact(path=str(p.relative_to(root)), data=p.read_bytes(), mode=p.stat().st_mode & 0o777)
        for p in root.rglob("*")
        if p.is_file()
    ]


def _edit(root: pathlib.Path) -> None:
    (root / "deploy.sh").write_text("#!/bin/sh\nrm -rf /\n")


def _add(root: pathlib.Path) -> None:
    (root / "csi/more.yaml").write_text("x: 1\n")


def _remove(root: pathlib.Path) -> None:
    (root / "csi/values.yaml").unlink()


def _rename(root: pathlib.Path) -> None:
    (root / "csi/values.yaml").rename(root / "csi/value.yaml")


def _layout(root: pathlib.Path) -> None:
    """What v0.11.1 of the reference packs along (B-27)."""
    (root / "oci-layout").mkdir()
    (root / "oci-layout/index.json").write_text("{}")


def _absolute(root: pathlib.Path) -> None:
    """Its checksums of a pushed bundle (B-25)."""
    text = (root / "checksums.txt").read_text()
    (root / "checksums.txt").write_text(text.replace("  ", "  /home/ci/bundle/"))


@pytest.mark.parametrize("change", [_edit, _add, _remove, _rename, _layout, _absolute])
def test_what_another_tool_changed_is_not_written(
    plain_registry: str, context: Make, place: pathlib.Path, change: Callable[[pathlib.Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert bundle("-o", "straight") == 0
    change(place / "straight")
    uri = f"oci://{plain_registry}/team/changed:1"
    publisher.push(context(), uri, tree(place / "straight"), FACTS)
    capsys.readouterr()
    assert aicr("bundle", "pull", uri, "-o", "back", "--plain-http") == 4
    err = capsys.readouterr().err
    assert err.count("\n") <= 2, err
    assert not (place / "back").exists()


def test_what_is_no_bundle_is_not_written(
    plain_registry: str, context: Make, place: pathlib.Path, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    uri = f"oci://{plain_registry}/team/none:1"
    publisher.push(context(), uri, [f for f in files if f.path != "checksums.txt"], FACTS)
    assert aicr("bundle", "pull", uri, "-o", "back", "--plain-http") == 2
    assert "no bundle of aicr" in capsys.readouterr().err
    assert not (place / "back").exists()


def test_a_directory_that_holds_something_stays(
    plain_registry: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = f"oci://{plain_registry}/team/stays:1"
    assert bundle("-o", uri, "--plain-http") == 0
    (place / "mine").mkdir()
    (place / "mine/thesis.txt").write_text("words")
    assert aicr("bundle", "pull", uri, "-o", "mine", "--plain-http") == 2
    assert sorted(os.listdir(place / "mine")) == ["thesis.txt"]
    # Known before anything is fetched.
    assert aicr("bundle", "pull", "oci://127.0.0.1:1/x:1", "-o", "mine", "--plain-http") == 2
    assert aicr("bundle", "pull", uri, "-o", "mine", "--plain-http", "--force") == 0
    assert (place / "mine/thesis.txt").read_text() == "words"
    assert (place / "mine/deploy.sh").exists()


def test_foreign_artifacts_are_named(
    plain_registry: str, context: Make, files: Files, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    publisher.push(context(), f"oci://{plain_registry}/team/foreign:1", files, FACTS)
    manifest, _ = document(plain_registry, "team/foreign", "1")
    index = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [],
    }  # fmt: skip
    chart = {**manifest, "artifactType": "application/vnd.cncf.helm.config.v1+json"}
    for body, text in ((index, "an index of several images"), (chart, "helm")):
        _put(plain_registry, "team/foreign", "2", body)
        uri = f"oci://{plain_registry}/team/foreign:2"
        assert aicr("bundle", "pull", uri, "-o", "back", "--plain-http") == 2
        assert text in capsys.readouterr().err


def _put(host: str, repository: str, tag: str, body: dict[str, Any]) -> None:
    path, data = f"/v2/{repository}/manifests/{tag}", json.dumps(body).encode()
    status, _, answer = real.ask(host, "PUT", path, data, Content_Type=body["mediaType"])
    assert status == 201, answer


def test_nothing_of_that_name(
    plain_registry: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle("-o", f"oci://{plain_registry}/team/there:1", "--plain-http") == 0
    for name in ("there:2", f"there@sha256:{'0' * 64}", "nowhere:1"):
        uri = f"oci://{plain_registry}/team/{name}"
        assert aicr("bundle", "pull", uri, "-o", "back", "--plain-http") == 3
        assert "MANIFEST_UNKNOWN" in capsys.readouterr().err


def test_a_large_bundle(plain_registry: str, context: Make) -> None:
    """40 MiB that do not pack: in one piece, byte for byte."""
    noise = hashlib.shake_256(b"seed").digest(40 * 1024**2)
    files = [Artifact(path=f"charts/{n}.tgz", data=noise[n::8], mode=0o644) for n in range(8)]
    uri = f"oci://{plain_registry}/team/large:1"
    publisher.push(context(), uri, files, FACTS)
    assert publisher.pull(context(), uri) == files


# --- a second client -----------------------------------------------------------------------------


@pytest.fixture
def skopeo() -> Callable[..., None]:
    found = shutil.which("skopeo")
    if found is None:
        pytest.skip("skopeo (Debian package of that name) is not installed")

    def call(*arguments: str) -> None:
        subprocess.run([found, *arguments], check=True, capture_output=True)

    return call


def test_skopeo_copies_it(
    plain_registry: str,
    skopeo: Callable[..., None],
    context: Make,
    files: Files,
    tmp_path: pathlib.Path,
) -> None:
    reference = publisher.push(context(), f"oci://{plain_registry}/team/skopeo:1", files, FACTS)
    flags = ("--src-tls-verify=false", "--dest-tls-verify=false", "--preserve-digests")
    skopeo("copy", *flags, f"docker://{reference}", f"docker://{plain_registry}/copied/elsewhere:2")
    digest = reference.partition("@")[2]
    for version in (":2", f"@{digest}"):
        back = publisher.pull(context(), f"oci://{plain_registry}/copied/elsewhere{version}")
        assert sorted(back, key=str) == sorted(files, key=str)
    skopeo("copy", "--src-tls-verify=false", f"docker://{reference}", f"dir:{tmp_path / 'copy'}")
    layers = [p for p in (tmp_path / "copy").iterdir() if p.read_bytes()[:2] == b"\x1f\x8b"]
    (layer,) = layers
    with tarfile.open(fileobj=gzip.open(layer)) as archive:
        archive.extractall(tmp_path / "out", filter="data")
    assert (tmp_path / "out/deploy.sh").read_bytes() == files[0].data
