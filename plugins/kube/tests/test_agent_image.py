"""The Containerfile of the agent's image keeps its promises, as far as that shows without a container engine.

The engine itself was not there when this was written; what the file copies, how it builds, and what it sets is read from
it, and the commands that build the wheels are run.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import containerfile
import pytest
from aicr_kube.agent import profiles
from containerfile import ROOT, of

if TYPE_CHECKING:
    import pathlib

FILE = ROOT / "packaging/agent/Containerfile"
PACKAGES = (".", "recipes", "plugins/host", "plugins/kube")


@pytest.fixture(scope="module")
def stages() -> list[list[containerfile.Instruction]]:
    return containerfile.stages(FILE)


Stages = list[list[containerfile.Instruction]]


def test_every_instruction_is_one() -> None:
    words = {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "LABEL", "USER", "ENTRYPOINT", "CMD"}
    assert {word for word, _ in containerfile.instructions(FILE)} <= words


def test_two_stages_on_one_glibc_base(stages: Stages) -> None:
    build, final = stages
    assert of(build, "FROM") == ["${BASE} AS build"]
    assert of(final, "FROM") == ["${BASE}"]
    assert "slim-bookworm" in containerfile.instructions(FILE)[0][1]


def test_what_it_copies_is_there(stages: Stages) -> None:
    build, final = stages
    for rest in of(build, "COPY"):
        for source in rest.split()[:-1]:
            assert (ROOT / source).exists(), source
    assert of(final, "COPY") == ["--from=build /opt/aicr /opt/aicr"]


def test_the_user_is_nobody_and_the_program_is_ours(stages: Stages) -> None:
    final = stages[1]
    assert of(final, "USER") == [f"{profiles.NOBODY}:{profiles.NOBODY}"]
    assert of(final, "ENTRYPOINT") == ['["aicr"]']
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert "aicr" in scripts
    assert of(final, "ENV")[0].startswith("PATH=/opt/aicr/bin:")


def test_the_host_is_where_the_pods_expect_it(stages: Stages) -> None:
    (links,) = of(stages[1], "RUN")
    assert f"ln -s /proc {profiles.ROOT}/proc" in links
    assert f"ln -s /sys {profiles.ROOT}/sys" in links
    for profile in profiles.PROFILES.values():
        for path in profile.mounts:
            # A mount must not end in the links to the container's own trees.
            assert not path.startswith(("/proc", "/sys"))


def test_labels_and_the_fixed_time(stages: Stages) -> None:
    build, final = stages
    (label,) = of(final, "LABEL")
    for name in ("title", "description", "licenses", "version"):
        assert f"org.opencontainers.image.{name}=" in label
    assert "SOURCE_DATE_EPOCH=0" in of(build, "ARG")
    runs = " ".join(of(build, "RUN"))
    assert "unchecked-hash" in runs
    assert '--date="@${SOURCE_DATE_EPOCH}"' in runs


def test_everything_that_comes_from_an_index_is_pinned(stages: Stages) -> None:
    assert containerfile.unpinned(FILE, PACKAGES) == []
    assert any("/wheels/*.whl" in run for run in of(stages[0], "RUN"))


def test_the_wheels_are_built_the_same_twice(stages: Stages, tmp_path: pathlib.Path) -> None:
    """The command of the file itself, run twice with another time of day and another folder."""
    (loop,) = [run for run in of(stages[0], "RUN") if run.startswith("for package in")]
    assert f"for package in {' '.join(PACKAGES)};" in loop
    first, second = (containerfile.wheels(FILE, tmp_path / name) for name in ("one", "two"))
    assert len(first) == len(PACKAGES)
    assert first == second
