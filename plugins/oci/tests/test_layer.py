"""The layer: always the same bytes, readable by every tar, and back again; whatever else is refused whole."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pathlib
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable

import pytest
from aicr_oci import layer, unpack
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.api import AicrError, Artifact

# The bytes of this bundle are a promise: a change of packing changes the digest of everything that was pushed.
PLAIN = "sha256:7cd919f17018e9ee6fb1b8c57c2f714c7677b101731086bc763581ffbfb83690"


def unpacked(data: bytes) -> list[Artifact]:
    return unpack.unpack(data, "oci://r.io/x:1")


def test_the_archive_is_what_the_specification_says(files: tuple[Artifact, ...]) -> None:
    packed = layer.pack(files)
    assert packed.data[:10] == b"\x1f\x8b\x08\x00\0\0\0\0\0\xff"  # no name, no time
    plain = gzip.decompress(packed.data)
    assert packed.plain_digest == f"sha256:{hashlib.sha256(plain).hexdigest()}"
    assert packed.digest == f"sha256:{hashlib.sha256(packed.data).hexdigest()}"
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        found = archive.getmembers()
        contents = {m.name: archive.extractfile(m).read() for m in found if m.isfile()}  # type: ignore[union-attr]
    names = [member.name for member in found]
    assert names == [".", "a", "a/values.yaml", "a-b", "a-b/values.yaml", "checksums.txt", "deploy.sh"]  # fmt: skip
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in found} == {(0, 0, "", "", 0)}
    assert {m.name: m.mode for m in found if m.isfile()} == {f.path: f.mode for f in files}
    assert contents == {f.path: f.data for f in files}


def test_the_digest_never_changes(files: tuple[Artifact, ...]) -> None:
    """The same archive in every version; the gzip around it is zlib's, which other systems may have otherwise."""
    assert layer.pack(files).plain_digest == PLAIN


CHILD = """
import os, sys
os.umask(int(sys.argv[1], 8))
from aicr_core.api import Artifact
from aicr_oci.layer import pack
files = [Artifact(path=p, data=p.encode() * 99, mode=m) for p, m in
         (("b/ü.yaml", 0o644), ("a", 0o755), ("b.c", 0o600), ("b/c/" + "d" * 120, 0o600))]
if sys.argv[2] == "reversed":
    files.reverse()
print(pack(files).digest)
"""


def test_nothing_around_it_reaches_the_bytes(tmp_path: pathlib.Path) -> None:
    found = set()
    for n, (mask, order, zone, language, seed) in enumerate(
        [
            ("022", "", "UTC", "C", "0"),
            ("077", "reversed", "Asia/Kolkata", "C.UTF-8", "1"),
            ("000", "", "America/New_York", "POSIX", "2"),
        ]
    ):
        folder = tmp_path / f"somewhere {n}"
        folder.mkdir()
        env = {**os.environ, "TZ": zone, "LC_ALL": language, "PYTHONHASHSEED": seed}
        child = [sys.executable, "-c", CHILD, mask, order]
        found.add(
            subprocess.run(child, cwd=folder, env=env, capture_output=True, check=True).stdout
        )
    assert len(found) == 1


segment = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=60
).filter(lambda text: text not in (".", "..") and not set(text) & set("/\\") and text.isprintable())
paths = st.lists(segment, min_size=1, max_size=5).map("/".join)


def _tree(found: list[str]) -> list[str]:
    """Leave out paths that need a folder where another one is a file."""
    names = set(found)
    return [
        p for p in found if not any("/".join(p.split("/")[:n]) in names for n in range(1, p.count("/") + 1))
    ]  # fmt: skip


@given(
    st.lists(paths, max_size=8, unique=True).map(_tree),
    st.data(),
)
def test_what_is_packed_is_unpacked(names: list[str], data: st.DataObject) -> None:
    files = [
        Artifact(
            path=name,
            data=data.draw(st.binary(max_size=1500)),
            mode=data.draw(st.sampled_from([0o600, 0o644, 0o755])),
        )
        for name in names
    ]
    packed = layer.pack(files)
    assert sorted(unpacked(packed.data), key=str) == sorted(files, key=str)
    assert layer.pack(files[::-1]) == packed
    with tarfile.open(
        fileobj=io.BytesIO(packed.data)
    ) as archive:  # and somebody else reads it alike
        assert sorted(m.name for m in archive if m.isfile()) == sorted(names)


def test_long_names_and_large_files() -> None:
    files = [
        Artifact(path="a" * 100, data=b"1"),
        Artifact(path="b" * 101, data=b"2"),
        Artifact(path=f"{'c' * 155}/{'d' * 100}", data=b"3"),
        Artifact(path=f"{'e' * 156}/{'f' * 100}", data=b"4"),
        Artifact(path=f"{'ü' * 50}/{'g' * 200}/{'h' * 300}", data=bytes(3_000_000)),
    ]
    assert sorted(unpacked(layer.pack(files).data), key=str) == sorted(files, key=str)


