"""See what code of a plugin asks of the machine, by audit hooks: connections, programs, files. Runs in a child process.

What is not allowed there is refused as the operating system would refuse it, so that a plugin under test does no harm.
An audit hook sees what Python code asks for; a native library that asks the kernel itself is not seen.
"""

from __future__ import annotations

import errno
import os
import sys
import sysconfig
import threading
from typing import Any

_NET = {
    "socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname",
    "socket.gethostbyaddr",
}  # fmt: skip
_CHANGES = {
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.chown", "os.truncate",
    "os.utime", "shutil.rmtree", "shutil.move", "shutil.copyfile",
}  # fmt: skip
_RUNS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn"}
_HARMLESS = (
    "/dev/null", "/dev/urandom", "/dev/tty", "/usr/share/zoneinfo", "/etc/localtime", "/etc/mime.types", "/etc/ssl",
    "/usr/lib/ssl", "/etc/pki", "/usr/share/ca-certificates", "/usr/share/locale", "/etc/httpd", "/etc/apache",
)  # fmt: skip
"""What the standard library reads by itself; reading it tells nothing about the host."""


class Watch:
    """Notes what is asked for, by what :attr:`where` says is being called; refuses it whoever asks.

    Between calls ``where`` is empty: what is seen then comes from work that was abandoned, or from the kit.
    """

    def __init__(self, own: list[str], permissions: list[str], package: str) -> None:
        """Allow changes below ``own``; programs, and sockets of the host, as ``permissions`` allow them.

        A module of ``package`` may be run by this interpreter: it is the plugin's own code.
        """
        self._package = package
        self.events: dict[str, list[list[str]]] = {}
        self.where = ""
        self._own = tuple(os.path.realpath(path) for path in own)
        self._permissions = permissions
        self._inside = threading.local()
        code = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()}
        code |= {path for path in sys.path if path}
        self._code = tuple(os.path.realpath(path) for path in code if path not in ("/", ""))

    def start(self) -> None:
        """Begin; an audit hook cannot be taken away again."""
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if getattr(self._inside, "busy", False):
            return
        self._inside.busy = True
        try:
            self._see(event, arguments)
        finally:
            self._inside.busy = False

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _NET:
            self._net(event, arguments)
        elif event in _RUNS:
            self._runs(event, arguments)
        elif event in _CHANGES:
            for path in arguments[: 2 if event in ("os.rename", "os.link", "shutil.move") else 1]:
                self._changes(path)
        elif event == "open":
            self._opens(*arguments[:3])

    def _note(self, kind: str, what: str) -> None:
        seen = self.events.setdefault(self.where, [])
        if [kind, what] not in seen and len(seen) < 50:
            seen.append([kind, what])

    def _net(self, event: str, arguments: tuple[Any, ...]) -> None:
        address = (
            arguments[1]
            if event in ("socket.connect", "socket.bind", "socket.sendto")
            else arguments[0]
        )
        if isinstance(address, str | bytes) and event in ("socket.connect", "socket.bind"):
            # A socket file is a part of the host.
            self._note("read", os.fsdecode(address))
            if "host.read" in self._permissions:
                return
        else:
            self._note("net", str(address))
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    def _runs(self, event: str, arguments: tuple[Any, ...]) -> None:
        program = arguments[0] if arguments[0] is not None else (arguments[1] or [""])[0]
        if event == "subprocess.Popen" and self._own_module(program, arguments[1]):
            return
        name = os.path.basename(os.fsdecode(program).split()[0]) if program else event
        self._note("exec", name)
        from fnmatch import fnmatchcase

        if not any(fnmatchcase(f"exec:{name}", word) for word in self._permissions):
            raise PermissionError(errno.EACCES, "Permission denied", name)

    def _own_module(self, program: Any, argv: Any) -> bool:
        if not program or os.path.realpath(os.fsdecode(program)) != os.path.realpath(
            sys.executable
        ):
            return False
        words = [os.fsdecode(word) for word in argv] if isinstance(argv, list | tuple) else []
        after = words[words.index("-m") + 1 :] if "-m" in words else []
        return bool(after) and after[0].split(".")[0] == self._package

    def _opens(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int) or path is None:
            return
        flags = flags if isinstance(flags, int) else 0
        writing = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or (
            isinstance(mode, str) and set(mode) & set("wax+")
        )
        if writing:
            self._changes(path)
            return
        real = os.path.realpath(os.fsdecode(path))
        if not real.startswith((*self._own, *self._code, *_HARMLESS)):
            self._note("read", real)

    def _changes(self, path: Any) -> None:
        if isinstance(path, int) or path is None:
            return
        real = os.path.realpath(os.fsdecode(path))
        if real == "/dev/null":
            return
        own = real.startswith(self._own)
        self._note("write-own" if own else "write", real)
        if not own:
            raise PermissionError(errno.EACCES, "Permission denied", real)
