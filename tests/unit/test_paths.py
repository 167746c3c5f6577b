"""Files and trees are written whole or not at all, and nobody's files are lost."""

from __future__ import annotations

import os
import pathlib
import stat
import threading

import pytest

from aicr_core.kit import paths
from aicr_core.kit.errors import AicrError, Code

NEW = [("a.txt", b"new a", 0o600), ("sub/b.sh", b"new b", 0o755)]


def content(root: pathlib.Path) -> dict[str, bytes]:
    return {path: (root / path).read_bytes() for path in paths.tree_files(str(root))}


@pytest.fixture
def old(tmp_path: pathlib.Path) -> pathlib.Path:
    target = tmp_path / "bundle"
    (target / "gone").mkdir(parents=True)
    (target / "a.txt").write_bytes(b"old a")
    (target / "gone/x").write_bytes(b"old x")
    return target


@pytest.mark.parametrize("path", ["", "/x", "a/../b", "./a", "a//b", "a\\b", "..", "a\0b"])
def test_unsafe_paths_are_refused(path: str) -> None:
    with pytest.raises(AicrError):
        paths.safe_relative(path)


def test_a_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path: pathlib.Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    paths.atomic_write(str(link), b"new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("target", "code"),
    [("missing/file", Code.NOT_FOUND), ("folder", Code.INVALID_REQUEST)],
)
def test_a_file_that_cannot_be_written(target: str, code: Code, tmp_path: pathlib.Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(AicrError) as caught:
        paths.atomic_write(str(tmp_path / target), b"x")
    assert caught.value.code is code
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_many_writers_of_one_file_leave_one_whole_file(tmp_path: pathlib.Path) -> None:
    target = tmp_path / "file"
    bodies = [bytes([65 + number]) * 50_000 for number in range(6)]
    threads = [threading.Thread(target=paths.atomic_write, args=(str(target), b)) for b in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() in bodies
    assert list(tmp_path.iterdir()) == [target]


def test_a_tree_is_replaced_whole_and_keeps_the_folders_mode(old: pathlib.Path) -> None:
    old.chmod(0o750)
    paths.write_tree(str(old), NEW)
    assert content(old) == {"a.txt": b"new a", "sub/b.sh": b"new b"}
    assert stat.S_IMODE(old.stat().st_mode) == 0o750
    assert stat.S_IMODE((old / "sub/b.sh").stat().st_mode) == 0o755
    assert [path.name for path in old.parent.iterdir()] == ["bundle"]


def test_a_working_directory_stays_the_same_folder(
    old: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(old)
    inode = old.stat().st_ino
    paths.write_tree(".", NEW)
    assert old.stat().st_ino == inode
    assert content(old) == {"a.txt": b"new a", "sub/b.sh": b"new b"}
    assert sorted(os.listdir()) == ["a.txt", "sub"]


def test_a_link_to_the_target_stays(old: pathlib.Path, tmp_path: pathlib.Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(old)
    paths.write_tree(str(link), NEW)
    assert link.is_symlink()
    assert content(old) == {"a.txt": b"new a", "sub/b.sh": b"new b"}


def test_kept_files_are_not_touched(old: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (old / "shortcut").symlink_to(tmp_path / "elsewhere")
    inode = (old / "gone/x").stat().st_ino
    paths.write_tree(str(old), NEW, keep=["gone/x", "shortcut"])
    assert (old / "gone/x").stat().st_ino == inode
    assert (old / "shortcut").is_symlink()
    assert (old / "a.txt").read_bytes() == b"new a"
    assert not [name for name in os.listdir(old) if name.startswith(".aicr")]


@pytest.mark.parametrize("keep", [[], ["gone/x"]], ids=["whole", "entries"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_nothing_changes_when_it_fails_at_any_rename(
    error: type[BaseException],
    keep: list[str],
    old: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, rename = content(old), os.rename
    for stop in range(1, 4 if keep else 3):
        calls = 0

        def failing(source: str, place: str, stop: int = stop) -> None:
            nonlocal calls
            calls += 1
            if calls == stop:
                raise error(5, "stopped")
            rename(source, place)

        monkeypatch.setattr(os, "rename", failing)
        with pytest.raises((KeyboardInterrupt, AicrError)):
            paths.write_tree(str(old), NEW, keep=keep)
        monkeypatch.setattr(os, "rename", rename)
        assert content(old) == before
        assert [path.name for path in old.parent.iterdir()] == ["bundle"]


def test_a_tree_that_fails_half_way_leaves_nothing(tmp_path: pathlib.Path) -> None:
    with pytest.raises(AicrError):
        paths.write_tree(str(tmp_path / "new"), [("a", b"", 0o600), ("../b", b"", 0o600)])
    assert list(tmp_path.iterdir()) == []


def test_a_kept_file_in_the_way_of_a_new_folder_is_an_error(old: pathlib.Path) -> None:
    (old / "sub").write_text("mine")
    before = content(old)
    with pytest.raises(AicrError):
        paths.write_tree(str(old), NEW, keep=["sub"])
    assert content(old) == before


@pytest.mark.parametrize("kind", ["link", "file"])
def test_nothing_is_written_below_what_stays(tmp_path: pathlib.Path, kind: str) -> None:
    """With --force other files stay; a link among them would lead what is written out of the folder."""
    target, elsewhere = tmp_path / "bundle", tmp_path / "elsewhere"
    target.mkdir()
    elsewhere.mkdir()
    if kind == "link":
        (target / "sub").symlink_to(elsewhere)
    else:
        (target / "sub").write_text("mine")
    with pytest.raises(AicrError, match=f"below the {kind}"):
        paths.write_tree(str(target), [("sub/b.sh", b"x", 0o755)], ["sub"])
    assert not list(elsewhere.iterdir())
    assert [path.name for path in target.iterdir()] == ["sub"]
