"""Entry point of the command ``aicr``: answers ``--version`` at once, hands everything else to ``cli``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its status."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-v"]):
        # Before click is imported: scripts ask for the version often, and it needs none of it.
        from aicr_core._version import __version__

        sys.stdout.write(f"aicr version {__version__}\n")
        return
    import gc
    import signal

    # A short process that makes little garbage: collecting while modules load only costs time.
    gc.disable()
    try:
        # What stops the process politely is undone as carefully as Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        from aicr_core.cli.root import run

        status = run(arguments)
    except KeyboardInterrupt:
        status = 9
    sys.exit(status)


if __name__ == "__main__":
    main()
