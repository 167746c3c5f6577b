"""Two builds of a commit are the same bytes, whatever is around them; a difference is found and named."""

from __future__ import annotations

import hashlib
import io
import os
import pathlib
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
import release_lab
from aicr_release import build, checksums, compare, layout, source
from aicr_release.failure import Kind, ReleaseError

if TYPE_CHECKING:
    from conftest import Made

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_a_release_holds_three_files_of_each_distribution(made: Made) -> None:
    sums = checksums.read(made.folder)
    named = [layout.parse(name) for name in sums]
    assert {(n.name, n.version, n.kind) for n in named if n} == {
        (name, "0.1.0", kind) for name in release_lab.NAMES for kind in layout.KINDS
    }
    extra = {layout.SUMS, layout.STATEMENT, layout.ENVELOPE}
    assert {path.name for path in made.folder.iterdir()} == {*sums, *extra}
    result = subprocess.run(
        ["sha256sum", "-c", "--quiet", layout.SUMS], cwd=made.folder, capture_output=True
    )
    assert result.returncode == 0, "the list is one that sha256sum reads"


def test_the_same_commit_and_key_make_the_same_release_again(
    made: Made, tmp_path: pathlib.Path
) -> None:
    """SBOMs, statement and signature too, in a process with another hash seed and another folder."""
    command = (
        "import pathlib, sys, release_lab;"
        "print(release_lab.released(*map(pathlib.Path, sys.argv[1:])))"
    )
    env = {**os.environ, "PYTHONHASHSEED": "77", "TZ": "America/Caracas"}
    env["PYTHONPATH"] = os.pathsep.join(
        map(str, (ROOT / "tests/support", ROOT / "packaging/release"))
    )
    result = subprocess.run(
        [sys.executable, "-c", command, made.repository, tmp_path / "other", made.private],
        env=env, umask=0o077, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    again = pathlib.Path(result.stdout.strip())
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {
        p.name: p.read_bytes() for p in made.folder.iterdir()
    }


def test_the_two_copies_differ_in_all_but_their_contents(
    made: Made, tmp_path: pathlib.Path
) -> None:
    """Else the comparison of the two builds would prove nothing."""
    commit = source.read(made.repository, {}).commit
    first, second = build.CONDITIONS
    for conditions in build.CONDITIONS:
        target = tmp_path / conditions.folder
        source.export(made.repository, commit, target, conditions.umask, conditions.reverse)
    a, b = (tmp_path / c.folder / "plugins/helm/pyproject.toml" for c in build.CONDITIONS)
    assert a.read_bytes() == b.read_bytes()
    assert a.stat().st_mode != b.stat().st_mode
    assert a.parent.stat().st_mode != b.parent.stat().st_mode
    for name in ("umask", "zone", "locale", "seed", "reverse"):
        assert getattr(first, name) != getattr(second, name), name
    scripts = [p for p in (tmp_path / "a").rglob("*.sh") if os.access(p, os.X_OK)]
    tracked = release_lab.git(made.repository, "ls-files", "-s").splitlines()
    assert len(scripts) == len([x for x in tracked if x.startswith("100755") and x.endswith(".sh")])


def test_a_file_that_is_not_committed_is_not_released(made: Made, tmp_path: pathlib.Path) -> None:
    changed = made.repository / "recipes/README.md"
    text = changed.read_text("utf-8")
    try:
        changed.write_text("another\n", "utf-8")
        assert source.changed(made.repository) == ["recipes/README.md"]
        source.export(made.repository, "HEAD", tmp_path, 0o022, reverse=False)
    finally:
        changed.write_text(text, "utf-8")
    assert (tmp_path / "recipes/README.md").read_text("utf-8") == text
    assert source.changed(made.repository) == []


def test_a_build_that_takes_the_clock_is_caught(tmp_path: pathlib.Path) -> None:
    """A real one: a build hook of hatchling writes its environment into the wheel."""
    repo = tmp_path / "repository"
    (repo / "leaky").mkdir(parents=True)
    (repo / "leaky/__init__.py").write_text("")
    (repo / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "leaky"\nversion = "1.0"\nrequires-python = ">=3"\n'
        "[tool.hatch.build.targets.wheel.hooks.custom]\n"
        '[tool.hatch.build.targets.wheel]\npackages = ["leaky"]\n'
    )
    (repo / "hatch_build.py").write_text(
        "import os\nfrom hatchling.builders.hooks.plugin.interface import BuildHookInterface\n"
        "class Leak(BuildHookInterface):\n"
        "    def initialize(self, version, build_data):\n"
        "        with open(os.path.join(self.root, 'leaky/where.py'), 'w') as file:\n"
        "            file.write(repr(os.environ['TZ']))\n"
        "        build_data['artifacts'].append('leaky/where.py')\n"
    )
    release_lab.git(repo, "init", "-q", "-b", "main")
    release_lab.commit(repo, "leaks")
    with pytest.raises(ReleaseError) as error:
        build.build(repo, source.read(repo, {}), tmp_path / "work")
    assert error.value.kind is Kind.DIFFERS
    assert error.value.where == "leaky-1.0-py3-none-any.whl"
    assert "contents of leaky/where.py" in error.value.message


def test_a_distribution_that_cannot_be_built_is_named(tmp_path: pathlib.Path) -> None:
    repo = tmp_path / "repository"
    (repo / "recipes").mkdir(parents=True)
    (repo / "recipes/pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "empty"\nversion = "1.0"\n'
    )
    release_lab.git(repo, "init", "-q", "-b", "main")
    release_lab.commit(repo, "nothing to pack")
    with pytest.raises(ReleaseError, match=r"^\[INVALID\] recipes: cannot be built: ") as error:
        build.build(repo, source.read(repo, {}), tmp_path / "work")
    assert "\n" not in str(error.value)


def _tar(path: pathlib.Path, **changes: object) -> None:
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("x/a")
        info.size = 3
        for name, value in changes.items():
            setattr(info, name, value)
        tar.addfile(info, io.BytesIO(b"abc"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": 0o600}, "permissions of x/a (0o644 and 0o600)"),
        ({"mtime": 5}, "time of x/a (0 and 5)"),
        ({"uid": 7}, "owner of x/a (0:0 : and 7:0 :)"),
        ({"name": "x/b"}, "x/a is in one only"),
    ],
)
def test_what_differs_in_an_archive_is_named(
    changes: dict[str, object], message: str, tmp_path: pathlib.Path
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    _tar(tmp_path / "a/one.tar")
    _tar(tmp_path / "b/one.tar", **changes)
    with pytest.raises(ReleaseError) as error:
        compare.same(tmp_path / "a", tmp_path / "b")
    assert message in error.value.message
    assert error.value.where == "one.tar"


def test_order_and_packing_count_too(tmp_path: pathlib.Path) -> None:
    for folder, names, level in (("a", "xy", 1), ("b", "yx", 1), ("c", "xy", 9)):
        (tmp_path / folder).mkdir()
        with zipfile.ZipFile(
            tmp_path / folder / "z.whl", "w", zipfile.ZIP_DEFLATED, compresslevel=level
        ) as z:
            for name in names:
                z.writestr(zipfile.ZipInfo(name), b"0123456789" * 999, zipfile.ZIP_DEFLATED, level)
    with pytest.raises(ReleaseError, match="order of members"):
        compare.same(tmp_path / "a", tmp_path / "b")
    with pytest.raises(ReleaseError, match="packing of the same members"):
        compare.same(tmp_path / "a", tmp_path / "c")
    (tmp_path / "b/more.txt").write_text("")
    with pytest.raises(ReleaseError, match=r"more\.txt: made by one build only"):
        compare.same(tmp_path / "a", tmp_path / "b")
    sums = compare.same(tmp_path / "a", tmp_path / "a")
    assert sums == {"z.whl": hashlib.sha256((tmp_path / "a/z.whl").read_bytes()).hexdigest()}


def test_a_tag_is_the_version_of_every_distribution(made: Made) -> None:
    assert source.read(made.repository, {}).ref == "refs/tags/v0.1.0"
    found = source.projects(made.repository)
    assert [p.name for p in found] == ["aicr-core", "aicr-recipes", "aicr-helm"]
    source.check_tag("refs/tags/v0.1.0", found)
    source.check_tag("refs/heads/v0.2.0", found)
    with pytest.raises(ReleaseError, match=r"pyproject\.toml: version 0\.1\.0 of aicr-core is not"):
        source.check_tag("refs/tags/v0.2.0", found)


def test_what_the_builder_says_beats_what_git_knows(made: Made, tmp_path: pathlib.Path) -> None:
    said = {
        "AICR_RELEASE_REF": "refs/tags/v9",
        "AICR_RELEASE_REPOSITORY": "https://example.com/aicr",
    }
    read = source.read(made.repository, said)
    assert (read.ref, read.repository) == ("refs/tags/v9", "https://example.com/aicr")
    with pytest.raises(ReleaseError, match=r"^\[INVALID\] git rev-parse: .*not a git repository"):
        source.read(tmp_path, {})
    with pytest.raises(ReleaseError, match="holds no distribution"):
        source.projects(tmp_path)


def test_a_link_is_refused_and_not_dropped(tmp_path: pathlib.Path) -> None:
    repo = tmp_path / "repository"
    repo.mkdir()
    (repo / "LICENSE").symlink_to("/etc/hostname")
    release_lab.git(repo, "init", "-q", "-b", "main")
    release_lab.commit(repo, "a link")
    with pytest.raises(ReleaseError, match="LICENSE: is a link"):
        source.export(repo, "HEAD", tmp_path / "out", 0o022, reverse=False)
