"""The collector ``os``: what the reference reads agrees with its recorded runs, and what could not be read is said."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from aicr_host import system
from aicr_host.files import MAX_BYTES, Unreadable, fields, names, read, resolve, value

from aicr_core.api import Context, Subtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Put = Callable[[str, bytes | str], pathlib.Path]


def collect(root: pathlib.Path, timeout: float = 60.0) -> dict[str, Subtype]:
    context = Context(options={"host_root": str(root)}, timeout=timeout)
    measurement = system.collect(context)
    assert measurement.type == "OS"
    return {subtype.name: subtype for subtype in measurement.subtypes}


@pytest.mark.parametrize(
    ("folder", "file", "name"),
    [
        ("os-release", "etc/os-release", "release"),
        ("proc-cmdline", "proc/cmdline", "grub"),
        ("proc-modules", "proc/modules", "kmod"),
    ],
)
def test_recorded_files(
    data: pathlib.Path, root: pathlib.Path, put: Put, folder: str, file: str, name: str
) -> None:
    raw = data / "raw" / folder
    expected: dict[str, Any] = json.loads((raw / "expected.json").read_text("utf-8"))
    assert len(expected) >= 2
    for case, readings in expected.items():
        put(file, (raw / case).read_bytes())
        assert collect(root)[name].data == readings[f"OS.{name}"], case


def test_the_whole_recorded_host(data: pathlib.Path, root: pathlib.Path) -> None:
    from aicr_core.kit import yamlio  # test only: the golden is YAML

    shutil.copytree(data / "golden/inputs", root, dirs_exist_ok=True)
    (root / "proc/sys/test/big").write_bytes(b"x" * 1_048_577)
    (root / "proc/sys/test/link").symlink_to("spaces")
    golden: Any = yamlio.load((data / "golden/full-v0.11.1.yaml").read_text("utf-8"), "golden")
    (wanted,) = (item for item in golden["measurements"] if item["type"] == "OS")
    found = collect(root)
    recorded = [subtype["subtype"] for subtype in wanted["subtypes"]]
    # Ours come after them (spec/snapshot.md 14.14), so that a reader of the old ones finds what it knows.
    assert list(found) == [*recorded, "cmdline", "hardware", "network", "network-sysctl"]
    for subtype in wanted["subtypes"]:
        assert found[subtype["subtype"]].data == subtype["data"]
        assert found[subtype["subtype"]].status == "ok"
    assert found["cmdline"].data is not None
    assert found["cmdline"].data["dyndbg"] == "file drivers/usb/* +p"
    assert found["network-sysctl"].data == {"/proc/sys/net/core/somaxconn": "4096"}
    assert [item.data["maker"] for item in found["network"].items] == ["mellanox"]


def test_an_empty_host_misses_everything_and_says_so(root: pathlib.Path) -> None:
    found = collect(root)
    assert {subtype.status for subtype in found.values()} == {"skipped"}
    assert all(subtype.data is None for subtype in found.values())
    assert all(str(root) in subtype.reason for subtype in found.values())


def test_empty_files_are_empty_readings(root: pathlib.Path, put: Put) -> None:
    put("proc/cmdline", "")
    put("proc/modules", "\n")
    found = collect(root)
    assert found["grub"].data == found["cmdline"].data == found["kmod"].data == {}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a" * (MAX_BYTES + 1), b"a=\xc3"])
def test_what_is_no_text_or_too_large_is_left_out(
    root: pathlib.Path, put: Put, content: bytes
) -> None:
    put("proc/cmdline", content)
    for name in ("grub", "cmdline"):
        found = collect(root)[name]
        assert (found.data, found.status) == (None, "failed")


def test_a_command_line_of_one_mebibyte_is_read(root: pathlib.Path, put: Put) -> None:
    put("proc/cmdline", b"a b=" + b"x" * (MAX_BYTES - 4))
    found = collect(root)
    assert found["grub"].data == found["cmdline"].data == {"a": "", "b": "x" * (MAX_BYTES - 4)}


def test_nul_bytes_and_control_characters_are_readings(root: pathlib.Path, put: Put) -> None:
    put("proc/cmdline", b"a=\x00b\x1c c=\x1b[31m")
    assert collect(root)["grub"].data == {"a": "\x00b\x1c", "c": "\x1b[31m"}


def test_pipes_folders_and_links_are_no_files(root: pathlib.Path, put: Put) -> None:
    put("proc/real", "a=b")
    os.mkfifo(root / "proc/cmdline")
    assert collect(root)["grub"].status == "failed"
    with pytest.raises(Unreadable, match="no regular file"):
        read(str(root / "proc/cmdline"))
    (root / "proc/cmdline").unlink()
    (root / "proc/cmdline").symlink_to("real")
    assert collect(root)["grub"].status == "failed"
    (root / "proc/cmdline").unlink()
    (root / "proc/cmdline").mkdir()
    assert collect(root)["grub"].status == "failed"


def test_a_device_that_never_ends_is_no_file() -> None:
    with pytest.raises(Unreadable, match="no regular file"):
        read("/dev/zero")


def test_a_path_with_a_nul_byte_is_unreadable() -> None:
    for call in (read, names):
        with pytest.raises(Unreadable):
            call("/proc/\0")


@pytest.fixture
def nobody() -> Iterator[pathlib.Path]:
    """A tree that all may enter, and a process that is not root while the test runs."""
    if os.geteuid():
        yield pathlib.Path(tempfile.mkdtemp())
        return
    folder = pathlib.Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)


def test_forbidden_is_not_missing(nobody: pathlib.Path) -> None:
    (nobody / "proc/sys/kernel/closed").mkdir(parents=True)
    (nobody / "proc/sys/vm").mkdir()
    for path in ("cmdline", "sys/kernel/open", "sys/kernel/shut", "sys/vm/open"):
        (nobody / "proc" / path).write_text("a=b")
    for path in ("cmdline", "sys/kernel/shut", "sys/kernel/closed"):
        (nobody / "proc" / path).chmod(0)
    if not os.geteuid():
        os.seteuid(65534)
    found = collect(nobody)
    assert (found["grub"].data, found["grub"].status) == (None, "forbidden")
    assert "run as root" in found["grub"].reason
    # One closed folder costs what is in it; v0.11.1 lost all settings then.
    assert found["sysctl"].data == {"/proc/sys/kernel/open": "a=b", "/proc/sys/vm/open": "a=b"}
    assert found["sysctl"].status == "degraded"
    assert "1 folders may not be read" in found["sysctl"].reason
    assert "1 settings are not readable" in found["sysctl"].reason


def test_no_settings_at_all_are_forbidden(nobody: pathlib.Path) -> None:
    (nobody / "proc/sys").mkdir(parents=True)
    (nobody / "proc/sys").chmod(0)
    if not os.geteuid():
        os.seteuid(65534)
    assert collect(nobody)["sysctl"].status == "forbidden"


def test_odd_names_and_deep_trees_of_settings(root: pathlib.Path, put: Put) -> None:
    put("proc/sys/kernel/x", "1\n")
    (root / "proc/sys" / os.fsdecode(b"\xff")).write_text("2")
    os.mkfifo(root / "proc/sys/kernel/pipe")
    deep = root / "proc/sys"
    for _ in range(400):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "leaf").write_text("3")
    found = collect(root)["sysctl"]
    assert found.data is not None
    assert found.data["/proc/sys/\ufffd"] == "2"
    assert found.data["/proc/sys/" + "d/" * 400 + "leaf"] == "3"
    assert len(found.data) == 3
    json.dumps(dict(found.data)).encode("utf-8")


def test_the_walk_ends_in_time_with_what_it_has(root: pathlib.Path, put: Put) -> None:
    for number in range(9):
        put(f"proc/sys/kernel/{number}", "1")
    left = iter(range(9))
    found = system.sysctl(str(root), lambda: next(left) == 4)
    assert (found.status, len(found.data or ())) == ("timeout", 4)
    assert collect(root, timeout=0.1)["sysctl"].status == "timeout"


def test_the_second_place_of_os_release(root: pathlib.Path, put: Put) -> None:
    put("usr/lib/os-release", 'ID="second"\nEMPTY=\nexport X=1\n')
    assert collect(root)["release"].data == {"ID": "second", "export X": "1"}
    put("etc/os-release", "ID=first\n")
    assert collect(root)["release"].data == {"ID": "first"}


@pytest.mark.parametrize(
    "target",
    [
        "/usr/lib/os-release",
        "../usr/lib/os-release",
        "../../../../../../usr/lib/os-release",
        "/etc/a/../b",
    ],
)
def test_links_of_the_host_stay_in_its_root(root: pathlib.Path, put: Put, target: str) -> None:
    put("usr/lib/os-release", "ID=the-host\n")
    (root / "etc").mkdir()
    (root / "etc/os-release").symlink_to(target)
    (root / "etc/a").symlink_to("/usr/lib")
    (root / "usr/b").symlink_to("./lib/os-release")
    assert collect(root)["release"].data == {"ID": "the-host"}


def test_links_without_end(root: pathlib.Path) -> None:
    (root / "etc").mkdir()
    (root / "etc/os-release").symlink_to("os-release")
    found = collect(root)["release"]
    assert (found.status, "without end" in found.reason) == ("failed", True)
    assert resolve("/", "/usr/../usr/bin") == "/usr/bin"


def test_the_image_s_release_is_not_the_host_s(
    monkeypatch: pytest.MonkeyPatch, root: pathlib.Path, put: Put
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(Unreadable, match="this is a container"):
        system.release("/")
    put("etc/os-release", "ID=host\n")
    assert system.release(str(root)).data == {"ID": "host"}, "what --host-root names is the host"


def test_a_mounted_release_is_the_host_s(root: pathlib.Path, put: Put) -> None:
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("needs root and unshare, to mount a file where nobody else sees it")
    file = put("host-release", "ID=mounted\n")
    code = "from aicr_host import system; print(system.release('/').data)"
    script = f'mount --bind {file} /etc/os-release && exec "$0" -c "$1"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, sys.executable, code],
        env={**os.environ, "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "{'ID': 'mounted'}"


def test_words() -> None:
    assert fields(" a\t b\x1cc\x0b d ") == ["a", "b\x1cc", "d"]
    assert fields("é\u2003b\x85c") == ["é", "b", "c"]


def test_this_host_really() -> None:
    found = collect(pathlib.Path("/"))
    assert found["sysctl"].data
    assert found["sysctl"].data["/proc/sys/kernel/osrelease"] == os.uname().release
    assert found["hardware"].data
    assert value("/proc/sys/kernel/osrelease") == os.uname().release


def test_no_secret_of_the_boot_line_leaves_the_core(
    data: pathlib.Path, root: pathlib.Path, put: Put
) -> None:
    """Ours hands secrets on as they are; the core takes them out of all that is written."""
    from aicr_core.engine import redact  # test only: two parts that have to fit together
    from aicr_core.model.snapshot import measurement_document

    line = (data / "raw/proc-cmdline/secrets").read_text("utf-8").strip()
    put("proc/cmdline", f'{line} token=again x="--password=hunter2 y" -- --token=abc123')
    measurement = system.collect(Context(options={"host_root": str(root)}))
    document = {"measurements": [measurement_document(measurement)]}
    text = json.dumps(redact.apply(document, "standard", "key"))
    for secret in ("hunter2", "abc123", "again", "user:password", "10.0.0.9/seed"):
        assert secret not in text
    assert "rd.luks.key" in text
