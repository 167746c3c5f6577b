"""Make a release: ``python packaging/release/make.py dist/release`` (``nox -s release`` brings the tools)."""

import sys

from aicr_release.make import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
