"""Services behind the API server's proxy: ``.../services/NAME:PORT/proxy/PATH``.

As the real server: 404 for a Service that is not there, 503 for one without endpoints; what a backend answers is
handed on as it is, its status too. There is no network: a backend is a table of answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulated_cluster.refused import Refused
from emulated_cluster.verbatim import Reply, Verbatim

if TYPE_CHECKING:
    from collections.abc import Mapping


class Backends:
    """The services that answer."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str, int], Verbatim] = {}

    def add(self, namespace: str, name: str, port: int, answers: Mapping[str, Any]) -> None:
        """Let a service answer; ``answers`` by path (``/metrics``). See :mod:`emulated_cluster.verbatim`."""
        self._answers[namespace, name, port] = Verbatim(answers)

    def answer(self, namespace: str, target: str, path: str, *, there: bool) -> Reply:
        """Give what a service answers; ``target`` is ``NAME:PORT`` and ``there`` whether there is such a Service.

        A backend that was added stands for its Service too.
        """
        name, _, port = target.partition(":")
        number = int(port) if port.isdecimal() else 0
        backend = self._answers.get((namespace, name, number))
        if backend is None:
            if not there:
                raise Refused(404, f'services "{name}" not found', details={"name": name})
            text = f'no endpoints available for service "{target}"'
            raise Refused(503, text)
        return backend.take(path) or Reply(404, b"404 page not found\n", "text/plain")
