"""Watch what an import does beside importing: files, network, processes, environment, threads.

For the child process of ``aicr plugins doctor`` alone: an audit hook cannot be taken off again. It sees what goes
through the interpreter; a native library can do things it does not see. It reports and prevents nothing.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGING = frozenset((
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "shutil.rmtree", "shutil.move", "shutil.copyfile",
))  # fmt: skip
_NETWORK = frozenset(("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"))
_PROCESSES = frozenset((
    "subprocess.Popen", "os.system", "os.posix_spawn", "os.fork", "os.forkpty", "os.exec", "pty.spawn",
))  # fmt: skip
_MOST = 5
"""Examples of one kind that are told."""


class Watch:
    """What happened between the making of this and :meth:`stop`."""

    def __init__(self) -> None:
        self._on = True
        self._seen: dict[str, list[str]] = {}
        self._environment = dict(os.environ)
        self._threads = set(threading.enumerate())
        sys.addaudithook(self._audit)

    def stop(self) -> dict[str, list[str]]:
        """Give what was seen, by kind: files, network, processes, environment, threads; kinds without any left out."""
        self._on = False
        before, after = self._environment, dict(os.environ)
        changed = [
            name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
        ]
        left = [thread.name for thread in threading.enumerate() if thread not in self._threads]
        found = {**self._seen, "environment": sorted(changed), "threads": sorted(left)}
        return {kind: names[:_MOST] for kind, names in found.items() if names}

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event == "open":
            path, mode, flags = arguments
            # os.open has no mode; open() passes both.
            if isinstance(path, (str, bytes)) and (_writes(mode) or (flags or 0) & _WRITING):
                self._note("files", os.fsdecode(path))
        elif event in _CHANGING:
            self._note("files", _first(arguments))
        elif event in _NETWORK:
            self._note("network", event.removeprefix("socket."))
        elif event in _PROCESSES:
            self._note("processes", _first(arguments) or event)

    def _note(self, kind: str, what: str) -> None:
        known = self._seen.setdefault(kind, [])
        if what not in known and what != os.devnull:
            known.append(what)


def _writes(mode: Any) -> bool:
    return isinstance(mode, str) and any(letter in mode for letter in "wax+")


def _first(arguments: tuple[Any, ...]) -> str:
    first = arguments[0] if arguments else ""
    return os.fsdecode(first) if isinstance(first, (str, bytes)) else repr(first)
