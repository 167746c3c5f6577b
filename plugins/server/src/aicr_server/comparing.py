"""``POST /v1/validate`` and ``POST /v1/diff``: documents held against each other, no cluster (spec/server.md 22)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from aicr_core.api import AicrError, Code, Text
from aicr_server import answers, bodies, problems, uploads
from aicr_server.problems import encode
from aicr_server.querystring import Asked

if TYPE_CHECKING:
    from starlette.requests import Request

    from aicr_server.engine import Engine
    from aicr_server.settings import ServerSettings
    from aicr_server.uploads import Body
    from aicr_server.work import Work

REPORT = "ctrf"
VALIDATE_KEYS = ("recipe", "criteria", "snapshot", "phases")
DIFF_KEYS = ("from", "to")
SIDE_KEYS = ("recipe", "criteria")


class Comparisons:
    """The endpoints over one engine."""

    def __init__(self, engine: Engine, settings: ServerSettings, work: Work) -> None:
        self._engine = engine
        self._settings = settings
        self._work = work

    async def validate(self, request: Request) -> Response:
        """Hold the constraints of a recipe to a snapshot; what does not pass is an answer like any other."""
        body = await self._decoded(request, VALIDATE_KEYS)
        recipe = self._side(body.document, body.form, "the body")
        snapshot = uploads.text(body.document.get("snapshot"), body.form, "snapshot")
        phases = _phases(body.document.get("phases"))
        session = self._engine.session

        def validate() -> bytes:
            given = recipe if isinstance(recipe, Text) else self._resolved(recipe)
            return session.report(session.validate(given, snapshot, phases), REPORT).encode()

        report = await self._work.do("validation", validate, "Invalid validation")
        headers = {"Cache-Control": answers.UNCACHED}
        return Response(report, media_type=answers.JSON, headers=headers)

    async def diff(self, request: Request) -> Response:
        """Say what changes from one recipe to another."""
        body = await self._decoded(request, DIFF_KEYS)
        before, after = (self._side(body.document.get(name), body.form, name) for name in DIFF_KEYS)

        def compare() -> tuple[bytes, list[str]]:
            found, warnings = self._engine.session.diff(before, after)
            return encode({**found, "warnings": warnings}), warnings

        encoded, warnings = await self._work.do("comparison", compare, "Invalid comparison")
        return answers.once(request, encoded, warnings)

    async def _decoded(self, request: Request, keys: tuple[str, ...]) -> Body:
        data = await bodies.read(request, self._settings.bundle_body, self._settings.body_timeout)
        content_type = request.headers.get("content-type", "")
        # Text of this size takes its time to read.
        return await self._work.do("request", lambda: uploads.decode(data, content_type, keys))

    def _side(self, value: Any, form: str, name: str) -> Text | dict[str, Any]:
        """Give a recipe or criteria: exactly one of the two. Raises Problem."""
        given = [key for key in SIDE_KEYS if isinstance(value, dict) and key in value]
        if len(given) != 1:
            error = AicrError(
                Code.INVALID_REQUEST, f"{name} needs a recipe or criteria, one of them"
            )
            raise problems.of(error, uploads.INVALID)
        vocabulary, allowed = self._engine.vocabulary, self._settings.allowed
        if given == ["recipe"]:
            text = uploads.text(value["recipe"], form, "recipe")
            uploads.check_recipe(value["recipe"], vocabulary, allowed)
            return text
        asked = uploads.criteria(value["criteria"], form, "criteria", vocabulary, allowed)
        return {**asked.criteria, "nodes": asked.nodes}

    def _resolved(self, criteria: dict[str, Any]) -> Text:
        """Give the recipe of criteria as a document."""
        asked = Asked({k: v for k, v in criteria.items() if k != "nodes"}, criteria["nodes"])
        return Text(self._engine.recipe(asked).body, "json", "the recipe of these criteria")


def _phases(value: Any) -> list[str]:
    """Read the phases to report on: a text, or a list of texts. Raises Problem."""
    items = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        error = AicrError(Code.INVALID_REQUEST, "phases are texts")
        raise problems.of(error, uploads.INVALID)
    return items
