"""Ask systemd for all properties of units over D-Bus, with jeepney's messages over a socket of our own.

The peer is systemd's private socket (root only; no bus daemon, so no ``Hello``), or the system bus. The private one
has a quirk: a first call that arrives together with ``BEGIN`` waits for more bytes. So we pause, and wake it with a
``Ping`` when no answer comes (spec/snapshot.md 4.1, 4.3). Whom to ask, and what the values mean, ``systemd`` knows.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Sequence

PRIVATE = "/run/systemd/private"
SYSTEM = "/run/dbus/system_bus_socket"
_MANAGER = "org.freedesktop.systemd1"
_PAUSE = 0.05
_WAKE = 0.1
_MAX_ANSWER = 4 * 1024 * 1024
"""Bytes a peer may send for one call; a real answer has 30 KB."""
_CODES = {
    "org.freedesktop.DBus.Error.AccessDenied": Code.UNAUTHORIZED,
    "org.freedesktop.DBus.Error.ServiceUnknown": Code.NOT_FOUND,
    "org.freedesktop.DBus.Error.NameHasNoOwner": Code.NOT_FOUND,
}
Properties = dict[str, tuple[str, Any]]
"""Name of a property -> (signature, value)."""


class Bus:
    """One authenticated connection, usable for ``seconds`` from now. Raises AicrError."""

    def __init__(self, path: str, seconds: float, *, hello: bool) -> None:
        from jeepney.low_level import Parser

        self.path = path
        self._end = time.monotonic() + seconds
        self._serial = 0
        self._parser = Parser()
        self._replies: dict[int, Any] = {}
        self._room = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._connect()
            if hello:
                daemon = "org.freedesktop.DBus"
                serial = self._call(daemon, "/org/freedesktop/DBus", daemon, "Hello")
                self._receive({serial}, self._end)
                self._body(serial)
            else:
                time.sleep(_PAUSE)
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _connect(self) -> None:
        from jeepney.auth import BEGIN, make_auth_external

        try:
            self._socket.settimeout(self._left())
            self._socket.connect(self.path)
        except OSError as error:
            raise _fault(self.path, error) from None
        refused = AicrError(
            Code.UNAUTHORIZED, "the connection was refused", where=self.path, hint="run as root"
        )
        try:
            self._socket.sendall(b"\0" + make_auth_external())
            answer = b""
            while not answer.endswith(b"\r\n"):
                self._socket.settimeout(self._left())
                chunk = self._socket.recv(512)
                answer += chunk
                if not chunk or len(answer) > 4096:
                    raise refused
            if not answer.startswith(b"OK"):
                raise refused
            self._socket.sendall(BEGIN)
        except (ConnectionResetError, BrokenPipeError):
            # That is how systemd turns away whom it does not trust.
            raise refused from None
        except OSError as error:
            raise _fault(self.path, error) from None

    def properties(self, units: Sequence[str]) -> dict[str, Properties | AicrError]:
        """Give all properties of every unit, or why there are none; all are asked for at once."""
        serials: dict[str, int] = {}
        fault: AicrError | None = None
        self._room = _MAX_ANSWER * len(units)
        try:
            for unit in units:
                path = f"/org/freedesktop/systemd1/unit/{escape(unit)}"
                interface = "org.freedesktop.DBus.Properties"
                serials[unit] = self._call(_MANAGER, path, interface, "GetAll", "s", ("",))
            wanted = set(serials.values())
            if not self._receive(wanted, time.monotonic() + _WAKE):
                peer = "org.freedesktop.DBus.Peer"
                self._call(_MANAGER, "/org/freedesktop/systemd1", peer, "Ping")
                if not self._receive(wanted, self._end):
                    fault = AicrError(Code.TIMEOUT, "systemd did not answer", where=self.path)
        except AicrError as error:
            fault = error
        found: dict[str, Properties | AicrError] = {}
        for unit in units:
            try:
                found[unit] = self._properties(serials.get(unit), fault)
            except AicrError as error:
                found[unit] = error
        return found

    def _properties(self, serial: int | None, fault: AicrError | None) -> Properties:
        if serial not in self._replies:
            raise fault or AicrError(Code.INTERNAL, "no answer came", where=self.path)
        body = self._body(serial)
        if len(body) != 1 or not isinstance(body[0], dict):
            raise AicrError(Code.INTERNAL, "the answer holds no properties", where=self.path)
        return body[0]

    def _left(self) -> float:
        """Seconds left, never 0: that would make the socket not wait at all."""
        return max(0.01, self._end - time.monotonic())

    def _body(self, serial: int) -> Any:
        from jeepney import HeaderFields, MessageType

        try:
            reply = self._replies.pop(serial)
        except KeyError:
            raise AicrError(Code.TIMEOUT, "no answer", where=self.path) from None
        if reply.header.message_type is MessageType.error:
            name = str(reply.header.fields.get(HeaderFields.error_name, ""))
            text = str(reply.body[0]) if reply.body else name or "no reason given"
            raise AicrError(_CODES.get(name, Code.INTERNAL), f"systemd: {text}", where=self.path)
        return reply.body

    def _call(
        self, name: str, path: str, interface: str, member: str,
        signature: str | None = None, body: tuple[Any, ...] = (),
    ) -> int:  # fmt: skip
        from jeepney import DBusAddress, new_method_call

        address = DBusAddress(path, bus_name=name, interface=interface)
        self._serial += 1
        self._room += _MAX_ANSWER
        try:
            self._socket.settimeout(self._left())
            self._socket.sendall(
                new_method_call(address, member, signature, body).serialise(serial=self._serial)
            )
        except OSError as error:
            raise _fault(self.path, error) from None
        return self._serial

    def _receive(self, wanted: set[int], end: float) -> bool:
        """Wait until ``end`` for all of these replies; tell whether they are there."""
        while not wanted <= self._replies.keys():
            left = min(end, self._end) - time.monotonic()
            if left <= 0:
                return False
            self._socket.settimeout(left)
            try:
                chunk = self._socket.recv(65536)
            except TimeoutError:
                return False
            except OSError as error:
                raise _fault(self.path, error) from None
            self._room -= len(chunk)
            if not chunk or self._room < 0:
                text = "the answer was cut off" if not chunk else "the answer is endless"
                raise AicrError(Code.INTERNAL, text, where=self.path)
            self._parse(chunk)
        return True

    def _parse(self, chunk: bytes) -> None:
        from jeepney import HeaderFields

        try:
            for message in self._parser.feed(chunk):
                answered = message.header.fields.get(HeaderFields.reply_serial)
                if answered is not None:
                    self._replies[answered] = message
        except Exception as error:
            # jeepney raises whatever its decoding runs into; the peer is at fault, not we.
            text = f"the answer is no D-Bus message: {type(error).__name__}"
            raise AicrError(Code.INTERNAL, text, where=self.path) from None


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
    for position, byte in enumerate(unit.encode("utf-8", "surrogateescape")):
        char = chr(byte)
        plain = char.isascii() and char.isalnum() and not (position == 0 and char.isdigit())
        found += char if plain else f"_{byte:02x}"
    return found
