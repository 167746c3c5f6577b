"""The collector ``systemd`` against a peer that speaks the real protocol and replays what systemd 252 answered."""

from __future__ import annotations

import contextlib
import json
import pathlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from aicr_host import systemd
from aicr_host.bus import escape
from aicr_host.goform import reading, text

from aicr_core.api import Context, Subtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATA = pathlib.Path(__file__).resolve().parents[3].parent / "shared/data/snapshots"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="../shared/data/snapshots is not beside this checkout"
)


def _as_type(signature: str, value: Any) -> Any:
    if signature.startswith("("):
        from aicr_host.goform import single_types

        return tuple(
            _as_type(one, item)
            for one, item in zip(single_types(signature[1:-1]), value, strict=True)
        )
    if signature.startswith("ay"):
        return bytes(value)
    if signature.startswith("a"):
        return [_as_type(signature[1:], item) for item in value]
    return value


class Peer:
    """A private socket of systemd: authentication, then ``Properties.GetAll``.

    ``sluggish`` answers the first call only once something follows it, as the real one does.
    """

    def __init__(self, path: pathlib.Path, units: dict[str, Any], *, sluggish: bool = False, refuse: bool = False,
                 reply: Callable[[Any], bytes] | None = None) -> None:  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        self._units = {
            f"/org/freedesktop/systemd1/unit/{escape(name)}": value for name, value in units.items()
        }
        self._sluggish, self._refuse, self._reply = sluggish, refuse, reply
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        from jeepney.low_level import Parser

        hello = b""
        while not hello.endswith(b"\r\n"):
            hello += connection.recv(1)
        assert hello.startswith(b"\0AUTH EXTERNAL ")
        if self._refuse:
            connection.sendall(b"REJECTED EXTERNAL\r\n")
            return
        connection.sendall(b"OK 0123\r\n")
        begin = b""
        while not begin.endswith(b"BEGIN\r\n"):
            begin += connection.recv(1)
        parser = Parser()
        waiting = self._sluggish
        while chunk := connection.recv(65536):
            parser.add_data(chunk)
            if waiting:
                # The real manager leaves the first message lying until more bytes come.
                waiting = False
                parser.add_data(connection.recv(65536))
            while (message := parser.get_next_message()) is not None:
                connection.sendall(self._answer(message))

    def _answer(self, message: Any) -> bytes:
        from jeepney import HeaderFields, new_error, new_method_return

        if self._reply is not None:
            return self._reply(message)
        fields = message.header.fields
        if fields[HeaderFields.member] == "Ping":
            return bytes(new_method_return(message).serialise(serial=1))
        properties = self._units.get(fields[HeaderFields.path])
        if properties is None:
            answer = new_error(
                message, "org.freedesktop.DBus.Error.NoSuchUnit", "s", ("no such unit",)
            )
            return bytes(answer.serialise(serial=1))
        body = {
            name: (item["signature"], _as_type(item["signature"], item["value"]))
            for name, item in properties.items()
        }
        return bytes(new_method_return(message, "a{sv}", (body,)).serialise(serial=1))


@pytest.fixture
def peer(tmp_path: pathlib.Path) -> Iterator[Callable[..., None]]:
    made: list[Peer] = []

    def make(units: dict[str, Any], place: str = "run/systemd/private", **options: Any) -> None:
        made.append(Peer(tmp_path / place, units, **options))

    yield make
    for item in made:
        item.close()


def collect(root: pathlib.Path, timeout: float = 10.0, **options: Any) -> dict[str, Subtype]:
    context = Context(options={"host_root": str(root), **options}, timeout=timeout)
    return {subtype.name: subtype for subtype in systemd.collect(context).subtypes}


STATE = {
    "ActiveState": {"signature": "s", "value": "active"},
    "Id": {"signature": "s", "value": "x"},
}
ALL = dict.fromkeys(systemd.UNITS, STATE)


