"""The Containerfile of the image of checks keeps its promises, as far as that shows without a container engine."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from typing import TYPE_CHECKING

import containerfile
from aicr_kube.checks import objects
from containerfile import ROOT, of

from aicr_core.api import CatalogEntry, CheckRun, Settings
from aicr_core.app.environment import Environment
from aicr_core.app.validation_inputs import entries_of, phases_of

if TYPE_CHECKING:
    import pathlib

FILE = ROOT / "packaging/validators/Containerfile"
PACKAGES = (".", "recipes", "plugins/validators", "plugins/kube", "plugins/eks", "plugins/gke")


def test_it_is_built_as_the_agents_image_is() -> None:
    """Two stages on one base, everything pinned, a fixed time: what differs is what is in it."""
    build, final = containerfile.stages(FILE)
    agent, _ = containerfile.stages(ROOT / "packaging/agent/Containerfile")
    assert [word for word in build if word[0] in ("FROM", "ARG", "ENV", "WORKDIR")] == [
        word for word in agent if word[0] in ("FROM", "ARG", "ENV", "WORKDIR")
    ]
    assert of(build, "RUN")[0] == of(agent, "RUN")[0]
    assert of(build, "RUN")[2] == of(agent, "RUN")[2]
    assert of(final, "COPY") == ["--from=build /opt/aicr /opt/aicr"]
    assert containerfile.unpinned(FILE, PACKAGES) == []
    for rest in of(build, "COPY"):
        for source in rest.split()[:-1]:
            assert (ROOT / source).exists(), source


def test_every_package_with_a_profile_is_in_it() -> None:
    found = ROOT.glob("plugins/*/src/*/data/validators/profiles/*.yaml")
    owners = {path.relative_to(ROOT).parts[1] for path in found}
    assert {f"plugins/{owner}" for owner in owners} <= set(PACKAGES)


def test_the_pods_of_a_run_can_run_it() -> None:
    """Its user, its entry point and its working directory are those that the Job expects."""
    final = containerfile.stages(FILE)[1]
    run = CheckRun(run="r1", cluster=None, namespace="n", recipe={}, snapshot={})  # type: ignore[arg-type]
    entry = CatalogEntry(
        name="operator-health", phase="deployment", image="i", args=("operator-health",)
    )
    pod = objects.job(run, entry, "x")["spec"]["template"]["spec"]
    user = pod["securityContext"]["runAsUser"]
    assert of(final, "USER") == [f"{user}:{user}"]
    (container,) = pod["containers"]
    assert "command" not in container
    assert of(final, "ENTRYPOINT") == ['["aicr", "check"]']
    # The root file system is read-only: what is written goes to the volume.
    assert "HOME=/tmp" in of(final, "ENV")[0]
    assert of(final, "WORKDIR") == ["/tmp"]
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]


def test_the_catalogue_names_it_for_each_phase() -> None:
    text = FILE.read_text("utf-8")
    environment = Environment(
        Settings.from_env({"AICR_PLUGINS": "validators,recipes,kube", "AICR_INDEX": "off"})
    )
    entries = entries_of(environment, phases_of(environment), ())
    images = {entry.container.image for entry in entries}
    assert images == {f"ghcr.io/nvidia/aicr-validators/{entry.phase}:latest" for entry in entries}
    for entry in entries:
        assert entry.phase in text
        assert entry.container.args == (entry.name,)


def test_its_wheels_are_the_same_twice_and_hold_every_check(tmp_path: pathlib.Path) -> None:
    """The command of the file itself, run twice; then what the image would say, from the wheels alone."""
    first, second = (containerfile.wheels(FILE, tmp_path / name) for name in ("one", "two"))
    assert len(first) == len(PACKAGES)
    assert first == second
    home = tmp_path / "env"
    venv.create(home, system_site_packages=False, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    wheels = [str(tmp_path / "one/wheels" / name) for name in first]
    pip = [sys.executable, "-m", "pip", "--python", home / "bin/python", "install", "-q"]
    subprocess.run([*pip, "--no-deps", "--no-index", *wheels], check=True)
    # What they depend on is taken from here: no download.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    env = {"HOME": str(tmp_path), "PATH": str(home / "bin")}
    done = subprocess.run(
        [home / "bin/aicr", "check", "no-such-check"], env=env, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "platform-health" in done.stderr
    assert "nccl-all-reduce-bw" in done.stderr
