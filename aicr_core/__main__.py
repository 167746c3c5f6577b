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

    # A short process that makes little garbage: collecting while modules load only costs time.
    gc.disable()
    from aicr_core.cli.root import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
