"""One run of a plugin in a process of its own: import it, register, call everything, say what was seen.

``python -m aicr_testkit.child REQUEST ANSWER``: both are JSON files. The parent (``subject``) decides what that means.
Nothing of the core is imported before the pretended clock stands, and nothing of the plugin before it is watched.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

Document = dict[str, Any]


def main(request: str, answer: str) -> None:
    """Do what ``request`` asks, and end the process: work that was abandoned may still run in it."""
    with open(request, encoding="utf-8") as stream:
        wish = json.load(stream)
    from aicr_testkit.pretence import pretend

    pretend(wish["epoch"], wish["host"])
    from aicr_testkit.visit import visit

    seen = visit(wish)
    partial = f"{answer}.part"
    with open(partial, "w", encoding="utf-8") as stream:
        json.dump(seen, stream)
    os.replace(partial, answer)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
