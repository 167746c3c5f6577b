"""The plugin index: what is installed and what its data says, in one file read by every command.

Built when it is missing or stale: entry points, manifests, and the catalogue sections that the caller's
``compile_sections`` makes of the data layers. Kept as ``marshal`` of builtins in the user's cache. The file
is never trusted: magic, lengths, digests, owner and mode are checked, and any doubt means a rebuild in
memory. Cold parts (overlay bodies, values, positions) are read one by one, by offset.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import sys
import zlib
from typing import TYPE_CHECKING, Any

from aicr_core._version import HOOKSPEC, __version__
from aicr_core.kit.errors import AicrError
from aicr_core.plugins import discovery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aicr_core.model.settings import Settings

MAGIC = b"AICRIDX4"
COLD = ("bodies", "values", "positions")
USABLE = ("active", "newer", "undeclared")
"""States of plugins whose data and hooks are used (plugins.states decides them)."""
IMAGE = "image.bin"
KEPT = 8
"""Index files of other environments, and of earlier states of this one, that stay in the cache."""
Document = dict[str, Any]
Sections = Document


class Index:
    """A loaded index: plugin rows, the hot catalogue section, and loaders for the cold ones."""

    def __init__(self, head: Document, cold: Callable[[str, str], Any]) -> None:
        self.rows: list[Document] = head["rows"]
        self.hot: Document | None = head["hot"]
        self.problem: Document | None = head["problem"]
        self.warnings: list[str] = head["warnings"]
        self._cold = cold

    def cold(self, section: str, name: str) -> Any:
        """Give one item of a cold section, or None."""
        return self._cold(section, name)

    def row(self, name: str) -> Document | None:
        """The row of a plugin, or None."""
        return next((row for row in self.rows if row["name"] == name), None)

    def remedy(self, distribution: str) -> str:
        """Say how to get what ``distribution`` has, extras included: install it, or use the plugin that is there."""
        base, extras, _ = distribution.partition("[")
        for row in self.rows:
            if row["distribution"] == base and row["state"] not in USABLE:
                why = f"{row['state']} ({row['reason']})"
                return f"it comes with {distribution}, whose plugin {row['name']} is {why}"
        # Shells take brackets for a pattern.
        wanted = f'"{distribution}"' if extras else distribution
        return f"it comes with {distribution}: pip install {wanted}"

    def hints(self, kind: str) -> dict[str, str]:
        """Distributions that are known to bring things of a kind, by the thing's name; no catalogue is opened."""
        known: dict[str, str] = self.hot["hints"].get(kind, {}) if self.hot is not None else {}
        return known

    def way_to(self, kind: str, name: str) -> str | None:
        """Say how to get a criteria value or component that no usable plugin brings; None: nobody has it."""
        owner = self.hints(kind).get(name)
        for row in self.rows:
            if row["state"] not in USABLE and name in row["criteria"].get(kind, ()):
                owner = row["distribution"]
        return self.remedy(owner) if owner else None


def fingerprint(settings: Settings) -> str:
    """Digest of what the index depends on: interpreter, core, ``sys.path`` folders, policy, selection.

    Installing and removing a distribution changes the mtime of its folder; editable data is watched apart.
    """
    parts: list[Any] = [sys.implementation.cache_tag, __version__, HOOKSPEC]
    # A policy that is named and missing is an error, which a warm index must not hide.
    parts.append(settings.policy_paths)
    # Reports are renamed into their folder, so that its time tells of each new one.
    for path in (*dict.fromkeys(sys.path), *settings.policy_paths, settings.reports_dir):
        with contextlib.suppress(OSError):
            state = os.stat(path)
            # A source tree on the path (editable installs) changes with every file written into it, but
            # nothing is installed there.
            source = os.path.exists(f"{path}/pyproject.toml")
            parts.append((path, state.st_ino, 0 if source else state.st_mtime_ns))
    parts.append((sorted(settings.only or ()), settings.only is None, sorted(settings.disabled)))
    parts.append(settings.tested)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def image_key(settings: Settings) -> str:
    """Digest that survives the packing of a container image, which changes inodes and rounds times.

    It holds the names of the installed distributions in place of the state of their folders.
    """
    parts: list[Any] = [sys.implementation.cache_tag, __version__, HOOKSPEC, "image"]
    for path in discovery.search_path():
        with contextlib.suppress(OSError):
            names = sorted(name for name in os.listdir(path) if name.endswith(".dist-info"))
            if names:
                parts.append((path, names))
    for path in (*settings.policy_paths, *_reports(settings)):
        with contextlib.suppress(OSError), open(path, "rb") as stream:
            parts.append((path, stream.read()))
    parts.append((sorted(settings.only or ()), settings.only is None, sorted(settings.disabled)))
    parts.append(settings.tested)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _reports(settings: Settings) -> list[str]:
    folder = settings.reports_dir
    try:
        return [f"{folder}/{name}" for name in sorted(os.listdir(folder))]
    except OSError:
        return []


