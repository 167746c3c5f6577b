"""Run schemathesis against a fresh aicrd under each HTTP server, as ``tests/api/schemathesis.toml`` says (``nox -s api``)."""

from __future__ import annotations

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from http_server import ENGINES, running  # noqa: E402


def main(arguments: list[str]) -> int:
    """Give 0 when nothing was found; ``arguments`` go to schemathesis."""
    status = 0
    for engine in ENGINES:
        with running(engine, AICR_RATE_LIMIT="0", LOG_LEVEL="error") as (port, process):
            print(f"--- {engine}", flush=True)
            done = subprocess.run(
                [
                    sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
                    "--config-file", str(HERE / "schemathesis.toml"), "run", f"http://127.0.0.1:{port}/openapi.json", *arguments,
                ]
            )  # fmt: skip
            defects = [event for event in process.events() if event["msg"] == "defect"]
            print(f"defects in the log: {len(defects)}", *defects[:3], sep="\n", flush=True)
            status |= done.returncode or int(bool(defects))
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
