"""Read a document from where a person says it is: file, standard input, http(s), or a store's URI.

Which reader a URI scheme needs is a store plugin's business; ``http`` and ``https`` are read by ``kit.http``, when
needed. Nothing is written to disk.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.limits import MAX_BYTES
from aicr_core.kit.paths import fault

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment
    from aicr_core.kit.http import Page


class Source(NamedTuple):
    """A document's bytes, its format (``yaml`` or ``json``), and its name for messages."""

    data: bytes
    fmt: str
    name: str


def read(
    environment: Environment,
    uri: str | Source,
    *,
    kubeconfig: str = "",
    limit: int = MAX_BYTES,
    kind: str = "",
) -> Source:
    """Read ``uri``: a path, ``-`` for standard input, ``http(s)://`` or a store's scheme; at most ``limit`` bytes.

    What is read already (a :class:`Source`) is given back; nothing that it names is fetched. ``kind`` tells a store
    which document is meant where it holds several.

    Raises AicrError: NOT_FOUND, UNAUTHORIZED, SERVICE_UNAVAILABLE, TIMEOUT, or INVALID_REQUEST for what is
    too large or of no known format.
    """
    if isinstance(uri, Source):
        return uri
    scheme, separator, rest = uri.partition("://")
    if uri == "-":
        return Source(_standard_input(limit), "yaml", "standard input")
    if not separator:
        return Source(_file(uri, limit), format_of(uri), uri)
    if scheme.lower() in ("http", "https"):
        from aicr_core.kit import http

        page = http.fetch(f"{scheme.lower()}://{rest}", limit)
        return Source(page.data, _format_of_page(page), uri)
    from aicr_core.app.sinks import store_context, store_for
    from aicr_core.plugins.manager import resolve

    _, store = store_for(environment, uri)
    stored = resolve(store.read)(store_context(environment, kubeconfig, kind), uri)
    return Source(stored.data, stored.format, uri)


def read_bytes(uri: str) -> bytes:
    """Read what is no document (a template, a rules file): a path, ``-``, or http(s). Raises as :func:`read`."""
    if uri == "-":
        return _standard_input(MAX_BYTES)
    if uri.startswith(("http://", "https://")):
        from aicr_core.kit import http

        return http.fetch(uri, MAX_BYTES).data
    return _file(uri, MAX_BYTES)


def format_of(name: str) -> str:
    """Give the format by the end of a name, in any case: JSON for ``.json``, else YAML.

    JSON is a subset of YAML for our purposes, so an unknown ending reads as YAML. Raises AicrError for
    ``.table`` and ``.txt``, which hold output for people.
    """
    ending = os.path.splitext(name.lower().removesuffix(".gz"))[1]
    if ending in (".table", ".txt"):
        raise AicrError(
            Code.INVALID_REQUEST,
            "a table cannot be read back",
            where=name,
            hint="write the file with --format yaml or json",
        )
    return "json" if ending == ".json" else "yaml"


def _file(path: str, limit: int) -> bytes:
    try:
        with open(path, "rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise fault(error, path, "read") from None
    if len(data) > limit:
        raise _too_large(path, limit)
    return data


def _too_large(where: str, limit: int) -> AicrError:
    return AicrError(
        Code.INVALID_REQUEST, f"the document is over the limit of {limit // 2**20} MiB", where=where
    )


def _standard_input(limit: int) -> bytes:
    if sys.stdin is None:
        raise AicrError(Code.INVALID_REQUEST, "standard input is closed", hint="give a file")
    return sys.stdin.buffer.read(limit + 1)


def _format_of_page(page: Page) -> str:
    """The path decides, not the query (B6); the server only where the path says nothing."""
    known = os.path.splitext(page.path)[1].lower() in (".json", ".yaml", ".yml", ".txt", ".table")
    if not known and page.kind.endswith("json"):
        return "json"
    return format_of(page.path)
