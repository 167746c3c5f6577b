"""The released form works: wheels are built, installed beside nothing else, and do the main job."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tomllib
import venv
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CRITERIA = [
    "--service", "eks", "--accelerator", "h100", "--os", "ubuntu",
    "--intent", "training", "--platform", "kubeflow",
]  # fmt: skip


def _run(argv: list[str | pathlib.Path], **kwargs: object) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(argv, capture_output=True, text=True, **kwargs)  # type: ignore[call-overload]
    assert result.returncode == 0, result.stderr
    return result  # type: ignore[no-any-return]


def _sources() -> list[str]:
    return [str(ROOT), str(ROOT / "recipes"), *map(str, sorted((ROOT / "plugins").iterdir()))]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    target = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    _run([*pip, "-w", target, *_sources()], cwd=target)
    return target


@pytest.fixture(scope="module")
def python(wheels: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A fresh environment that holds only the wheels and what they require."""
    home = tmp_path_factory.mktemp("env")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    _run([python, "-m", "pip", "install", "-q", *sorted(map(str, wheels.glob("*.whl")))])
    return python


def _aicr(python: pathlib.Path, *arguments: str, cwd: pathlib.Path) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), "XDG_CACHE_HOME": str(cwd / "cache")}
    return _run([python.parent / "aicr", *arguments], cwd=cwd, env=env).stdout


def _tree(root: pathlib.Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("source", _sources(), ids=lambda path: pathlib.Path(path).name)
def test_a_wheel_holds_the_whole_package(source: str, wheels: pathlib.Path) -> None:
    """Everything that lies in the package's folder, data and templates too, and the licence."""
    name = tomllib.loads(pathlib.Path(source, "pyproject.toml").read_text("utf-8"))["project"][
        "name"
    ]
    package = name.replace("-", "_")
    (root,) = [
        p
        for p in (pathlib.Path(source, package), pathlib.Path(source, "src", package))
        if p.is_dir()
    ]
    wanted = {
        path.relative_to(root.parent).as_posix()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    (wheel,) = wheels.glob(f"{package}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        (licence,) = [path for path in held if path.endswith("/licenses/LICENSE")]
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
    assert f"{package}/py.typed" in held
    assert {path for path in held if ".dist-info/" not in path} == wanted


def test_every_distribution_is_listed_as_active(
    python: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    rows = json.loads(_aicr(python, "plugins", "list", "--format", "json", cwd=tmp_path))
    names = {p.parent.name for p in ROOT.glob("plugins/*/pyproject.toml")} | {"recipes"}
    assert {row["name"] for row in rows} == names
    assert {row["state"] for row in rows} == {"active"}
    assert {row["version"] for row in rows} == {"0.1.0"}


def test_the_main_job_runs_from_wheels(python: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _aicr(python, "recipe", *CRITERIA, "--output", "recipe.yaml", cwd=tmp_path)
    _aicr(python, "bundle", "--recipe", "recipe.yaml", "--output", "bundle", cwd=tmp_path)
    tree = _tree(tmp_path / "bundle")
    assert {"deploy.sh", "undeploy.sh", "recipe.yaml", "checksums.txt", "inventory.json"} <= set(
        tree
    )
    assert "kubeflow-trainer/values.yaml" in tree
    _run(["sha256sum", "-c", "--quiet", "checksums.txt"], cwd=tmp_path / "bundle")
    _aicr(
        python,
        "bundle",
        "--recipe",
        "recipe.yaml",
        "--output",
        "again",
        "--jobs",
        "1",
        cwd=tmp_path,
    )
    assert _tree(tmp_path / "again") == tree


def test_without_a_service_plugin_its_value_is_refused(
    python: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AICR_DISABLE_PLUGINS": "eks"}
    result = subprocess.run(
        [python.parent / "aicr", "recipe", *CRITERIA], cwd=tmp_path, env=env,
        capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 2
    assert "aicr-eks" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_attestation_names_what_is_installed(
    python: pathlib.Path, wheels: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Each distribution by the digest of what its wheel recorded, whatever pip added; and the verifier agrees."""
    _aicr(python, "key", "generate", "-o", "key", cwd=tmp_path)
    _aicr(python, "recipe", *CRITERIA, "-o", "recipe.yaml", cwd=tmp_path)
    words = ["-r", "recipe.yaml", "-o", "bundle", "--attest", "--signing-key", "key"]
    _aicr(python, "bundle", *words, cwd=tmp_path)
    assert "PASSED" in _aicr(python, "verify", "bundle", "--key", "key.pub", cwd=tmp_path)
    file = tmp_path / "bundle/attestation/bundle-attestation.sigstore.json"
    payload = json.loads(file.read_bytes())["dsseEnvelope"]["payload"]
    build = json.loads(base64.b64decode(payload))["predicate"]["buildDefinition"]
    found = {
        item["uri"].removeprefix("pkg:pypi/"): item["digest"]["sha256"]
        for item in build["resolvedDependencies"]
        if "uri" in item
    }
    assert {name.partition("@")[0] for name in found} >= {"aicr-core", "aicr-helm", "aicr-eks"}
    for name, digest in found.items():
        project, _, version = name.partition("@")
        (wheel,) = wheels.glob(f"{project.replace('-', '_')}-{version}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (record,) = [path for path in archive.namelist() if path.endswith(".dist-info/RECORD")]
            lines = archive.read(record).decode("utf-8").splitlines(keepends=True)
        kept = sorted(line for line in lines if not line.startswith(f"{record},"))
        assert hashlib.sha256("".join(kept).encode("utf-8")).hexdigest() == digest, name


def test_released_packages_pass_the_conformance_kit(
    python: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    for name in ("eks", "helm", "validators"):
        answer = json.loads(
            _aicr(python, "plugins", "test", name, "--format", "json", cwd=tmp_path)
        )
        assert answer["passed"]
        # A wheel has a digest, so the report is about exactly this one.
        assert len(answer["record_sha256"]) == 64
        assert len([item for item in answer["results"] if item["status"] == "passed"]) > 15
