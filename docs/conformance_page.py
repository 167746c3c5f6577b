"""The page of conformance checks, made from those of the kit; ``docs/generate.py`` writes it."""

from __future__ import annotations

from aicr_testkit.registry import CHECKS

HEAD = """# Conformance

The kit `aicr-testkit` holds an installed plugin to what every user of it relies on, whoever wrote it. Install it
beside the plugin, from a wheel or as `pip install -e .`:

```sh
pip install aicr-testkit
```

<!-- run -->
```console
$ aicr plugins test helm
T01 ...
T24 ...
helm (aicr-helm 0.1.0): 19 passed, 0 failed, 5 skipped
$ aicr plugins test helm --check T05 --format junit | grep -c "<testcase"
1
$ aicr plugins test helm --no-record --format json | grep '"passed"'
"passed": true
```

Exit status: 0 when nothing failed, 2 when a check failed, 3 when no plugin has the name. A check that does not apply
is skipped, with the reason. When all checks ran, the report is kept: `aicr plugins list --all` shows it, and a policy
can demand it (`require_conformance`). It is about what is installed then: a new version is another plugin. A report
guards against forgetting, not against somebody who writes one by hand.

Where a policy demands reports of every plugin, the kit is kept out as well until it has its own, and with it the
command: `python -m aicr_testkit NAME` does the same without. Begin with `recipes` and `testkit`; data of plugins that
are kept out is not there, so overlays that build on it fail T13 until it is.

## In a project's own tests

The kit is a pytest plugin too. `pytest --aicr-plugin NAME` adds a test for each check; `--aicr-check T05` chooses.

| fixture | gives |
|---|---|
| `aicr` | `aicr("recipe", "--service", "eks")` runs a command here: `status`, `stdout`, `stderr`, `tree` (the files) |
| `aicr_plugins` | `aicr_plugins.add(name, hooks="...", data={...})` installs a plugin for one test; `.remove(name)` |
| `golden` | `golden(run.tree, "name")` compares with the files in `golden/name`; `--aicr-update` records them |

## How the plugin is run

In child processes, each with a home, a working folder and an environment of its own, an address space of 4 GiB and
two minutes. A connection, a program that is not declared and a change outside these folders are refused, and noted.
What native code asks of the kernel itself is not seen: the kit finds mistakes, it is no sandbox for hostile code.
Clock, host and user are pretended. Called are collectors, matchers, checks, bundlers, deployers, writers, lints and
stores, with small inputs of the kit's; what would create objects in a cluster, sign or publish is not called, and is
for the plugin's own tests. Every random input comes from a seed that the message names.

Recorded cases (T20): a folder `golden/CASE/` with a file `arguments`, one argument of `aicr` a line (`{case}` is the
folder), and `expected/` with `status`, `stdout` and `tree/`, in the package or where `--golden DIR` says.

## The checks
"""


def conformance_page(note: str) -> str:
    """Give the page: how to run the kit, and of each check what it demands, why, and how to mend it."""
    lines = [note, HEAD, "| check | demands | why | to mend it |", "|---|---|---|---|"]
    for check in CHECKS:
        texts = (text.replace("|", "\\|") for text in (check.demands, check.why, check.mend))
        lines.append(f"| `{check.id}` {check.title} | {' | '.join(texts)} |")
    return "\n".join(lines) + "\n"
