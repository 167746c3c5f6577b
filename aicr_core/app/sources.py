"""Read a document from where a person says it is: file, standard input, http(s), or a store's URI.

Which reader a URI scheme needs is a store plugin's business; ``http`` and ``https`` are read here, with limits
(spec/recipe.md 18, B6). Nothing is written to disk.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from aicr_core.kit import limits
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.paths import fault
from aicr_core.kit.yamlio import MAX_BYTES

if TYPE_CHECKING:
    from aicr_core.app.environment import Environment


class Source(NamedTuple):
    """A document's bytes, its format (``yaml`` or ``json``), and its name for messages."""

    data: bytes
    fmt: str
    name: str


def read(
    environment: Environment, uri: str, *, kubeconfig: str = "", limit: int = MAX_BYTES
) -> Source:
    """Read ``uri``: a path, ``-`` for standard input, ``http(s)://`` or a store's scheme; at most ``limit`` bytes.

    Raises AicrError: NOT_FOUND, UNAUTHORIZED, SERVICE_UNAVAILABLE, TIMEOUT, or INVALID_REQUEST for what is
    too large or of no known format.
    """
    scheme, separator, _ = uri.partition("://")
    if uri == "-":
        return Source(sys.stdin.buffer.read(limit + 1), "yaml", "standard input")
    if not separator:
        return Source(_file(uri, limit), format_of(uri), uri)
    if scheme in ("http", "https"):
        data, fmt = _http(uri, limit)
        return Source(data, fmt, uri)
    from aicr_core.app.sinks import store_for
    from aicr_core.kit.run import Context
    from aicr_core.plugins.manager import resolve

    context = Context(
        settings=environment.settings, timeout=limits.HTTP, options={"kubeconfig": kubeconfig}
    )
    stored = resolve(store_for(environment, uri)[1].read)(context, uri)
    return Source(stored.data, stored.format, uri)


def read_bytes(uri: str) -> bytes:
    """Read what is no document (a template, a rules file): a path, ``-``, or http(s). Raises as :func:`read`."""
    if uri == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    if uri.startswith(("http://", "https://")):
        return _http(uri, MAX_BYTES)[0]
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


def _http(url: str, limit: int) -> tuple[bytes, str]:
    from urllib.error import HTTPError, URLError
    from urllib.parse import urlsplit
    from urllib.request import Request, urlopen

    request = Request(url, headers={"User-Agent": "aicr"})  # noqa: S310 - scheme checked by the caller
    try:
        with urlopen(request, timeout=limits.HTTP) as response:  # noqa: S310
            if response.status != 200:
                raise AicrError(Code.SERVICE_UNAVAILABLE, f"status {response.status}", where=url)
            data = response.read(limit + 1)
            kind = response.headers.get_content_type()
    except HTTPError as error:
        error.close()
        code = {401: Code.UNAUTHORIZED, 403: Code.UNAUTHORIZED, 404: Code.NOT_FOUND}.get(
            error.code, Code.SERVICE_UNAVAILABLE
        )
        raise AicrError(code, f"the server answers {error.code}", where=url) from None
    except TimeoutError:
        raise AicrError(Code.TIMEOUT, f"no answer within {limits.HTTP:g} s", where=url) from None
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise AicrError(Code.SERVICE_UNAVAILABLE, f"cannot fetch: {reason}", where=url) from None
    if len(data) > limit:
        raise _too_large(url, limit)
    path = urlsplit(url).path
    known = os.path.splitext(path)[1].lower() in (".json", ".yaml", ".yml", ".txt", ".table")
    if not known and kind.endswith("json"):
        return data, "json"
    return data, format_of(path)
