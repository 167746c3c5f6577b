"""Packaged charts: read one safely into memory, make one of a folder. Nothing is unpacked to the disk.

What is in the files is not understood here beyond name and version.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, PackagedChart, load_all, pack

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PACKED = 64 * 1024 * 1024
"""The largest package that is taken."""
MAX_UNPACKED = 100 * 1024 * 1024
"""What a package may unpack to; Helm's own limit."""
MAX_FILES = 10_000
CHART = "Chart.yaml"
_HEADERS = 2048
"""Bytes of headers for each file, long names and padding included, that count beside the contents."""


class Budget:
    """What may still be unpacked; several archives can share one."""

    def __init__(self) -> None:
        self.bytes = MAX_UNPACKED
        self.files = MAX_FILES
        self.stream = MAX_UNPACKED + MAX_FILES * _HEADERS

    @property
    def spent(self) -> bool:
        """Whether it was more than may be."""
        return self.bytes < 0 or self.files < 0 or self.stream < 0


class _Bounded:
    """A stream whose bytes count, all of them: names in headers of their own may be as large as any file."""

    def __init__(self, stream: gzip.GzipFile, budget: Budget, source: str) -> None:
        self._stream = stream
        self._budget = budget
        self._source = source

    def read(self, size: int = -1) -> bytes:
        """Give at most ``size`` bytes. Raises AicrError(INVALID_REQUEST) beyond the budget."""
        data = self._stream.read(size)
        self._budget.stream -= len(data)
        _hold_to(self._budget, self._source)
        return data


def read_archive(data: bytes, source: str, budget: Budget | None = None) -> dict[str, bytes]:
    """Give the files of a packaged chart by their paths inside the chart's folder.

    ``budget`` is what charts within one chart may unpack to together.

    Raises AicrError(INVALID_REQUEST) for what is no chart: no gzip or tar, links, devices, paths that lead out, more
    than Helm takes, no ``Chart.yaml``.
    """
    files: dict[str, bytes] = {}
    budget = budget or Budget()
    try:
        # Not mode "r|gz": its own reader of gzip headers goes wrong on the extra field that Helm writes into each.
        with (
            gzip.GzipFile(fileobj=io.BytesIO(data)) as plain,
            tarfile.open(fileobj=_Bounded(plain, budget, source), mode="r|") as archive,  # type: ignore[call-overload]
        ):
            for member in archive:
                budget.files -= 1
                _hold_to(budget, source)
                if member.isdir() or member.type == tarfile.XGLTYPE:
                    continue
                path = _inside(member, source)
                budget.bytes -= member.size
                _hold_to(budget, source)
                stream = archive.extractfile(member)
                if stream is not None and path:
                    files[path] = stream.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
        raise _bad(source, f"it is no packaged chart: {error}") from None
    if CHART not in files:
        raise _bad(source, f"it holds no {CHART}")
    return files


def _hold_to(budget: Budget, source: str) -> None:
    if budget.spent:
        raise _bad(source, f"it unpacks to more than {MAX_UNPACKED >> 20} MiB or {MAX_FILES} files")


def _inside(member: tarfile.TarInfo, source: str) -> str:
    name = member.name.removeprefix("./").replace("\\", "/")
    if not member.isreg():
        raise _bad(source, f'"{name}" is neither file nor folder')
    parts = name.split("/")
    if name.startswith("/") or ".." in parts:
        raise _bad(source, f'"{name}" leads out of the chart')
    return "/".join(parts[1:])


def _bad(source: str, text: str) -> AicrError:
    return AicrError(
        Code.INVALID_REQUEST, text, where=source, hint="make it anew with `helm package`"
    )


def chart_yaml(files: Mapping[str, bytes], source: str) -> dict[str, Any]:
    """Give ``Chart.yaml`` as a mapping; name and version are texts. Raises AicrError(INVALID_REQUEST)."""
    documents = load_all(files[CHART], f"{source}: {CHART}")
    found = documents[0] if documents else None
    if not isinstance(found, dict) or not found.get("name") or not found.get("version"):
        raise _bad(source, f"{CHART} gives no name or version")
    return {**found, "name": str(found["name"]), "version": str(found["version"])}


def packaged(data: bytes, source: str) -> PackagedChart:
    """Give the package with the name and version it gives itself. Raises AicrError(INVALID_REQUEST)."""
    facts = chart_yaml(read_archive(data, source), source)
    return PackagedChart(
        name=facts["name"], version=facts["version"], data=data, source=source,
        sha256=hashlib.sha256(data).hexdigest(),
    )  # fmt: skip


def write_archive(name: str, files: Mapping[str, bytes]) -> bytes:
    """Give the package of a chart's files: the same bytes for the same files, whenever and wherever."""
    order = sorted(files, key=lambda path: (path != CHART, path))
    return pack({f"{name}/{path}": files[path] for path in order})
