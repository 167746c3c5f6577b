"""The collector ``systemd`` against a peer that speaks the real protocol and replays what systemd 252 answered."""

from __future__ import annotations

import contextlib
import json
import pathlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from aicr_host import bus, systemd
from aicr_host.bus import escape
from aicr_host.goform import reading

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


def _path(message: Any) -> str:
    from jeepney import HeaderFields

    return str(message.header.fields[HeaderFields.path])


class Peer:
    """A private socket of systemd: authentication, then ``Properties.GetAll``.

    ``sluggish`` answers the first call only once something follows it, as the real one does.
    """

    def __init__(self, path: pathlib.Path, units: dict[str, Any], *, sluggish: bool = False, refuse: bool = False,
                 reply: Callable[[Any], bytes] | None = None) -> None:  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        self._sluggish, self._refuse = sluggish, refuse
        self._reply = reply or self.answer(units)
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
                connection.sendall(self._reply(message))

    @staticmethod
    def answer(units: dict[str, Any]) -> Callable[[Any], bytes]:
        """What the manager answers: properties of ``units``, an error for others, the reply to a ``Ping``."""
        from jeepney import HeaderFields, new_error, new_method_return

        paths = {
            f"/org/freedesktop/systemd1/unit/{escape(name)}": unit for name, unit in units.items()
        }

        def reply(message: Any) -> bytes:
            if message.header.fields[HeaderFields.member] == "Ping":
                return bytes(new_method_return(message).serialise(serial=1))
            properties = paths.get(_path(message))
            if properties is None:
                error = "org.freedesktop.DBus.Error.NoSuchUnit"
                return bytes(new_error(message, error, "s", ("no such unit",)).serialise(serial=1))
            body = {
                name: (item["signature"], _as_type(item["signature"], item["value"]))
                for name, item in properties.items()
            }
            return bytes(new_method_return(message, "a{sv}", (body,)).serialise(serial=1))

        return reply


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


DIFFERENCES = {
    # Deliberate, spec/snapshot.md 14.14: a unit that is not installed is one reading, not 391 defaults.
    "docker.service": {"LoadState": "not-found"},
}


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
        name = subtype["subtype"]
        data = dict(found[name].data or {})
        if name in DIFFERENCES:
            assert data == DIFFERENCES[name]
            assert len(subtype["data"]) == 391
            continue
        # The golden was recorded at another moment than the raw answers: this one reading moved.
        subtype["data"]["MemoryCurrent"] = units[name]["MemoryCurrent"]["value"]
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
def test_garbage_and_silence_end_before_the_deadline(
    peer: Any, tmp_path: pathlib.Path, garbage: bytes
) -> None:
    peer(ALL, reply=lambda _message: garbage)
    context = Context(options={"host_root": str(tmp_path)}, timeout=0.6)
    found = systemd.collect(context).subtypes
    assert {subtype.status for subtype in found} <= {"failed", "timeout"}
    assert context.remaining() > 0, "the core would have given the collector up"


def test_the_system_bus_serves_where_the_private_socket_refuses(
    peer: Any, tmp_path: pathlib.Path
) -> None:
    from jeepney import HeaderFields, new_method_return

    def daemon(message: Any) -> bytes:
        if message.header.fields[HeaderFields.member] == "Hello":
            return bytes(new_method_return(message, "s", (":1.7",)).serialise(serial=1))
        body = {name: (item["signature"], item["value"]) for name, item in STATE.items()}
        return bytes(new_method_return(message, "a{sv}", (body,)).serialise(serial=2))

    peer({}, refuse=True)
    peer({}, "run/dbus/system_bus_socket", reply=daemon)
    found = collect(tmp_path)
    assert {subtype.status for subtype in found.values()} == {"ok"}
    assert found["kubelet.service"].source.endswith("system_bus_socket")


def test_a_unit_that_hangs_costs_only_itself(peer: Any, tmp_path: pathlib.Path) -> None:
    answered = Peer.answer(ALL)

    def reply(message: Any) -> bytes:
        return b"" if "docker" in _path(message) else answered(message)

    peer(ALL, reply=reply)
    found = collect(tmp_path, timeout=0.8)
    assert {name: subtype.status for name, subtype in found.items()} == {
        "containerd.service": "ok", "docker.service": "timeout", "kubelet.service": "ok",
    }  # fmt: skip


def test_a_unit_that_may_not_be_read_is_forbidden(peer: Any, tmp_path: pathlib.Path) -> None:
    from jeepney import new_error

    answered = Peer.answer(ALL)
    denied = "org.freedesktop.DBus.Error.AccessDenied"

    def reply(message: Any) -> bytes:
        if "docker" not in _path(message):
            return answered(message)
        return bytes(new_error(message, denied, "s", ("no",)).serialise(serial=9))

    peer(ALL, reply=reply)
    assert collect(tmp_path)["docker.service"].status == "forbidden"


