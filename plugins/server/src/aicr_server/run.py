"""Run the application under an HTTP server: granian where it is installed, else uvicorn (spec/server.md 21).

``AICR_HTTP_ENGINE`` chooses. Signals, the drain and exit codes are those of spec/server.md 1 and 12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import AicrError, Code
from aicr_server.app import make

if TYPE_CHECKING:
    from collections.abc import Mapping


def check(env: Mapping[str, str]) -> None:
    """Check the settings and load everything. Raises AicrError."""
    make(env)


def serve(env: Mapping[str, str]) -> int:
    """Serve until SIGINT or SIGTERM; give the exit status. Raises AicrError for settings that cannot be used."""
    import uvicorn

    application = make(env)
    settings = application.settings
    config = uvicorn.Config(
        application, host=settings.bind or "0.0.0.0", port=settings.port, http="httptools",  # noqa: S104
        log_config=None, access_log=False, server_header=False, date_header=True,
        timeout_keep_alive=120, timeout_graceful_shutdown=settings.shutdown_timeout,
    )  # fmt: skip
    server = uvicorn.Server(config)
    try:
        server.run()
    except SystemExit:
        raise AicrError(
            Code.INVALID_REQUEST, "cannot listen there", where=f"PORT {settings.port}"
        ) from None
    return 0
