"""The collector ``systemd`` against a real systemd: a user manager in namespaces of its own, with two small services.

It needs root, ``unshare`` and systemd's program, on a machine that was not booted with systemd: there the two would share
control groups, so it is skipped. What it starts lives in its own process namespace and ends with it; the control groups
it leaves, all empty, are taken away.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from aicr_host import systemd

from aicr_core.api import Context

if TYPE_CHECKING:
    from collections.abc import Iterator

MANAGER = "/lib/systemd/systemd"
UNIT = """
[Service]
Environment=COLOUR=blue "SHAPE=a circle"
ExecStart=/bin/sleep 1000
"""
# systemd as a user's manager wants /run/systemd/system to exist; the name space keeps it off this machine.
START = """
set -e
mount -t tmpfs none /run/systemd
mkdir /run/systemd/system
"$0" --user --log-target=null >/dev/null 2>&1 &
n=0
while ! [ -S "$XDG_RUNTIME_DIR/systemd/private" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
exec "$@"
"""
COLLECT = """
import json, sys
from aicr_core.api import Context
from aicr_host import systemd
found = {}
for root in sys.argv[1:]:
    options = {"host_root": root, "systemd_units": ["worker@1"]}
    subtypes = systemd.collect(Context(options=options, timeout=20)).subtypes
    found[root] = {s.name: [s.status, s.source, dict(s.data or {}), s.reason] for s in subtypes}
print(json.dumps(found))
"""


def _groups() -> set[str]:
    """Control groups with a unit's name."""
    kinds = (".scope", ".service", ".slice", ".socket")
    walk = os.walk("/sys/fs/cgroup")
    return {f"{top}/{name}" for top, names, _ in walk for name in names if name.endswith(kinds)}


@pytest.fixture(scope="module")
def no_residue() -> Iterator[None]:
    """Take away the control groups that were not there before."""
    before = _groups()
    yield
    for _ in range(400):
        left = _groups() - before
        for folder in sorted(left, key=len, reverse=True):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        if not left:
            return
        time.sleep(0.05)  # the last process in one of them is still being taken down
    pytest.fail(f"control groups are left: {sorted(left)}")


@pytest.fixture(scope="module")
def answers(
    no_residue: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """What the collector gives by the private socket (``private``), and by a bus (``bus``)."""
    if os.geteuid() or not shutil.which("unshare") or not os.path.exists(MANAGER):
        pytest.skip("needs root, unshare and systemd")
    if os.path.isdir("/run/systemd/system"):
        pytest.skip("this machine runs systemd: a second one would share its control groups")
    # Not pytest's folder: names of sockets are at most 107 bytes long.
    base = tmp_path_factory.mktemp("s")
    runtime = base / "p/run"
    config = base / "home/.config/systemd/user"
    runtime.mkdir(parents=True)
    config.mkdir(parents=True)
    for name in ("containerd.service", "worker@.service"):
        (config / name).write_text(UNIT)
    (base / "b/run/dbus").mkdir(parents=True)
    (base / "b/run/dbus/system_bus_socket").symlink_to(runtime / "bus")
    roots = [str(base / "p"), str(base / "b")]
    spaces = ["unshare", "-m", "-p", "-f", "--mount-proc", "-C", "--kill-child"]
    done = subprocess.run(
        [*spaces, "sh", "-c", START, MANAGER, sys.executable, "-c", COLLECT, *roots],
        env={"PATH": os.environ["PATH"], "HOME": str(base / "home"), "XDG_RUNTIME_DIR": str(runtime)},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    if not (runtime / "systemd/private").exists():
        pytest.skip(f"systemd does not start here: {done.stderr[-200:]}")
    found = json.loads(done.stdout)
    return {"private": found[roots[0]], "bus": found[roots[1]]}


def test_all_properties_come_by_the_private_socket(answers: dict[str, dict[str, Any]]) -> None:
    status, source, data, _ = answers["private"]["containerd.service"]
    assert (status, pathlib.Path(source).name) == ("ok", "private")
    assert data["LoadState"] == "loaded"
    assert data["Environment"] == "[COLOUR=blue SHAPE=a circle]"
    assert data["ExecStart"].startswith("[[/bin/sleep [/bin/sleep 1000] false ")
    assert (data["TimeoutStartUSec"], data["CPUAffinity"], data["CanStart"]) == (
        90_000_000,
        "[]",
        True,
    )
    assert len(data) > 300
    assert not [name for name in data if "Credential" in name or name == "Id"]


def test_a_unit_that_is_not_installed_is_one_reading(answers: dict[str, dict[str, Any]]) -> None:
    status, _, data, reason = answers["private"]["docker.service"]
    assert (status, data) == ("ok", {"LoadState": "not-found"})
    assert "not installed" in reason


def test_a_further_unit_needs_no_kind(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["private"]["worker@1.service"][2]["LoadState"] == "loaded"


def test_the_bus_gives_the_same(answers: dict[str, dict[str, Any]]) -> None:
    if answers["bus"]["containerd.service"][0] != "ok":
        pytest.skip(f"no D-Bus daemon here: {answers['bus']['containerd.service'][3]}")
    moving = ("CPUUsageNSec", "MemoryCurrent", "MemoryAvailable")
    for unit, (_, _, data, _) in answers["private"].items():
        by_bus = answers["bus"][unit][2]
        assert by_bus.keys() == data.keys()
        assert {name: by_bus[name] for name in data if name not in moving} == {
            name: data[name] for name in data if name not in moving
        }


def test_a_host_booted_with_systemd_answers() -> None:
    if os.geteuid() or not os.path.isdir("/run/systemd/system"):
        pytest.skip("needs root on a machine that runs systemd")
    found = systemd.collect(Context(timeout=20)).subtypes
    assert {subtype.status for subtype in found} == {"ok"}
