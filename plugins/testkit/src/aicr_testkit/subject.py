"""The plugin under test: what the index says of it, its files, and what was seen of it in child processes.

Each child's run is made once, when the first check asks for it. Children get a small environment of their own: no
variable, home or working folder of the user's.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from aicr_testkit import samples
from aicr_testkit.seen import blank

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.api import Session

Document = dict[str, Any]
EPOCH = 1_726_531_200.0
"""The pretended time of a run: 2024-09-17 00:00 UTC."""
LIMIT = 120.0
"""Seconds for one child."""
MEMORY = 4 << 30
"""Bytes of address space for a child."""


class Subject:
    """One installed plugin. Raises AicrError(NOT_FOUND) for a name that nobody has."""

    def __init__(
        self, session: Session, name: str, folder: str, *, golden: str = "", cases: int = 30
    ) -> None:
        """Look at ``name``; ``folder`` is for temporary files, ``golden`` has recorded cases, ``cases`` are fuzzed."""
        self.row: Document = session.plugin(name)
        if self.row["state"] == "blocked":
            # Perhaps for want of the report that is to be made; any other reason stays (T01 says which).
            session = session.under_test(name)
            self.row = session.plugin(name)
        self.session = session
        self.name = name
        self.golden = golden
        self.cases = cases
        self._folder = pathlib.Path(folder)

    @property
    def root(self) -> pathlib.Path:
        """The package's folder."""
        return pathlib.Path(self.row["root"] or "/nonexistent")

    @property
    def usable(self) -> bool:
        """Whether the plugin is in use: then its data are in the catalogue."""
        return self.row["state"] in ("active", "newer", "undeclared")

    @property
    def hooks(self) -> list[str]:
        """The hooks that the manifest lists."""
        return list(self.row["hooks"])

    def allows(self, permission: str) -> bool:
        """Tell whether the manifest declares a permission."""
        return permission in self.row["permissions"]

    def data_files(self) -> Iterator[tuple[str, pathlib.Path]]:
        """Give the files below the data root, by their path in the catalogue."""
        yield from files_of(self.row)

    @functools.cached_property
    def first(self) -> Document:
        """What was seen in the main run: everything, one call after another."""
        return self._run(
            "first", stop=True, again=True, fuzz={"seed": samples.SEED, "cases": self.cases}
        )

    @functools.cached_property
    def other_order(self) -> Document:
        """The same with another hash seed, in reverse order, all calls at once."""
        return self._run(
            "order", within="first", PYTHONHASHSEED="4242", reverse=True, together=True
        )

    @functools.cached_property
    def other_place(self) -> Document:
        """The same at another time, on another host, as another user, in another folder."""
        return self._run(
            "elsewhere",
            epoch=EPOCH + 400 * 86_400 + 12_345,
            host="host-b",
            USER="user-b",
            LOGNAME="user-b",
            TZ="Asia/Tokyo",
        )

    def fresh_import(self, number: int) -> Document:
        """What is seen when it is only imported."""
        return self._run(f"import-{number}", only_import=True)

    def left_behind(self, run: str) -> list[str]:
        """Give the files that a run left in its home; those in the working folder are T07's."""
        place = self._folder / run
        return sorted(
            str(path.relative_to(place)) for path in (place / "home").rglob("*") if path.is_file()
        )

    def _run(self, label: str, within: str = "", **wish: Any) -> Document:
        """Make a run, in folders of its own or in those of the run ``within``."""
        place = self._folder / (within or label)
        for part in ("home", "work", "tmp"):
            (place / part).mkdir(parents=True, exist_ok=True)
        variables = {key: wish.pop(key) for key in list(wish) if key.isupper()}
        request = {
            "module": self.row["module"],
            "permissions": self.row["permissions"],
            "own": [str(place)],
            "epoch": EPOCH,
            "host": "host-a",
            "only_import": False,
            "reverse": False,
            "together": False,
            "stop": False,
            "again": False,
            "fuzz": None,
            **wish,
        }
        asked, answered = place / f"{label}-request.json", place / f"{label}-answer.json"
        asked.write_text(json.dumps(request), "utf-8")
        ended = self.child(
            place, ["-m", "aicr_testkit.child", str(asked), str(answered)], **variables
        )
        try:
            seen: Document = json.loads(answered.read_text("utf-8"))
        except (OSError, ValueError):
            last = (ended.strip().splitlines() or ["no message"])[-1]
            problem = f"the process ended or hung: {last}"
            seen = blank() | {"problem": problem, "seconds": 0.0, "said": "", "died": True}
        return seen

    def environment(self, place: pathlib.Path, **variables: str) -> dict[str, str]:
        """Give the environment of a child that works below ``place``."""
        kept = {
            name: os.environ[name]
            for name in ("AICR_INDEX_DIR", "XDG_CACHE_HOME", "AICR_PLUGINS")
            if name in os.environ
        }
        # The index of the user's is used and kept: a home of its own would mean to build it anew each time.
        cache = os.environ.get("XDG_CACHE_HOME") or f"{os.environ.get('HOME', '')}/.cache"
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONHASHSEED": "1",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONSAFEPATH": "1",
            "XDG_CACHE_HOME": cache,
            "HOME": str(place / "home"),
            "TMPDIR": str(place / "tmp"),
            "USER": "user-a",
            "LOGNAME": "user-a",
            "AICR_TESTKIT_TOKEN": samples.CANARY,
            "AWS_SECRET_ACCESS_KEY": samples.CANARY,
            **kept,
            **variables,
        }

    def child(self, place: pathlib.Path, arguments: list[str], **variables: str) -> str:
        """Run this interpreter in ``place``, within limits; give what it wrote to the streams."""
        try:
            done = subprocess.run(
                [sys.executable, *arguments],
                cwd=place / "work",
                env=self.environment(place, **variables),
                timeout=LIMIT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                start_new_session=True,
                preexec_fn=_limits,
            )
        except subprocess.TimeoutExpired:
            return f"still running after {LIMIT:g} s"
        return done.stdout.decode("utf-8", "replace")


def _limits() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def files_of(row: Document) -> Iterator[tuple[str, pathlib.Path]]:
    """Give the data files of a plugin's row by their path in the catalogue, sorted."""
    if not (row["data"] and row["root"]):
        return
    data = pathlib.Path(row["root"], row["data"])
    for path in sorted(data.rglob("*")):
        if path.is_file():
            yield path.relative_to(data).as_posix(), path


class Place:
    """A temporary folder that goes, whatever a plugin did to its modes."""

    def __enter__(self) -> str:
        # Resolved: what a plugin writes is compared with it.
        self.path = os.path.realpath(tempfile.mkdtemp(prefix="aicr-testkit-"))
        return self.path

    def __exit__(self, *_error: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
