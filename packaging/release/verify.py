"""Check a downloaded release, offline: ``python packaging/release/verify.py DIR [--key PUB]``."""

import sys

from aicr_release.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
