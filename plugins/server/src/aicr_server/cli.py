"""``aicrd`` and ``aicr serve``: check the settings, load everything, serve until told to stop."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from aicr_core.api import AicrError, __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

USAGE = """Usage: aicrd [--check | --print-openapi | --version | --help]

Serve the engine over HTTP. Settings come from the environment: PORT, LOG_LEVEL, SHUTDOWN_TIMEOUT_SECONDS,
AICR_BIND, AICR_ALLOWED_*, AICR_RATE_LIMIT and more; docs/user/server.md lists them.

  --check           check the settings, load everything, and exit
  --print-openapi   print the OpenAPI document of this installation
  --version         print the version

Exit status: 0 after a clean stop, 1 for settings or a port that cannot be used, or when the time to stop ran out.
"""
EXIT_OK, EXIT_FAILED = 0, 1


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments say; give the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if words in (["--help"], ["-h"]):
        sys.stdout.write(USAGE)
        return EXIT_OK
    if words in (["--version"], ["-v"]):
        sys.stdout.write(f"aicrd version {__version__}\n")
        return EXIT_OK
    calls: dict[tuple[str, ...], Callable[[Mapping[str, str]], int]] = {
        (): start, ("--check",): check, ("--print-openapi",): print_openapi,
    }  # fmt: skip
    call = calls.get(tuple(words))
    if call is None:
        wrong = next((word for word in words if (word,) not in calls), words[-1])
        sys.stderr.write(f'usage error: unknown argument "{wrong}"\nhint: see `aicrd --help`\n')
        return EXIT_FAILED
    return call(os.environ)


def start(env: Mapping[str, str]) -> int:
    """Serve until told to stop."""
    from aicr_server.run import serve

    return _told(lambda: serve(env))


def check(env: Mapping[str, str]) -> int:
    """Check the settings and load everything."""
    from aicr_server.run import check as run_check

    def call() -> int:
        run_check(env)
        return EXIT_OK

    return _told(call)


def print_openapi(env: Mapping[str, str]) -> int:
    """Print the OpenAPI document."""

    def call() -> int:
        from aicr_server.openapi import text

        sys.stdout.write(text(env))
        return EXIT_OK

    return _told(call)


def _told(call: Callable[[], int]) -> int:
    """Call; an error is its line and its hint, and status 1."""
    try:
        return call()
    except AicrError as error:
        sys.stderr.write(f"{error}\n")
        if error.hint:
            sys.stderr.write(f"hint: {error.hint}\n")
        return EXIT_FAILED
