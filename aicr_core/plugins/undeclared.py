"""Learn the hooks of plugins that have no manifest, by importing them in a child process while the index is built.

One child for all of them, as starting Python is most of the cost. One that ends the process, or does not come back,
is the fault of the module that is being imported: it is named, and another child goes on with the rest.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from aicr_core.kit import limits
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Document = dict[str, Any]
MAX_OUTPUT = 1 << 20
"""Bytes that the imports together may print, which nobody reads."""


def survey(modules: Sequence[str], env: Mapping[str, str]) -> dict[str, Document]:
    """Give for each module its hooks, ``{known, unknown}``, or what went wrong, ``{problem}``."""
    import tempfile

    found: dict[str, Document] = {}
    left = list(dict.fromkeys(modules))
    env = {**env, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with tempfile.TemporaryDirectory(prefix="aicr-plugins-") as folder:
        while left:
            answers, problem = _asked(left, os.path.join(folder, str(len(left))), env)
            found.update(zip(left, answers, strict=False))
            if len(answers) < len(left):
                found[left[len(answers)]] = {"problem": problem}
            left = left[len(answers) + 1 :]
    return found


def _asked(modules: Sequence[str], path: str, env: Mapping[str, str]) -> tuple[list[Document], str]:
    """Run a child; give the answers that it came to, and why there are no more."""
    import json

    from aicr_core.kit.process import run_program

    with open(path, "wb"):
        pass
    progress = [0.0, time.monotonic()]

    def remaining() -> float:
        size, now = os.stat(path).st_size, time.monotonic()
        if size != progress[0]:
            progress[:] = [size, now]
        return progress[1] + limits.HOOK - now

    argv = [sys.executable, "-m", "aicr_core.plugins.undeclared", path, *modules]
    problem = "its import ends the process"
    try:
        run_program(argv, remaining, lambda: False, env=env, check=False, max_output=MAX_OUTPUT)
    except AicrError as error:
        slow = error.code is Code.TIMEOUT
        problem = f"its import takes more than {limits.HOOK:g} s" if slow else error.message
    answers = []
    with open(path, "rb") as stream:
        for line in stream:
            try:
                answers.append(json.loads(line))
            except ValueError:
                # The child was ended while it wrote.
                break
    return answers[: len(modules)], problem


def answer(path: str, modules: Sequence[str]) -> None:
    """Import modules one after another in this process; add a line of JSON to the file ``path`` for each."""
    import json

    from aicr_core.plugins.loading import implemented, import_quietly

    with open(path, "a", encoding="utf-8") as stream:
        for name in modules:
            try:
                found: Document = implemented(import_quietly(name))._asdict()
            except Exception as error:
                # Whatever a plugin raises is its problem alone.
                found = {"problem": f"{type(error).__name__}: {error}"}
            stream.write(f"{json.dumps(found)}\n")
            stream.flush()
    # Threads that an import left must not keep the process.
    os._exit(0)


if __name__ == "__main__":
    answer(sys.argv[1], sys.argv[2:])
