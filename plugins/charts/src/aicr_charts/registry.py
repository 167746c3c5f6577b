"""Charts from OCI registries, pulled by Helm's library or the ``helm`` executable.

Credentials are those of Helm's own and docker's configuration; the variables for repositories are not sent here.
"""

from __future__ import annotations

import os
import re
import tempfile
from typing import TYPE_CHECKING

from aicr_charts.archive import MAX_PACKED
from aicr_charts.engines import ask, helm
from aicr_charts.faults import NoEngine
from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from aicr_core.api import ChartWanted, Context

# What the registry client's messages say, in the order in which it is looked for.
_SIGNS = (
    (r"status(?: code)?:? (?:401|403)\b|unauthorized|denied|authentication", Code.UNAUTHORIZED),
    (r"status(?: code)?:? 429\b|too many requests|toomanyrequests", Code.RATE_LIMIT_EXCEEDED),
    (r"status(?: code)?:? 404\b|not found|manifest unknown|could not locate", Code.NOT_FOUND),
    (r"digest|verification failed|mismatch", Code.UNAUTHORIZED),
    (r"timeout|deadline exceeded", Code.TIMEOUT),
)


def pull_chart(ctx: Context, wanted: ChartWanted) -> bytes:
    """Give the package of a chart from a registry (``ctx.options``: ``plain_http``, ``insecure_tls``).

    Raises AicrError: NOT_FOUND, UNAUTHORIZED, RATE_LIMIT_EXCEEDED, TIMEOUT, SERVICE_UNAVAILABLE.
    """
    reference = f"{wanted.repository.rstrip('/')}/{wanted.name}"
    plain_http = bool(ctx.options.get("plain_http"))
    insecure = bool(ctx.options.get("insecure_tls"))
    with tempfile.TemporaryDirectory(prefix="aicr-charts-") as folder:
        question = {
            "call": "pull", "reference": reference, "version": wanted.version, "folder": folder,
            "plain_http": plain_http, "insecure_tls": insecure,
        }  # fmt: skip
        try:
            ask(ctx, question, reference)
        except NoEngine as missing:
            argv = [helm(ctx, missing), "pull", reference, "--version", wanted.version]
            argv += ["--destination", folder]
            argv += ["--plain-http"] if plain_http else []
            argv += ["--insecure-skip-tls-verify"] if insecure else []
            done = ctx.run(argv, check=False, env=ctx.settings.env)
            if done.status:
                raise _told(done.stderr.decode("utf-8", "replace"), reference) from None
        except AicrError as error:
            if error.code is not Code.INVALID_REQUEST:
                raise
            raise _told(error.message, reference) from None
        return _package(folder, reference)


def _package(folder: str, reference: str) -> bytes:
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.endswith(".tgz") and os.path.getsize(path) <= MAX_PACKED:
            with open(path, "rb") as stream:
                return stream.read()
    raise AicrError(
        Code.SERVICE_UNAVAILABLE, f"the registry gives no chart of at most {MAX_PACKED >> 20} MiB",
        where=reference,
    )  # fmt: skip


def _told(text: str, reference: str) -> AicrError:
    words = re.sub(r"\s+", " ", text).strip()
    words = words.removeprefix("the chart does not render: ").removeprefix("Error: ")
    low = words.lower()
    code = next((c for sign, c in _SIGNS if re.search(sign, low)), Code.SERVICE_UNAVAILABLE)
    hint = (
        "log in with `helm registry login` or `docker login`" if code is Code.UNAUTHORIZED else None
    )
    return AicrError(code, f"cannot pull the chart: {words}", where=reference, hint=hint)