def open_index(settings: Settings, compile_sections: Callable[[list[Document]], Sections]) -> Index:
    """Give the index: from the cache when it is current, else freshly built and, if possible, stored.

    ``$AICR_INDEX_DIR`` may hold an index that was written for an image; ``AICR_INDEX=off`` builds always.
    """

    def rebuild() -> Document:
        return build(settings, compile_sections)

    if settings.env.get("AICR_INDEX") == "off":
        return in_memory(rebuild())
    key = fingerprint(settings)
    path = f"{settings.cache_dir}/index-{key[:20]}.bin"
    known = load(path, key, rebuild)
    if known is None and settings.env.get("AICR_INDEX_DIR"):
        known = load(f"{settings.cache_dir}/{IMAGE}", image_key(settings), rebuild)
    if known is not None:
        return known
    built = rebuild()
    with contextlib.suppress(OSError):
        store(path, key, built)
        _prune(settings.cache_dir)
    return in_memory(built)


def write_image(
    settings: Settings, compile_sections: Callable[[list[Document]], Sections], folder: str
) -> str:
    """Build the index for an image and write it into ``folder``; give the file. Raises AicrError."""
    from aicr_core.kit.paths import fault

    path = os.path.join(folder, IMAGE)
    built = build(settings, compile_sections)
    try:
        # Readable for whoever runs the image; root or that user has to own it.
        store(path, image_key(settings), built, mode=0o644)
    except OSError as error:
        raise fault(error, path, "write the index") from None
    return path


def in_memory(built: Document) -> Index:
    """Make an index whose cold parts are in memory."""
    cold = built["cold"]
    return Index(built["head"], lambda section, name: cold[section].get(name))


def store(path: str, key: str, built: Document, mode: int = 0o600) -> None:
    """Write the index under a temporary name and rename it into place."""
    blobs: list[bytes] = []
    offsets: dict[str, dict[str, tuple[int, int, int]]] = {}
    position = 0
    for section in COLD:
        table = offsets[section] = {}
        for name, item in built["cold"][section].items():
            blob = marshal.dumps(item)
            table[name] = (position, len(blob), zlib.crc32(blob))
            blobs.append(blob)
            position += len(blob)
    head = marshal.dumps({**built["head"], "key": key, "offsets": offsets})
    digest = hashlib.sha256(head).digest()
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    start = MAGIC + len(head).to_bytes(8, "big") + digest + head
    from aicr_core.kit.paths import replace

    replace(path, [start, *blobs], mode)


def _prune(folder: str) -> None:
    """Remove index files that were not written lately: every install gives a new name."""
    files = []
    for entry in os.scandir(folder):
        if entry.name.startswith("index-") and entry.name.endswith((".bin", ".tmp")):
            files.append((entry.stat().st_mtime_ns, entry.path))
    for _, path in sorted(files)[:-KEPT]:
        os.unlink(path)


