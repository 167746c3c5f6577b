"""``python -m aicr_server`` is ``aicrd``."""

from __future__ import annotations

from aicr_server.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
