"""The engine for programs: a session over the installed plugins. The command line, the server and notebooks use it.

A session is opened once; nothing outside it is changed by one, so several may stand side by side. Its methods may be
called from several threads once it is warm; what they give is shared and must not be changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.session.documents import Documents
from aicr_core.session.places import Places
from aicr_core.session.results import Bundle, BundleFile, Resolved, Text, Validation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aicr_core.app.environment import Environment

__all__ = ["Bundle", "BundleFile", "Resolved", "Session", "Text", "Validation"]


class Session(Documents, Places):
    """One set of plugins and catalogue directories, opened once.

    What works on documents and bytes alone comes from ``session.documents``, what touches files, clusters and
    registries from ``session.places``.
    """

    @classmethod
    def of(cls, environment: Environment, data: Sequence[str] = ()) -> Session:
        """Give a session over an environment that is open already, as the command line's is."""
        made = cls.__new__(cls)
        made._begin(environment, data)
        return made
