"""Make a release: ``python packaging/release/make.py dist/release`` (``nox -s release`` brings the tools)."""

import sys

if __name__ == "__main__":
    try:
        from aicr_release.make import main
    except ModuleNotFoundError as error:
        print(
            f"[TOOL] {error.name} is not installed; run 'nox -s release', which brings it",
            file=sys.stderr,
        )
        sys.exit(6)
    sys.exit(main(sys.argv[1:]))
