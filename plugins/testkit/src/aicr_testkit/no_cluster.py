"""A cluster that nobody reaches: every question is the error that a real one gives when its server does not answer."""

from __future__ import annotations

from typing import Any


class NoCluster:
    """Stands where a check expects a ``Cluster``."""

    host = "https://192.0.2.1:6443"

    def within(self, _timeout: Any) -> NoCluster:
        """Give itself: there is nothing to wait for."""
        return self

    def path(
        self, api_version: str, resource: str, *, namespace: str = "", name: str = "", sub: str = ""
    ) -> str:
        """Give a path, which is computed without asking."""
        start = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        inside = f"/namespaces/{namespace}" if namespace else ""
        return (
            f"{start}{inside}/{resource}"
            + (f"/{name}" if name else "")
            + (f"/{sub}" if sub else "")
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._unreachable

    def _unreachable(self, *_arguments: Any, **_named: Any) -> Any:
        from aicr_core.api import AicrError, Code

        raise AicrError(Code.SERVICE_UNAVAILABLE, "the API server does not answer")
