"""The pytest plugin of the kit. Imported by every pytest run in which the kit is installed: nothing heavy here.

``pytest --aicr-plugin NAME`` adds an item for each check. The fixtures ``aicr``, ``aicr_plugins`` and ``golden`` are
for authors' own tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from aicr_testkit.fixtures import Golden, Plugins, Runner
    from aicr_testkit.model import Check


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the kit."""
    group = parser.getgroup("aicr", "conformance of aicr plugins")
    group.addoption(
        "--aicr-plugin",
        action="append",
        default=[],
        metavar="NAME",
        help="hold this installed plugin to the checks of the kit (repeatable)",
    )
    group.addoption(
        "--aicr-check",
        action="append",
        default=[],
        metavar="ID",
        help="only this check, such as T05 (repeatable)",
    )
    group.addoption(
        "--aicr-update",
        action="store_true",
        help="record results anew, in place of comparing with them",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add an item for each check of each plugin that was named; -k and -m choose among them too."""
    names = config.getoption("aicr_plugin")
    if not names:
        return
    from aicr_core.api import AicrError
    from aicr_testkit.run import selected

    try:
        checks = selected(config.getoption("aicr_check"))
        for name in names:
            subject = _subject(config, name)
            items += [
                Item.from_parent(
                    session, name=f"aicr-plugin[{name}]::{check.id}", check=check, subject=subject
                )
                for check in checks
            ]
    except AicrError as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise pytest.UsageError(f"{error.message}{hint}") from None


def _subject(config: pytest.Config, name: str) -> Any:
    from aicr_core.api import Session
    from aicr_testkit.subject import Place, Subject

    place = Place()
    folder = place.__enter__()
    config.add_cleanup(lambda: place.__exit__())
    return Subject(Session(), name, folder)


class Failure(Exception):
    """A check found something; its text is the whole message."""


class Item(pytest.Item):
    """One check of one plugin."""

    def __init__(self, *, check: Check, subject: Any, **more: Any) -> None:
        super().__init__(**more)
        self._check = check
        self._subject = subject

    def runtest(self) -> None:
        """Run the check; a breach is a failure, what does not apply is skipped."""
        from aicr_testkit.model import FAILED, SKIPPED, verdict

        result = verdict(self._check, self._subject)
        if result.status == SKIPPED:
            pytest.skip(result.message)
        if result.status == FAILED:
            raise Failure(result.message)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_more: Any) -> Any:
        """Show what was found, without the kit's own lines; a fault of the kit in full."""
        if isinstance(excinfo.value, Failure):
            return f"{self._check.id} {self._check.title}: {self._check.demands}\n{excinfo.value}"
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[pathlib.Path, int | None, str]:
        """Name the check where pytest names a test."""
        return self.path, None, f"{self._subject.name}: {self._check.id} {self._check.title}"


@pytest.fixture
def aicr_plugins(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Plugins]:
    """Install plugins for one test: ``aicr_plugins.add(name, hooks=..., data=...)``, ``.remove(name)``."""
    from aicr_testkit.fixtures import Plugins

    plugins = Plugins(tmp_path_factory.mktemp("site"), monkeypatch)
    yield plugins
    plugins.clear()


@pytest.fixture
def aicr(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Runner:
    """Run a command in this process, in the test's folder: ``aicr("recipe", "--service", "eks")``."""
    from aicr_testkit.fixtures import Runner

    return Runner(tmp_path, monkeypatch, capfd)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a tree with recorded files: ``golden(tree, "name")``; ``pytest --aicr-update`` records."""
    from aicr_testkit.fixtures import Golden

    return Golden(request.path.parent / "golden", update=request.config.getoption("aicr_update"))