@needs_data
@pytest.mark.parametrize("sluggish", [False, True])
def test_recorded_properties(peer: Any, tmp_path: pathlib.Path, sluggish: bool) -> None:
    from aicr_core.kit import yamlio  # test only: the golden is YAML

    units = {
        unit: json.loads((DATA / f"raw/systemd/getall-{unit}.json").read_text("utf-8"))
        for unit in systemd.UNITS
    }
    peer(units, sluggish=sluggish)
    golden: Any = yamlio.load((DATA / "golden/full-v0.11.1.yaml").read_text("utf-8"), "golden")
    (wanted,) = (item for item in golden["measurements"] if item["type"] == "SystemD")
    found = collect(tmp_path)
    assert list(found) == [subtype["subtype"] for subtype in wanted["subtypes"]]
    for subtype in wanted["subtypes"]:
        data = dict(found[subtype["subtype"]].data or {})
        assert len(data) == 391
        # Memory in use differs between the two recordings; its type does not.
        assert type(data.pop("MemoryCurrent")) is type(subtype["data"].pop("MemoryCurrent"))
        assert data == subtype["data"]
        assert {key: type(value) for key, value in data.items()} == {
            key: type(value) for key, value in subtype["data"].items()
        }


def test_a_further_unit_and_one_that_fails(peer: Any, tmp_path: pathlib.Path) -> None:
    peer({"docker.service": STATE, "nvidia-fabricmanager.service": STATE})
    found = collect(tmp_path, systemd_units=("nvidia-fabricmanager.service",))
    assert found["nvidia-fabricmanager.service"].data == {"ActiveState": "active"}
    assert found["docker.service"].data == {"ActiveState": "active"}
    assert (found["kubelet.service"].data, found["kubelet.service"].status) == (None, "failed")
    assert "no such unit" in found["kubelet.service"].reason


def test_no_socket_is_skipped(tmp_path: pathlib.Path) -> None:
    found = collect(tmp_path)
    assert list(found) == list(systemd.UNITS)
    assert {subtype.status for subtype in found.values()} == {"skipped"}
    assert "nobody listens" in found["kubelet.service"].reason


def test_a_refused_authentication_is_forbidden(peer: Any, tmp_path: pathlib.Path) -> None:
    peer(ALL, refuse=True)
    assert {subtype.status for subtype in collect(tmp_path).values()} == {"forbidden"}


@pytest.mark.parametrize(
    "garbage", [b"", b"\0" * 400, b"l\1\0\1" + b"\xff" * 64, b"HTTP/1.1 400 Bad Request\r\n\r\n"]
)
def test_garbage_and_silence_end_at_the_deadline(
    peer: Any, tmp_path: pathlib.Path, garbage: bytes
) -> None:
    peer(ALL, reply=lambda _message: garbage)
    found = collect(tmp_path, timeout=0.6)
    assert {subtype.status for subtype in found.values()} <= {"failed", "timeout"}


def test_the_system_bus_serves_where_the_private_socket_refuses(
    peer: Any, tmp_path: pathlib.Path
) -> None:
    from jeepney import HeaderFields, new_method_return

    def bus(message: Any) -> bytes:
        if message.header.fields[HeaderFields.member] == "Hello":
            return bytes(new_method_return(message, "s", (":1.7",)).serialise(serial=1))
        body = {name: (item["signature"], item["value"]) for name, item in STATE.items()}
        return bytes(new_method_return(message, "a{sv}", (body,)).serialise(serial=2))

    peer({}, refuse=True)
    peer({}, "run/dbus/system_bus_socket", reply=bus)
    found = collect(tmp_path)
    assert {subtype.status for subtype in found.values()} == {"ok"}
    assert found["kubelet.service"].source.endswith("system_bus_socket")


@pytest.mark.parametrize(
    ("signature", "value", "expected"),
    [
        ("s", "a", "a"), ("b", 1, True), ("x", -5, -5), ("t", 2**64 - 1, 2**64 - 1), ("d", 0.5, 0.5),
        ("u", 493, "493"), ("i", -999, "-999"), ("y", 7, "7"), ("as", [], "[]"), ("as", ["", ""], "[ ]"),
        ("(uo)", (0, "/"), "[0 /]"), ("ab", [True, False], "[true false]"), ("ay", b"\x01\x02", "[1 2]"),
        ("a(sb)", [("a", True)], "[[a true]]"), ("a{su}", {"k2": 2, "k": 1}, "map[k2:2 k:1]"),
        ("v", ("as", ["x"]), "[x]"),
    ],
)  # fmt: skip
def test_go_form(signature: str, value: Any, expected: Any) -> None:
    if signature.startswith("a{"):
        assert set(text(signature, value)[4:-1].split()) == set(str(expected)[4:-1].split())
        return
    found = reading(signature, value)
    assert found == expected
    assert type(found) is type(expected)


def test_names_of_units_as_paths() -> None:
    assert escape("containerd.service") == "containerd_2eservice"
    assert escape("1é@a.service") == "_31_c3_a9_40a_2eservice"
