"""Same input, same bytes: whatever the hash seed, the number of jobs, and what was asked before.

The resolver's own purity is held in ``unit/test_recipes.py``; here it is the command line, as bytes.
"""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import stat
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aicr_core.app.environment import Environment
from aicr_core.cli.root import run
from aicr_core.model.settings import Settings

AICR = pathlib.Path(sys.executable).parent / "aicr"
VALUES = {
    "service": ["eks", "gke", "aks", "kind"],
    "accelerator": ["h100", "gb200", "a100"],
    "intent": ["training", "inference"],
    "os": ["ubuntu", "cos"],
    "platform": ["kubeflow", "dynamo"],
}
FLAGS = st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in VALUES.items()}).map(
    lambda criteria: [part for name, value in criteria.items() for part in (f"--{name}", value)]
)
REQUESTS = st.one_of(
    FLAGS.map(lambda flags: ["recipe", *flags, "--allow-partial"]),
    FLAGS.map(lambda flags: ["recipe", *flags]),
    st.tuples(FLAGS, st.sampled_from(["", "deploymentOrder", "validation", "components.gpu-operator.values"])).map(
        lambda pair: ["query", *pair[0], "--allow-partial", "--selector", pair[1]]
    ),
    FLAGS.map(lambda flags: ["recipe", "list", *flags]),
)  # fmt: skip
FULL = [
    "--service", "eks", "--accelerator", "h100", "--os", "ubuntu",
    "--intent", "training", "--platform", "kubeflow",
]  # fmt: skip


def _environment() -> Environment:
    return Environment(Settings.from_env(os.environ))


def _answer(arguments: list[str], environment: Environment) -> tuple[int, bytes, str]:
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(arguments, environment)
    out.seek(0)
    return status, out.buffer.read(), err.getvalue()


@given(st.lists(REQUESTS, min_size=2, max_size=6, unique_by=tuple), st.randoms())
@settings(deadline=None, max_examples=40)
def test_a_long_session_answers_as_fresh_ones_do(requests: list[list[str]], random: Any) -> None:
    fresh = {tuple(request): _answer(request, _environment()) for request in requests}
    session = _environment()
    asked = requests * 2
    random.shuffle(asked)
    for request in asked:
        assert _answer(request, session) == fresh[tuple(request)]


def _child(seed: str, arguments: list[str], folder: pathlib.Path) -> bytes:
    done = subprocess.run(
        [AICR, *arguments], cwd=folder, env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True, check=True,
    )  # fmt: skip
    return done.stdout + done.stderr


def _tree(root: pathlib.Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["recipe", *FULL],
        ["recipe", "--service", "gke", "--os", "cos", "--intent", "inference", "--format", "json"],
        ["query", *FULL, "--selector", ""],
        ["recipe", "list"],
        ["plugins", "list", "--all", "--format", "yaml"],
        ["bundle", "--help"],
    ],
    ids=" ".join,
)
def test_hash_seeds_change_nothing(
    arguments: list[str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    for seed in ("0", "4242"):
        # The index is built under that seed as well: its order must not come from a set either.
        monkeypatch.setenv("AICR_INDEX_DIR", str(tmp_path / seed))
        answers += [_child(seed, arguments, tmp_path), _child(seed, arguments, tmp_path)]
    assert len(set(answers)) == 1


def test_the_index_is_the_same_bytes_for_every_seed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = []
    for seed in ("0", "1", "4242"):
        monkeypatch.setenv("AICR_INDEX_DIR", str(tmp_path / seed))
        _child(seed, ["recipe", *FULL, "-o", os.devnull], tmp_path)
        trees.append(_tree(tmp_path / seed))
    assert trees[0]
    assert trees[0] == trees[1] == trees[2]


def test_bundles_of_one_session_equal_those_of_fresh_ones(tmp_path: pathlib.Path) -> None:
    """A bundle with overrides, a plain one, and the first again: nothing of one reaches the next."""
    recipes = {
        "eks": FULL,
        "kind": ["--service", "kind", "--accelerator", "h100", "--intent", "inference"],
    }
    for name, flags in recipes.items():
        assert run(["recipe", *flags, "-o", str(tmp_path / f"{name}.yaml")]) == 0

    def write(name: str, out: str, extra: list[str], environment: Environment) -> Any:
        target = tmp_path / out
        argv = ["bundle", "-r", str(tmp_path / f"{name}.yaml"), "-o", str(target), *extra]
        assert _answer(argv, environment)[0] == 0
        return _tree(target)

    wishes: list[tuple[str, list[str]]] = [
        ("eks", ["--set", "gpuoperator:driver.version=1.2.3", "--disable", "nvsentinel"]),
        ("eks", []),
        ("kind", ["--accelerated-node-selector", "pool=gpu"]),
        ("kind", []),
    ]
    session = _environment()
    for round_ in ("a", "b"):
        for number, (name, extra) in enumerate(wishes):
            seen = write(name, f"s{round_}{number}", extra, session)
            assert seen == write(name, f"f{round_}{number}", extra, _environment())
