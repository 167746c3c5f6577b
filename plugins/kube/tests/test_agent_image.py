"""The Containerfile of the agent's image keeps its promises, as far as that shows without a container engine.

The engine itself was not there when this was written; what the file copies, how it builds, and what it sets is read from
it, and the commands that build the wheels are run.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from aicr_kube.agent import profiles

ROOT = pathlib.Path(__file__).resolve().parents[3]
FILE = ROOT / "packaging/agent/Containerfile"
PACKAGES = (".", "recipes", "plugins/host", "plugins/kube")


def instructions() -> list[tuple[str, str]]:
    """Give (word, rest) of each instruction, continued lines joined, comments dropped."""
    lines = [
        line for line in FILE.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")
    ]
    text = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]  # type: ignore[misc]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def of(stage: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for name, rest in stage if name == word]


def test_every_instruction_is_one() -> None:
    words = {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "LABEL", "USER", "ENTRYPOINT", "CMD"}
    assert {word for word, _ in instructions()} <= words


def test_two_stages_on_one_glibc_base() -> None:
    build, final = stages()
    assert of(build, "FROM") == ["${BASE} AS build"]
    assert of(final, "FROM") == ["${BASE}"]
    assert "slim-bookworm" in dict(instructions())["ARG"] or "slim-bookworm" in FILE.read_text()
    assert "alpine" not in FILE.read_text()


def test_what_it_copies_is_there() -> None:
    build, final = stages()
    for rest in of(build, "COPY"):
        for source in rest.split()[:-1]:
            assert (ROOT / source).exists(), source
    assert of(final, "COPY") == ["--from=build /opt/aicr /opt/aicr"]


def test_the_user_is_nobody_and_the_program_is_ours() -> None:
    final = stages()[1]
    assert of(final, "USER") == [f"{profiles.NOBODY}:{profiles.NOBODY}"]
    assert of(final, "ENTRYPOINT") == ['["aicr"]']
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert "aicr" in scripts
    assert of(final, "ENV")[0].startswith("PATH=/opt/aicr/bin:")


def test_the_host_is_where_the_pods_expect_it() -> None:
    (links,) = of(stages()[1], "RUN")
    assert f"ln -s /proc {profiles.ROOT}/proc" in links
    assert f"ln -s /sys {profiles.ROOT}/sys" in links
    for profile in profiles.PROFILES.values():
        for path in profile.mounts:
            # A mount must not end in the links to the container's own trees.
            assert not path.startswith(("/proc", "/sys"))


def test_labels_and_the_fixed_time() -> None:
    build, final = stages()
    (label,) = of(final, "LABEL")
    for name in ("title", "description", "licenses", "version"):
        assert f"org.opencontainers.image.{name}=" in label
    assert "SOURCE_DATE_EPOCH=0" in of(build, "ARG")
    runs = " ".join(of(build, "RUN"))
    assert "unchecked-hash" in runs
    assert '--date="@${SOURCE_DATE_EPOCH}"' in runs


def test_everything_that_comes_from_an_index_is_pinned() -> None:
    runs = of(stages()[0], "RUN")
    installs = [
        part for run in runs for part in run.split("&&") if re.search(r"\bpip\b.* install ", part)
    ]
    assert len(installs) == 2
    assert all("-c constraints.txt" in part for part in installs)
    assert "/wheels/*.whl" in installs[1]
    pins = (ROOT / "constraints.txt").read_text("utf-8").lower()
    for package in PACKAGES:
        project = tomllib.loads((ROOT / package / "pyproject.toml").read_text("utf-8"))
        wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
        for dependency in wanted:
            name = re.split(r"[<>=!~\[; ]", dependency)[0].lower()
            assert name.startswith("aicr-") or re.search(
                rf"^{re.escape(name)}==", pins, re.MULTILINE
            ), name


def test_the_wheels_are_built_the_same_twice(tmp_path: pathlib.Path) -> None:
    """The command of the file itself, run twice with another time of day and another folder."""
    (loop,) = [run for run in of(stages()[0], "RUN") if run.startswith("for package in")]
    assert f"for package in {' '.join(PACKAGES)};" in loop
    if shutil.which("sh") is None:
        pytest.skip("no shell")
    digests = []
    for number in (1, 2):
        source = tmp_path / f"source-{number}"
        for rest in of(stages()[0], "COPY"):
            *names, _ = rest.split()
            for name in names:
                target = source / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if (ROOT / name).is_dir():
                    ignored = shutil.ignore_patterns("__pycache__", "tests")
                    shutil.copytree(ROOT / name, target, ignore=ignored)
                else:
                    shutil.copy(ROOT / name, target)
        wheels = tmp_path / f"wheels-{number}"
        env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}  # fmt: skip
        command = loop.replace("/wheels", str(wheels))
        done = subprocess.run(["sh", "-c", command], cwd=source, env=env, capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        digests.append(
            {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in wheels.iterdir()}
        )
    assert len(digests[0]) == len(PACKAGES)
    assert digests[0] == digests[1]
