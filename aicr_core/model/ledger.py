"""What one check has made in the cluster, listed so that it can be removed. Thread-safe; removes nothing itself."""

from __future__ import annotations

import threading

from aicr_core.kit.errors import AicrError, Code


class Ledger:
    """What one check has made in the cluster, to be removed in reverse order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: list[str] = []
        self._uids: dict[str, str] = {}
        self._closed = False

    def note(self, path: str) -> None:
        """Note an object before it is made. Raises AicrError(TIMEOUT) when nobody waits for the check any more."""
        with self._lock:
            if self._closed:
                raise AicrError(Code.TIMEOUT, "the check was given up; it makes no more objects")
            self._paths.append(path)

    def made(self, path: str, uid: str) -> bool:
        """Keep the uid of an object that was made; False when the check was given up while it was being made."""
        with self._lock:
            self._uids[path] = uid
            return not self._closed

    def uid(self, path: str) -> str:
        """Give the uid of a noted object; empty when nobody knows whether it was made."""
        with self._lock:
            return self._uids.get(path, "")

    def forget(self, path: str) -> None:
        """Take back a note: the object was never made, or is gone."""
        with self._lock:
            if path in self._paths:
                self._paths.remove(path)
            self._uids.pop(path, None)

    def close(self) -> list[str]:
        """Take no more notes; give what is noted, last first."""
        with self._lock:
            self._closed = True
            return list(reversed(self._paths))
