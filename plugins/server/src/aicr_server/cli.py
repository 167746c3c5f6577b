"""``aicrd`` and ``aicr serve``: check the settings, load everything, serve until told to stop."""

from __future__ import annotations

import os
import sys

from aicr_core.api import AicrError, __version__

USAGE = """Usage: aicrd [--check] [--version] [--help]

Serve the engine over HTTP. Settings come from the environment: PORT, LOG_LEVEL, SHUTDOWN_TIMEOUT_SECONDS,
AICR_BIND, AICR_ALLOWED_*, AICR_RATE_LIMIT and more; docs/user/server.md lists them.

  --check     check the settings, load everything, and exit
  --version   print the version
"""
EXIT_FAILED = 1


def main(arguments: list[str] | None = None) -> int:
    """Run the server; give the exit status: 0 after a clean stop, 1 for settings or a port that cannot be used."""
    words = sys.argv[1:] if arguments is None else arguments
    if words in (["--help"], ["-h"]):
        sys.stdout.write(USAGE)
        return 0
    if words in (["--version"], ["-v"]):
        sys.stdout.write(f"aicrd version {__version__}\n")
        return 0
    if words not in ([], ["--check"]):
        sys.stderr.write(f'usage error: unknown argument "{words[0]}"\nhint: see `aicrd --help`\n')
        return EXIT_FAILED
    from aicr_server.run import check, serve

    try:
        if words == ["--check"]:
            check(os.environ)
            return 0
        return serve(os.environ)
    except AicrError as error:
        sys.stderr.write(f"{error}\n")
        if error.hint:
            sys.stderr.write(f"hint: {error.hint}\n")
        return EXIT_FAILED
