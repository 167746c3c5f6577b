"""Benchmark of ``aicrd``: wrk on loopback, one worker, the limiter off; CPU of the server's process for each request.

    python tests/benchmarks/server.py [--engine uvicorn|granian] [--seconds 4] [--rounds 3] [--only NAME] [--memory N]

Rates move with whatever else the machine does; the CPU that a request costs the server (user and system time of its
process and its threads, from /proc) hardly does. Rounds alternate between the cases and the least is reported. Prints
the rows of docs/performance.md.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))
from http_server import running

if TYPE_CHECKING:
    from collections.abc import Iterator

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
FULL = "service=eks&accelerator=h100&intent=training&os=ubuntu&platform=kubeflow"
VALUES = {
    "service": ["", "eks", "gke", "aks", "oke", "kind"],
    "accelerator": ["", "h100", "gb200", "b200", "a100", "l40"],
    "intent": ["", "training", "inference"],
    "os": ["", "ubuntu", "rhel", "cos", "amazonlinux"],
    "platform": ["", "dynamo", "kubeflow"],
}
_ROTATE = """
local paths = {%s}
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", paths[n %% #paths + 1])
end
"""
# A pause before each request, the same for every connection, so that the rate is the one that is wanted.
_PACED = """
function delay()
  return %d
end
"""
_SAME_BODY = """
local f = io.open("%s", "rb")
wrk.method = "POST"
wrk.body = f:read("*all")
wrk.headers["Content-Type"] = "application/json"
"""
# A body of its own for each request: what was made before does not help.
_OTHER_BODIES = """
local f = io.open("%s", "rb")
local body = f:read("*all")
local n = 0
local start = tostring(os.time()) .. tostring({}):gsub("[^0-9a-f]", "")
request = function()
  n = n + 1
  local version = start .. "-" .. n
  return wrk.format("POST", "%s", {["Content-Type"] = "application/json"},
    (body:gsub('"version":"[^"]*"', '"version":"' .. version .. '"', 1)))
end
"""


class Case(NamedTuple):
    """What is asked for: a target, or a script for wrk; connections; what the reference takes, in microseconds."""

    name: str
    target: str
    script: str = ""
    connections: int = 16
    reference: str = ""


class Row(NamedTuple):
    """What was measured."""

    rate: float
    p50: float
    p99: float
    cpu: float
    errors: int


def cases(port: int, folder: pathlib.Path) -> list[Case]:
    """Give the cases; recipes for bundles are fetched from the server itself."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"/v1/recipe?{FULL}")
    body = folder / "recipe.json"
    body.write_bytes(connection.getresponse().read())
    combinations = [
        "&".join(f"{n}={v}" for n, v in zip(VALUES, chosen, strict=True) if v)
        for chosen in itertools.product(*VALUES.values())
    ]
    random.Random(1).shuffle(combinations)
    paths = ",".join(json.dumps(f"/v1/recipe?{text}") for text in combinations)
    same = _SAME_BODY % body
    return [
        Case("`/health`", "/health", reference="21-25"),
        Case("recipe, no criteria", "/v1/recipe", reference="82-85"),
        Case("recipe, full (5 KB)", f"/v1/recipe?{FULL}", reference="200-260"),
        Case("recipe, all 1,620 in turn", "/", _ROTATE % paths, reference="125-169"),
        Case("recipe, refused", "/v1/recipe?service=nope"),
        Case("query, one value", f"/v1/query?{FULL}&selector=components.gpu-operator.version", reference="1700-1900"),
        Case("query, everything", f"/v1/query?{FULL}"),
        Case("criteria left to choose", "/v1/criteria?service=eks"),
        Case("bundle helm, as before", "/v1/bundle", same, 4, "16700-17300"),
        Case("bundle helm, never before", "/v1/bundle", _OTHER_BODIES % (body, "/v1/bundle"), 4, "16700-17300"),
        Case(
            "bundle argocd, never before", "/v1/bundle",
            _OTHER_BODIES % (body, "/v1/bundle?deployer=argocd&repo=https://git.example/r.git"), 4,
        ),
    ]  # fmt: skip


def cpu(pid: int) -> float:
    """Give the seconds of processor time of a process, its threads included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid: int) -> float:
    """Give the resident memory of a process in MiB."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20