def test_an_endless_answer_is_cut(
    peer: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "_MAX_ANSWER", 10_000)
    huge = b"l\2\1\1" + (2**27).to_bytes(4, "little") + bytes(8) + b"x" * 500_000
    peer(ALL, reply=lambda _message: huge)
    found = collect(tmp_path)["kubelet.service"]
    assert (found.status, "endless" in found.reason) == ("failed", True)


def test_a_peer_that_hangs_up_has_refused(tmp_path: pathlib.Path) -> None:
    place = tmp_path / "run/systemd/private"
    place.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        ends = threading.Thread(target=lambda: listener.accept()[0].close())
        ends.start()
        found = collect(tmp_path)["kubelet.service"]
        ends.join()
    assert found.status == "forbidden"


def test_a_value_that_is_not_of_its_type_costs_its_unit(peer: Any, tmp_path: pathlib.Path) -> None:
    peer({**ALL, "docker.service": {"Odd": {"signature": "v", "value": ("v", ("s", "x"))}}})
    found = collect(tmp_path)
    assert found["docker.service"].data == {"Odd": "x"}
    assert found["kubelet.service"].status == "ok"


def test_names_of_units() -> None:
    named = systemd.units(["crio", "kubelet.service", "a.b", "x.timer", "crio.service"])
    assert named == (*systemd.UNITS, "crio.service", "a.b.service", "x.timer")


def test_systemctl_serves_where_there_is_no_bus(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "systemctl").write_text(
        "#!/bin/sh\n[ $# = 5 ] || exit 1\n"
        'case "$5" in docker*) echo LoadState=not-found; echo Type=simple;;\n'
        "*) echo LoadState=loaded; echo RestartUSec=5s; echo Id=x; echo; echo LoadCredential=a;; esac\n"
    )
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    # The sockets of this machine must not answer: the places are those of a host that has none.
    monkeypatch.setattr(systemd, "PRIVATE", str(tmp_path / "private"))
    monkeypatch.setattr(systemd, "SYSTEM", str(tmp_path / "system"))
    found = collect(pathlib.Path("/"))
    kubelet = found["kubelet.service"]
    assert kubelet.data == {"LoadState": "loaded", "RestartUSec": "5s"}
    assert (kubelet.status, kubelet.context) == ("degraded", {"source": "systemctl"})
    assert found["docker.service"].data == {"LoadState": "not-found"}


@pytest.mark.parametrize("text", ["exit 1", "sleep 600"])
def test_a_host_without_systemd_is_skipped(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "systemctl").write_text(f"#!/bin/sh\n{text}\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(systemd, "PRIVATE", str(tmp_path / "private"))
    monkeypatch.setattr(systemd, "SYSTEM", str(tmp_path / "system"))
    found = collect(pathlib.Path("/"), timeout=1.0)["kubelet.service"]
    assert (found.data, found.status) == (None, "skipped")
    assert "systemctl show: systemctl" in found.reason


@needs_data
def test_a_recorded_systemctl_text_has_the_names_of_the_bus() -> None:
    text = (DATA / "raw/systemd/systemctl-show-containerd.service.txt").read_text("utf-8")
    by_tool = {line.partition("=")[0] for line in text.splitlines() if "=" in line}
    by_bus = json.loads((DATA / "raw/systemd/getall-containerd.service.json").read_text("utf-8"))
    assert by_tool <= by_bus.keys()


@pytest.mark.parametrize(
    ("signature", "value", "expected"),
    [
        ("s", "a", "a"), ("b", 1, True), ("x", -5, -5), ("t", 2**64 - 1, 2**64 - 1), ("d", 0.5, 0.5),
        ("u", 493, "493"), ("i", -999, "-999"), ("y", 7, "7"), ("as", [], "[]"), ("as", ["", ""], "[ ]"),
        ("(uo)", (0, "/"), "[0 /]"), ("ab", [True, False], "[true false]"), ("ay", b"\x01\x02", "[1 2]"),
        ("a(sb)", [("a", True)], "[[a true]]"), ("a{ys}", {10: "b", 9: "a"}, "map[9:a 10:b]"), ("a{su}", {"k2": 2, "k": 1}, "map[k:1 k2:2]"),
        ("v", ("as", ["x"]), "[x]"),
    ],
)  # fmt: skip
def test_go_form(signature: str, value: Any, expected: Any) -> None:
    found = reading(signature, value)
    assert found == expected
    assert type(found) is type(expected)


def test_names_of_units_as_paths() -> None:
    assert escape("containerd.service") == "containerd_2eservice"
    assert escape("1é@a.service") == "_31_c3_a9_40a_2eservice"
