"""Catch what is written to the standard streams, below Python too."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Streams:
    """The standard streams, caught below Python too. Opened once, before anything is watched."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process

    @contextlib.contextmanager
    def caught(self) -> Iterator[Callable[[], str]]:
        """Catch what is written meanwhile; the value gives it afterwards."""
        number = self._file.fileno()
        os.ftruncate(number, 0)
        os.lseek(number, 0, os.SEEK_SET)
        kept = [os.dup(1), os.dup(2)]
        sys.stdout.flush()
        os.dup2(number, 1)
        os.dup2(number, 2)
        try:
            yield lambda: os.pread(number, 1000, 0).decode("utf-8", "replace")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for stream, old in enumerate(kept, 1):
                os.dup2(old, stream)
                os.close(old)
