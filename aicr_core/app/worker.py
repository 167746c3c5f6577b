"""Entry of a plugin's worker process (``python -m aicr_core.app.worker``); ``plugins.remote`` starts it.

Here rather than beside it, because a worker renders templates, and only this layer may see both.
"""

from __future__ import annotations

import sys
from typing import Any

from aicr_core.plugins.worker import Worker, pipes


def _render(template: str, **variables: Any) -> str:
    from aicr_core.engine import render

    return render.template(template, **variables)


if __name__ == "__main__":
    Worker(*pipes(), _render, *sys.argv[1:2]).serve()
