"""What there is to choose from: ``/v1/criteria``, ``/v1/catalogue``, ``/v1/version`` (spec/server.md 22)."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, __version__
from aicr_server import problems, querystring
from aicr_server.problems import encode
from aicr_server.settings import DIMENSIONS
from aicr_server.vocabulary import check_allowed

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from aicr_server.engine import Engine
    from aicr_server.ready import Ready
    from aicr_server.settings import ServerSettings

Document = dict[str, Any]
_OF_PLUGINS = (
    "name",
    "version",
    "distribution",
    "state",
    "summary",
    "hooks",
    "provides",
    "license",
)
"""What is told of a plugin: nothing of where it lies on this machine."""
_OF_OVERLAYS = ("name", "criteria", "base", "is_leaf", "source", "file")


class Offers:
    """The endpoints over one engine."""

    def __init__(self, engine: Engine, settings: ServerSettings, ready: Ready) -> None:
        self._engine = engine
        self._ready = ready
        self._allowed = settings.allowed
        self._values = {
            name: [value for value in engine.vocabulary.values[name] if self._may(name, value)]
            for name in DIMENSIONS
        }

    def _may(self, dimension: str, value: str) -> bool:
        return value in self._allowed.get(dimension, (value,))

    async def criteria(self, request: Request) -> Response:
        """Say which values there are, and which can still be chosen beside those that the query states."""
        given = querystring.parameters(request.url.query)
        try:
            asked = querystring.criteria(given, self._engine.vocabulary)
        except AicrError as error:
            raise problems.of(error, "Invalid criteria") from None
        check_allowed(asked.criteria, self._allowed)
        offered = self._engine.session.choices({**asked.stated, "nodes": asked.nodes}, self._values)
        possible = offered["possible"]
        dimensions = {
            name: [
                {**row, "possible": row["value"] in possible[name]}
                for row in self._of_dimension(name)
            ]
            for name in DIMENSIONS
        }
        body = {
            "criteria": {**asked.criteria, "nodes": asked.nodes},
            "covered": not offered["missing"], "missing": offered["missing"], "dimensions": dimensions,
        }  # fmt: skip
        return self._ready.respond(request, encode(body))

    def _of_dimension(self, name: str) -> list[Document]:
        return [
            {"value": value, "aliases": list(aliases), "allowed": self._may(name, value)}
            for value, aliases in self._engine.vocabulary.values[name].items()
        ]

    async def catalogue(self, request: Request) -> Response:
        """Say what recipes are made from, and what bundles can be made for."""
        session = self._engine.session
        overlays = [
            {key: row[key] for key in _OF_OVERLAYS if key in row} for row in session.overlays()
        ]
        plugins = [
            {key: row[key] for key in _OF_PLUGINS if key in row} for row in session.plugins()
        ]
        body = {
            "version": __version__,
            "fingerprint": session.fingerprint,
            "criteria": {name: self._of_dimension(name) for name in DIMENSIONS},
            "components": session.component_facts(),
            "overlays": overlays,
            "deployers": [
                {"name": name, "title": title} for name, title in session.deployer_titles().items()
            ],
            "plugins": plugins,
        }
        return self._ready.respond(request, encode(body))

    async def version(self, request: Request) -> Response:
        """Say which version this is, of what catalogue."""
        body = {
            "service": "aicrd", "version": __version__, "apiVersions": ["v1"],
            "catalogue": self._engine.session.fingerprint, "python": platform.python_version(),
        }  # fmt: skip
        return self._ready.respond(request, encode(body))