def load(path: str, key: str, rebuild: Callable[[], Document]) -> Index | None:
    """Give the stored index when it is there, whole, trustworthy and current; None otherwise.

    ``rebuild`` is called when a part that is read later turns out to be damaged.
    """
    file = None
    try:
        file = _File(path)
        state = os.fstat(file.descriptor)
        # Root's files may be trusted: an image's index is written at build time.
        if state.st_uid not in (0, os.geteuid()) or state.st_mode & 0o022:
            return None
        start = file.read(0, 48)
        size = int.from_bytes(start[8:16], "big")
        if start[:8] != MAGIC or size > state.st_size:
            return None
        raw = file.read(48, size)
        if hashlib.sha256(raw).digest() != start[16:48]:
            return None
        head = marshal.loads(raw)  # noqa: S302 - digest checked, owner checked, builtins only
        if head["key"] != key or not _unchanged(head["watch"]):
            return None
        return Index(head, _reader(file, 48 + size, head["offsets"], rebuild))
    except Exception:
        # Never trusted: whatever is wrong with it, it is made anew.
        return None


class _File:
    """A file that is kept open for reading at offsets, and closed with its last user.

    One of the same name, with other offsets, may replace it meanwhile.
    """

    # When the interpreter ends, names of modules are gone before the last session is.
    _close = staticmethod(os.close)

    def __init__(self, path: str) -> None:
        self.descriptor = -1
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, start: int, size: int) -> bytes:
        return os.pread(self.descriptor, size, start)

    def __del__(self) -> None:
        if self.descriptor >= 0:
            self._close(self.descriptor)


def _unchanged(watch: list[tuple[str, int, int]]) -> bool:
    for path, mtime, size in watch:
        state = os.stat(path)
        if state.st_mtime_ns != mtime or state.st_size != size:
            return False
    return True


def _reader(
    file: _File,
    start: int,
    offsets: Mapping[str, Mapping[str, tuple[int, int, int]]],
    rebuild: Callable[[], Document],
) -> Callable[[str, str], Any]:
    fresh: list[Document] = []

    def cold(section: str, name: str) -> Any:
        place = offsets[section].get(name)
        if place is None:
            return None
        if not fresh:
            blob = file.read(start + place[0], place[1])
            if len(blob) == place[1] and zlib.crc32(blob) == place[2]:
                return marshal.loads(blob)  # noqa: S302
            with contextlib.suppress(OSError):
                os.unlink(file.path)
            fresh.append(rebuild()["cold"])
        return fresh[0][section].get(name)

    return cold


def build(settings: Settings, compile_sections: Callable[[list[Document]], Sections]) -> Document:
    """Scan, read manifests, decide states, compile the catalogue.

    Plugins whose data ``compile_sections`` cannot read (``broken`` of its result) are set aside, with those that
    require them, and the catalogue is compiled without them.
    """
    from aicr_core.plugins import states

    warnings: list[str] = []
    rows = states.rows(discovery.scan(), settings, warnings)
    watch: list[tuple[str, int, int]] = []
    for row in rows:
        if row["editable"] and row["root"]:
            _watch(row["root"], watch)
    for path in _reports(settings):
        with contextlib.suppress(OSError):
            state = os.stat(path)
            watch.append((path, state.st_mtime_ns, state.st_size))
    problem = None
    sections: Sections = {"hot": None, "bodies": {}, "values": {}, "positions": {}}
    try:
        sections = compile_sections([row for row in rows if row["state"] in USABLE])
        while sections["broken"]:
            for row in rows:
                if row["state"] in USABLE and row["name"] in sections["broken"]:
                    states.broken(row, sections["broken"][row["name"]], warnings)
            states.settle(rows)
            sections = compile_sections([row for row in rows if row["state"] in USABLE])
    except AicrError as error:
        # The catalogue cannot be used, yet `plugins list` and `doctor` must still say why.
        problem = {"code": str(error.code), "message": error.message, "where": error.where,
                   "hint": error.hint}  # fmt: skip
    head = {
        "rows": rows,
        "hot": sections["hot"],
        "problem": problem,
        "warnings": warnings,
        "watch": watch,
    }
    return {"head": head, "cold": {name: sections[name] for name in COLD}}


def _watch(folder: str, watch: list[tuple[str, int, int]]) -> None:
    """Note folders and data files of an editable install, so that an edit is seen at once."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        state = os.stat(place)
        watch.append((place, state.st_mtime_ns, state.st_size))
        for name in sorted(files):
            if not name.endswith((".py", ".pyc")):
                state = os.stat(os.path.join(place, name))
                watch.append((os.path.join(place, name), state.st_mtime_ns, state.st_size))
