"""``python -m aicr_testkit NAME``: ``aicr plugins test`` where a policy keeps the kit from adding its command."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace


def main() -> int:
    """Run the command; give its exit status."""
    from aicr_core.api import AicrError, Settings
    from aicr_testkit.command import test_command

    try:
        here = SimpleNamespace(settings=Settings.from_env(os.environ))
        return int(
            test_command.main(prog_name="python -m aicr_testkit", standalone_mode=False, obj=here)
            or 0
        )
    except AicrError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status


if __name__ == "__main__":
    sys.exit(main())
