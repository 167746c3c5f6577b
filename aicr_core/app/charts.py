"""The charts of one invocation: found, described and rendered by the engine that a plugin brings.

Each chart is found once, whoever asks for it, and kept as long as the invocation. What is done with a chart is not
known here: mirror lists, bills of materials and vendoring each look their own way.
"""

from __future__ import annotations

import functools
import hashlib
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.kit import limits
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.run import Outcome, Runner, Task
from aicr_core.model.charts import ChartFacts, ChartWanted, PackagedChart, RenderRequest
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.kit.run import Context
    from aicr_core.model.bundle import Release
    from aicr_core.plugins.providers import ChartEngine

    Progress = Callable[[int, int, str], None]
    """Called with how many charts are done, how many there are, and the name of one that begins or has ended."""


class ChartPlace(NamedTuple):
    """Where charts may be looked for: the user's folders, and their repositories unless ``offline``."""

    folders: tuple[str, ...] = ()
    offline: bool = False


class Rendering(NamedTuple):
    """For which cluster to render: its version of Kubernetes, and the API versions it has beyond its own."""

    kubernetes: str = ""
    api_versions: tuple[str, ...] = ()


ANY = Rendering()


class Charts:
    """The one chart engine that is installed, with the user's places. Raises AicrError(NOT_FOUND) without one."""

    def __init__(
        self,
        environment: Environment,
        place: ChartPlace,
        *,
        jobs: int = 0,
        progress: Progress | None = None,
    ) -> None:
        for folder in place.folders:
            if not os.path.isdir(folder):
                raise AicrError(
                    Code.NOT_FOUND,
                    "there is no such directory of charts",
                    where=f"--charts {folder}",
                )
        self.plugin, self._engine = _engine(environment)
        self._environment = environment
        self._options = {"charts": place.folders, "offline": place.offline}
        self._jobs = jobs or os.cpu_count() or 1
        self._progress = progress
        self._found: dict[ChartWanted, PackagedChart] = {}

    def each(
        self, releases: Sequence[Release], look: Callable[[Context, Release], Any]
    ) -> tuple[Outcome, ...]:
        """Call ``look`` for every release side by side; give the outcomes in their order."""
        by_name = {release.name: release for release in releases}
        tasks = [
            Task(name, self.plugin, functools.partial(_of, look, release), limits.CHART)
            for name, release in by_name.items()
        ]
        done = 0

        def ended(outcome: Outcome) -> bool:
            nonlocal done
            done += 1
            self._say(done, len(tasks), outcome.name)
            return True

        return Runner(
            self._jobs,
            settings=self._environment.settings,
            options=self._options,
            started=lambda task: self._say(done, len(tasks), task.name),
            ended=ended,
        ).run(tasks)

    def _say(self, done: int, total: int, name: str) -> None:
        if self._progress is not None:
            self._progress(done, total, name)

    def find(self, ctx: Context, release: Release) -> PackagedChart:
        """Give the packaged chart of a release, the same one for the whole invocation. Raises AicrError."""
        wanted = ChartWanted(
            name=release.chart, repository=release.repository, version=release.version
        )
        if wanted not in self._found:
            chart: Any = resolve(self._engine.find)(ctx, wanted)
            self._found[wanted] = self._given(chart, PackagedChart)
        return self._found[wanted]

    def describe(self, ctx: Context, chart: PackagedChart) -> ChartFacts:
        """Give what a chart says of itself. Raises AicrError."""
        facts: ChartFacts = self._given(resolve(self._engine.describe)(ctx, chart), ChartFacts)
        return facts

    def render(
        self, ctx: Context, chart: PackagedChart, release: Release, how: Rendering = ANY
    ) -> str:
        """Give the manifests of a release, with its values. Raises AicrError."""
        request = _request(release, how)
        text: str = self._given(resolve(self._engine.render)(ctx, chart, request), str)
        return text

    def unused(
        self, ctx: Context, chart: PackagedChart, release: Release, how: Rendering = ANY
    ) -> tuple[str, ...]:
        """Give the dotted paths of values that change nothing in what is rendered. Raises AicrError."""
        if self._engine.unused is None:
            raise AicrError(
                Code.INVALID_REQUEST, "the chart engine cannot try values out", plugin=self.plugin
            )
        answer = resolve(self._engine.unused)(ctx, chart, _request(release, how))
        return tuple(str(path) for path in self._given(answer, tuple))

    def _given(self, answer: Any, kind: type) -> Any:
        if not isinstance(answer, kind):
            raise AicrError(
                Code.INTERNAL,
                f"the chart engine gave a {type(answer).__name__}, not a {kind.__name__}",
                plugin=self.plugin,
            )
        return answer


def _of(look: Callable[[Context, Release], Any], release: Release, ctx: Context) -> Any:
    return look(ctx, release)


def _request(release: Release, how: Rendering) -> RenderRequest:
    return RenderRequest(
        release=release.name,
        namespace=release.namespace,
        values=release.values,
        kubernetes=how.kubernetes,
        api_versions=how.api_versions,
    )


def digest(chart: PackagedChart) -> str:
    """Give the SHA-256 of a packaged chart, computed here: what is written about it is not taken on trust."""
    return hashlib.sha256(chart.data).hexdigest()


def _engine(environment: Environment) -> tuple[str, ChartEngine]:
    return environment.only_provider(
        "aicr_chart_engines", "chart-engine", "finds and renders charts", "render charts"
    )
