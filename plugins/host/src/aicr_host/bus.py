"""Ask systemd for all properties of units over D-Bus, with jeepney's messages over a socket of our own.

Two sources, in this order: systemd's private socket (root only; no bus daemon, so no ``Hello``), and the system bus.
The private peer has a quirk: a first call that arrives together with ``BEGIN`` waits for more bytes. So we pause, and
wake it with a ``Ping`` when no answer comes (spec/snapshot.md 4.1, 4.3).
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Callable

PRIVATE = "/run/systemd/private"
SYSTEM = "/run/dbus/system_bus_socket"
_PAUSE = 0.05
_WAKE = 0.1
_MAX_REPLY = 4 * 1024 * 1024


class Bus:
    """One authenticated connection."""

    def __init__(self, path: str, remaining: Callable[[], float], *, hello: bool) -> None:
        from jeepney.low_level import Parser

        self.path = path
        self._remaining = remaining
        self._serial = 0
        self._parser = Parser()
        self._replies: dict[int, Any] = {}
        self._received = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.settimeout(max(0.01, remaining()))
            self._socket.connect(path)
            self._authenticate()
            if hello:
                self._call(
                    "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello"
                )
            else:
                time.sleep(_PAUSE)
        except BaseException as error:
            self._socket.close()
            if isinstance(error, OSError):
                raise _fault(path, error) from None
            raise

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _authenticate(self) -> None:
        from jeepney.auth import BEGIN

        self._socket.sendall(
            b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n"
        )
        answer = b""
        while not answer.endswith(b"\r\n"):
            self._socket.settimeout(max(0.01, self._remaining()))
            chunk = self._socket.recv(512)
            answer += chunk
            if not chunk or len(answer) > 4096:
                raise AicrError(Code.UNAUTHORIZED, "the connection was refused", where=self.path)
        if not answer.startswith(b"OK"):
            raise AicrError(
                Code.UNAUTHORIZED,
                "the authentication was refused",
                where=self.path,
                hint="run as root",
            )
        self._socket.sendall(BEGIN)

    def properties(self, unit: str) -> dict[str, tuple[str, Any]]:
        """Give all properties of a unit as (signature, value). Raises AicrError."""
        path = f"/org/freedesktop/systemd1/unit/{escape(unit)}"
        (found,) = self._call(
            "org.freedesktop.systemd1",
            path,
            "org.freedesktop.DBus.Properties",
            "GetAll",
            "s",
            ("",),
        )
        return dict(found)

    def _call(
        self,
        name: str,
        path: str,
        interface: str,
        member: str,
        signature: str | None = None,
        body: Any = (),
    ) -> Any:
        from jeepney import DBusAddress, new_method_call

        address = DBusAddress(path, bus_name=name, interface=interface)
        serial = self._send(new_method_call(address, member, signature, body))
        try:
            self._receive(serial, min(_WAKE, self._remaining()))
        except TimeoutError:
            peer = DBusAddress(path, bus_name=name, interface="org.freedesktop.DBus.Peer")
            self._send(new_method_call(peer, "Ping"))
            try:
                self._receive(serial, self._remaining())
            except TimeoutError:
                raise AicrError(Code.TIMEOUT, "systemd did not answer", where=self.path) from None
        reply = self._replies.pop(serial)
        from jeepney import MessageType

        if reply.header.message_type is MessageType.error:
            text = reply.body[0] if reply.body else "no reason given"
            raise AicrError(
                Code.INTERNAL,
                f"{member} of {path.rpartition('/')[2]} failed: {text}",
                where=self.path,
            )
        return reply.body

    def _send(self, message: Any) -> int:
        self._serial += 1
        try:
            self._socket.sendall(message.serialise(serial=self._serial))
        except OSError as error:
            raise _fault(self.path, error) from None
        return self._serial

    def _receive(self, serial: int, timeout: float) -> None:
        from jeepney import HeaderFields

        end = time.monotonic() + timeout
        while serial not in self._replies:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            try:
                chunk = self._socket.recv(65536)
            except TimeoutError:
                raise
            except OSError as error:
                raise _fault(self.path, error) from None
            self._received += len(chunk)
            if not chunk or self._received > _MAX_REPLY:
                raise AicrError(
                    Code.INTERNAL, "the answer was cut off or is endless", where=self.path
                )
            try:
                self._parser.add_data(chunk)
                while (message := self._parser.get_next_message()) is not None:
                    answered = message.header.fields.get(HeaderFields.reply_serial)
                    if answered is not None:
                        self._replies[answered] = message
            except Exception as error:
                # jeepney raises whatever its decoding runs into; the peer is at fault, not we.
                raise AicrError(
                    Code.INTERNAL, f"the answer is no D-Bus message: {error}", where=self.path
                ) from None


def _fault(path: str, error: OSError) -> AicrError:
    if isinstance(error, TimeoutError):
        return AicrError(Code.TIMEOUT, "no answer", where=path)
    if isinstance(error, (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)):
        return AicrError(Code.NOT_FOUND, "nobody listens there", where=path)
    if isinstance(error, PermissionError):
        return AicrError(
            Code.UNAUTHORIZED, "the connection was refused", where=path, hint="run as root"
        )
    return AicrError(Code.INTERNAL, f"the connection broke: {error.strerror or error}", where=path)


def escape(unit: str) -> str:
    """Give a unit's name as the last part of its object path: ``kubelet.service`` -> ``kubelet_2eservice``."""
    found = ""
    for position, byte in enumerate(unit.encode("utf-8")):
        char = chr(byte)
        plain = char.isascii() and char.isalnum() and not (position == 0 and char.isdigit())
        found += char if plain else f"_{byte:02x}"
    return found
