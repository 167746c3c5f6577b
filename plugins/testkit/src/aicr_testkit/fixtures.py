"""What the fixtures of the kit give: plugins for one test, a runner of commands, recorded trees."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING, NamedTuple

from aicr_testkit.golden import differences, files, write

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Mapping

    import pytest


class Plugins:
    """Installed plugins that are there for one test: real distributions in a folder on ``sys.path``."""

    def __init__(self, site: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._site = site
        self._names: list[str] = []
        monkeypatch.syspath_prepend(str(site))
        # The user's index is left alone.
        monkeypatch.setenv("AICR_INDEX_DIR", str(site / "index"))

    def add(
        self,
        name: str,
        *,
        hooks: str = "",
        manifest: str | None = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        readme: str = "",
        version: str = "1.0",
    ) -> pathlib.Path:
        """Install a plugin; give its package's folder.

        ``hooks`` is the source of ``hooks.py``, ``manifest`` the text of ``aicr-plugin.toml`` (by default made from the
        hooks that are implemented), ``data`` texts by path below the data root, ``files`` further texts by path in the
        package.
        """
        package = f"aicr_{name}".replace("-", "_")
        root = self._site / package
        texts = {"__init__.py": "", "hooks.py": hooks, **dict(files or {})}
        texts |= {f"data/{path}": text for path, text in (data or {}).items()}
        texts["aicr-plugin.toml"] = (
            manifest if manifest is not None else _manifest(name, hooks, bool(data))
        )
        for path, text in texts.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, "utf-8")
        info = self._site / f"{package}-{version}.dist-info"
        info.mkdir()
        readme = (
            readme
            or f"# aicr-{name}\n\nA plugin for one test, which is installed and taken away again.\n"
        )
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: aicr-{name}\nVersion: {version}\n\n{readme}", "utf-8"
        )
        (info / "entry_points.txt").write_text(
            f"[aicr.plugins]\n{name} = {package}.hooks\n", "utf-8"
        )
        paths = [f"{package}/{path}" for path in texts] + [
            f"{info.name}/METADATA",
            f"{info.name}/entry_points.txt",
        ]
        (info / "RECORD").write_text("".join(f"{path},,\n" for path in paths), "utf-8")
        self._names.append(name)
        return root

    def remove(self, name: str) -> None:
        """Take a plugin away again, as if it had been uninstalled."""
        package = f"aicr_{name}".replace("-", "_")
        for path in (self._site / package, *self._site.glob(f"{package}-*.dist-info")):
            shutil.rmtree(path)
        for module in [
            module
            for module in sys.modules
            if module == package or module.startswith(f"{package}.")
        ]:
            del sys.modules[module]
        self._names.remove(name)

    def clear(self) -> None:
        """Take all of them away."""
        for name in list(self._names):
            self.remove(name)


def _manifest(name: str, hooks: str, data: bool) -> str:
    import ast

    listed = [
        node.name
        for node in ast.parse(hooks).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("aicr_")
    ]
    lines = [
        f'name = "{name}"',
        'summary = "A plugin for one test"',
        'hookspec = ">=1.0,<2"',
        f"hooks = {json.dumps(listed)}",
        'license = "Apache-2.0"',
        'contact = "nobody"',
        *(['data = "data"'] if data else []),
    ]
    return "\n".join(lines) + "\n"


class Run(NamedTuple):
    """How a command ended: status, what it wrote to the streams, and the files that are in the folder now."""

    status: int
    stdout: str
    stderr: str
    tree: dict[str, bytes]


class Runner:
    """Runs ``aicr`` in this process, as its console script does."""

    def __init__(
        self,
        folder: pathlib.Path,
        monkeypatch: pytest.MonkeyPatch,
        capture: pytest.CaptureFixture[str],
    ) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capture = capture

    def __call__(self, *arguments: str | os.PathLike[str], plugins: Iterable[str] = ()) -> Run:
        """Run a command in the test's folder; ``plugins`` are the only ones in use, all of them by default."""
        from importlib.metadata import entry_points  # noqa: TID251 - a kit may take its time

        (command,) = entry_points(group="console_scripts", name="aicr")
        main = command.load()
        self._capture.readouterr()
        handler, collecting = signal.getsignal(signal.SIGTERM), gc.isenabled()
        with self._monkeypatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["aicr", *(os.fspath(word) for word in arguments)])
            if plugins := list(plugins):
                patch.setenv("AICR_PLUGINS", ",".join(plugins))
            try:
                main()
                status = 0
            except SystemExit as ended:
                status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
            finally:
                # The console script sets both for a short process of its own.
                signal.signal(signal.SIGTERM, handler)
                if collecting:
                    gc.enable()
        said = self._capture.readouterr()
        return Run(status, said.out, said.err, files(self.folder))


class Golden:
    """Recorded trees beside a test's file, in ``golden/NAME/``."""

    def __init__(self, folder: pathlib.Path, *, update: bool) -> None:
        self._folder = folder
        self._update = update

    def __call__(self, tree: Mapping[str, bytes | str], name: str) -> None:
        """Compare files by path with those that are recorded as ``name``; AssertionError lists the differences."""
        made = {
            path: data.encode() if isinstance(data, str) else data for path, data in tree.items()
        }
        recorded = self._folder / name
        if self._update:
            write(recorded, made)
            return
        found = (
            differences(made, files(recorded))
            if recorded.is_dir()
            else [f"nothing is recorded in {recorded}"]
        )
        if found:
            raise AssertionError(
                "\n".join([f"{name} is not as recorded (pytest --aicr-update records it):", *found])
            )