def measure(port: int, pid: int, case: Case, seconds: float) -> Row:
    """Run wrk once."""
    script = []
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        if case.script:
            file.write(case.script)
            file.flush()
            script = ["-s", file.name]
        argv = ["wrk", "-t1", f"-c{case.connections}", f"-d{seconds:.0f}s", "--latency", *script]
        before = cpu(pid)
        done = subprocess.run(
            [*argv, f"http://127.0.0.1:{port}{case.target}"], capture_output=True, text=True, check=True
        )  # fmt: skip
        spent = cpu(pid) - before
    text = done.stdout
    found = re.search(r"(\d+) requests in", text)
    assert found, text
    requests = int(found[1])
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Row(
        rate=float(re.findall(r"Requests/sec:\s+([\d.]+)", text)[0]),
        p50=_milliseconds(text, "50%"),
        p99=_milliseconds(text, "99%"),
        cpu=spent / requests * 1e6 if requests else 0,
        errors=int(failed[1]) if failed else 0,
    )


def _milliseconds(text: str, which: str) -> float:
    number, unit = re.findall(rf"{which}\s+([\d.]+)(us|ms|s)", text)[0]
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


@contextlib.contextmanager
def server(engine: str) -> Iterator[tuple[int, int]]:
    """Start a server with the limiter off; give port and process."""
    with running(engine, AICR_RATE_LIMIT="0", LOG_LEVEL=os.environ.get("LOG_LEVEL", "error")) as (
        port,
        process,
    ):
        yield port, process.pid


def table(engine: str, seconds: float, rounds: int, only: str) -> None:
    """Measure every case, alternating; print the rows."""
    with server(engine) as (port, pid), tempfile.TemporaryDirectory() as folder:
        idle = memory(pid)
        wanted = [case for case in cases(port, pathlib.Path(folder)) if only in case.name]
        rows: dict[str, list[Row]] = {case.name: [] for case in wanted}
        for case in wanted:
            measure(port, pid, case, 1 if "1,620" not in case.name else 3)
        for _ in range(rounds):
            for case in wanted:
                rows[case.name].append(measure(port, pid, case, seconds))
        print(f"\n{engine}: {idle:.0f} MiB at first, {memory(pid):.0f} MiB at the end\n")
        print("| request | requests/s | p50 ms | p99 ms | CPU per request, µs | the reference's |")
        print("|---|---|---|---|---|---|")
        for case in wanted:
            found = rows[case.name]
            rate = max(row.rate for row in found)
            p50, p99 = min(row.p50 for row in found), min(row.p99 for row in found)
            least = min(row.cpu for row in found)
            note = f" ({found[0].errors} refused)" if found[0].errors else ""
            print(
                f"| {case.name}{note} | {rate:,.0f} | {p50:.2f} | {p99:.1f} | {least:,.0f} | {case.reference} |"
            )
        top = next((case for case in wanted if case.name.startswith("recipe, full")), None)
        if top is not None:
            best = max(row.rate for row in rows[top.name])
            pause = max(1, round(2 * top.connections / best * 1000))
            half = top._replace(script=_PACED % pause)
            paced = [measure(port, pid, half, seconds) for _ in range(rounds)]
            rate, p99 = max(row.rate for row in paced), min(row.p99 for row in paced)
            print(f"\nrecipe, full, at {rate:,.0f} requests/s of {best:,.0f}: p99 {p99:.1f} ms")


def over_time(engine: str, requests: int) -> None:
    """Print the resident memory while all routes are asked, ``requests`` times in all."""
    with server(engine) as (port, pid), tempfile.TemporaryDirectory() as folder:
        wanted = cases(port, pathlib.Path(folder))
        print(f"\n{engine}: resident memory in MiB\n\n| requests | MiB |\n|---|---|")
        done = 0
        print(f"| 0 | {memory(pid):.1f} |", flush=True)
        for round_ in itertools.count():
            case = wanted[round_ % len(wanted)]
            before = time.monotonic()
            row = measure(port, pid, case, 2)
            done += int(row.rate * (time.monotonic() - before))
            if round_ % len(wanted) == len(wanted) - 1:
                print(f"| {done:,} | {memory(pid):.1f} |", flush=True)
                if done >= requests:
                    return


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--memory", type=int, default=0)
    given = parser.parse_args()
    for engine in [given.engine] if given.engine else ["uvicorn", "granian"]:
        if given.memory:
            over_time(engine, given.memory)
        else:
            table(engine, given.seconds, given.rounds, given.only)


if __name__ == "__main__":
    main()