def test_a_name_that_no_archive_holds_is_refused() -> None:
    for name in ("a\nb", "a\0b"):
        with pytest.raises(AicrError, match="cannot stand in an archive"):
            layer.pack([Artifact(path=name, data=b"")])


def test_modes_are_cut(files: tuple[Artifact, ...]) -> None:
    (found,) = unpacked(layer.pack([Artifact(path="x", data=b"", mode=0o6777)]).data)
    assert found.mode == 0o755


# --- archives that others made -------------------------------------------------------------------


def made(*members: tarfile.TarInfo | tuple[str, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    """Pack with Python's tarfile."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for member in members:
            if isinstance(member, tuple):
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
            else:
                archive.addfile(member, io.BytesIO(bytes(member.size)))
    return buffer.getvalue()


def info(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type = kind
    for key, value in fields.items():
        setattr(found, key, value)
    return found


def test_archives_of_other_packers_are_read() -> None:
    whole = made(
        info(".", tarfile.DIRTYPE), info("./d/", tarfile.DIRTYPE), ("./d/f", b"1"), ("g", b"")
    )
    assert [(f.path, f.data) for f in unpacked(gzip.compress(whole))] == [("d/f", b"1"), ("g", b"")]
    pax = made(info("ü" * 90, mtime=1.5, uname="robin"), form=tarfile.PAX_FORMAT)
    assert [f.path for f in unpacked(gzip.compress(pax))] == ["ü" * 90]


def _pax(**fields: str) -> bytes:
    return made(info("f", pax_headers=fields), form=tarfile.PAX_FORMAT)


def _patched(archive: bytes, position: int, data: bytes) -> bytes:
    """Change a header and make its checksum right again."""
    head = bytearray(archive[:512])
    head[position : position + len(data)] = data
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + archive[512:]


LONG = made(info("x" * 300), form=tarfile.GNU_FORMAT)
ONE = made(("f", b"contents"))
HOSTILE: dict[str, tuple[bytes, str]] = {
    "parent": (made(("../f", b"")), "no safe name"),
    "parent inside": (made(("a/../../f", b"")), "no safe name"),
    "absolute": (_patched(ONE, 0, b"/etc/passwd\0"), "no safe name"),
    "absolute prefix": (_patched(ONE, 345, b"/etc"), "no safe name"),
    "backslash": (made(("a\\..\\f", b"")), "no safe name"),
    "empty name": (_patched(ONE, 0, b"\0"), "no safe name"),
    "empty part": (made(("a//f", b"")), "no safe name"),
    "dot": (made(("a/./f", b"")), "no safe name"),
    "control": (made(("a\x1b[2Jf", b"")), "no safe name"),
    "not UTF-8": (_patched(ONE, 0, b"\xff"), "not UTF-8"),
    "zero byte": (_patched(ONE, 0, b"f\0g"), "zero byte"),
    "symbolic link": (made(info("f", tarfile.SYMTYPE, linkname="/etc/passwd")), "neither a file"),
    "hard link": (made(("a", b""), info("f", tarfile.LNKTYPE, linkname="a")), "neither a file"),
    "device": (made(info("f", tarfile.CHRTYPE)), "neither a file"),
    "block device": (made(info("f", tarfile.BLKTYPE)), "neither a file"),
    "pipe": (made(info("f", tarfile.FIFOTYPE)), "neither a file"),
    "contiguous": (made(info("f", tarfile.CONTTYPE)), "neither a file"),
    "sparse": (made(info("f"))[:156] + b"S" + made(info("f"))[157:], "damaged"),
    "GNU long name": (LONG, "no POSIX tar"),
    "global header": (_patched(ONE, 156, b"g"), "neither a file"),
    "twice": (made(("f", b"1"), ("f", b"2")), "twice"),
    "twice, written otherwise": (made(("f", b"1"), ("./f", b"2")), "twice"),
    "file and folder": (made(("a", b""), ("a/b", b"")), "is a file and a folder"),
    "file, then folder": (made(("a", b""), info("a", tarfile.DIRTYPE)), "twice"),
    "file called like a folder": (_patched(ONE, 0, b"f/"), "like a folder"),
    "root is a file": (_patched(ONE, 0, b"."), "like a folder"),
    "folder with contents": (_patched(ONE, 156, b"5"), "has contents"),
    "pax size": (_pax(size="5"), 'sets "size"'),
    "pax link": (_pax(linkpath="/etc"), 'sets "linkpath"'),
    "pax sparse": (_pax(**{"GNU.sparse.map": "0,1"}), 'sets "GNU.sparse.map"'),
    "pax path": (_pax(path="../f"), "no safe name"),
    "pax path absolute": (_pax(path="/f"), "no safe name"),
    "pax path with zero": (_pax(path="a\0b"), "no safe name"),
    "pax attributes": (_pax(**{"SCHILY.xattr.user.x": "1"}), "sets"),
    "checksum": (ONE[:10] + b"x" + ONE[11:], "header is damaged"),
    "size is no number": (_patched(ONE, 124, b"9"), "header is damaged"),
    "size is binary": (_patched(ONE, 124, b"\x80"), "header is damaged"),
    "size too large": (_patched(ONE, 124, b"77777777777"), "more than a bundle"),
    "size beyond the end": (_patched(ONE, 124, b"00000777777"), "ends in the middle"),
    "cut": (ONE[:700], "ends in the middle"),
    "cut at a header": (ONE[:1024], "ends in the middle"),
    "one end block": (ONE[:1536], "ends in the middle"),
    "nothing": (b"", "ends in the middle"),
    "no tar": (b"hello" * 1000, "header is damaged"),
    "hidden second archive": (ONE + ONE, "something follows"),
    "damaged end": (ONE[:1536] + b"x" + ONE[1537:], "end is damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused(name: str) -> None:
    data, reason = HOSTILE[name]
    with pytest.raises(AicrError) as caught:
        unpacked(gzip.compress(data))
    assert reason in str(caught.value)
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def _extended(*records: bytes) -> bytes:
    """An archive whose extended header holds these bytes."""
    data = b"".join(records)
    head = bytearray(info("x", tarfile.XHDTYPE, size=len(data)).tobuf(tarfile.USTAR_FORMAT))
    return bytes(head) + data + bytes(-len(data) % 512) + ONE


@pytest.mark.parametrize(
    "records",
    [
        (b"0 path=a\n",), (b"9 path=a",), (b"99 path=a\n",), (b"path=a\n",), (b"-9 path=a\n",), (b"8 path=a\n",),
        (b"8 patha\n",), (b"9 path=a\n", b"9 path=b\n"), (b"0000000009 path=a\n",), (b" ",),
    ],
)  # fmt: skip
def test_damaged_extended_headers_are_refused(records: tuple[bytes, ...]) -> None:
    with pytest.raises(AicrError, match="extended header"):
        unpacked(gzip.compress(_extended(*records)))


def test_extended_headers_have_bounds() -> None:
    with pytest.raises(AicrError, match="extended header is too long"):
        unpacked(gzip.compress(_extended(b"x" * 70_000)))
    with pytest.raises(AicrError, match="two extended headers"):
        unpacked(gzip.compress(2 * _extended(b"9 path=a\n")[:1024] + ONE))


GZIP: dict[str, Callable[[bytes], bytes]] = {
    "no gzip": lambda data: data,
    "zlib": zlib.compress,
    "cut": lambda data: gzip.compress(data)[:-9],
    "no checksum": lambda data: gzip.compress(data)[:-8],
    "wrong checksum": lambda data: gzip.compress(data)[:-8] + b"\0" * 8,
    "two members": lambda data: gzip.compress(data[:512]) + gzip.compress(data[512:]),
    "rubbish behind": lambda data: gzip.compress(data) + b"x",
    "empty": lambda data: b"",
}


@pytest.mark.parametrize("name", GZIP)
def test_damaged_gzip_is_refused(name: str) -> None:
    with pytest.raises(AicrError, match="archive is refused"):
        unpacked(GZIP[name](ONE))


def test_rubbish_behind_is_seen_wherever_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gzip.compress(ONE)
    monkeypatch.setattr(unpack, "_CHUNK", len(whole))
    with pytest.raises(AicrError, match="something follows"):
        unpacked(whole + b"x")


def test_bombs_are_refused_before_they_are_large() -> None:
    import tracemalloc

    head = info("f", size=900 * 1024**2).tobuf(tarfile.USTAR_FORMAT)
    squeeze = zlib.compressobj(9, wbits=31)
    bomb = squeeze.compress(head) + b"".join(squeeze.compress(bytes(1024**2)) for _ in range(900))
    bomb += squeeze.flush()
    assert len(bomb) < 1024**2
    tracemalloc.start()
    with pytest.raises(AicrError, match="more than a bundle can be"):
        unpacked(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 250 * 1024**2


def test_zeros_without_end_are_a_bomb_too() -> None:
    with pytest.raises(AicrError, match="more than a bundle can be"):
        unpacked(gzip.compress(ONE + bytes(60 * 1024**2)))


def test_the_number_of_entries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MOST_ENTRIES", 10)
    with pytest.raises(AicrError, match="more than 10 entries"):
        unpacked(gzip.compress(made(*[(f"f{n}", b"") for n in range(11)])))


@given(st.binary(max_size=3000), st.integers(0, 3000))
def test_any_bytes_are_an_archive_or_one_clear_error(noise: bytes, position: int) -> None:
    damaged = ONE[:position] + noise + ONE[position + len(noise) :]
    for data in (noise, gzip.compress(noise), gzip.compress(damaged)):
        try:
            unpacked(data)
        except AicrError as error:
            assert error.exit_status == 2
