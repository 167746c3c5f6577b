"""The registry of a manual page: a real one with TLS and one user, who is logged in. No tests in here.

A page with the mark ``<!-- registry: NAME -->`` finds its host and port in the variable NAME.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

MARK = re.compile(r"<!-- registry: (?P<name>\w+) -->")


@contextlib.contextmanager
def registry_of(text: str, folder: pathlib.Path) -> Iterator[dict[str, str]]:
    """Run the registry of a page, if it has one; give the variables that its commands get."""
    found = MARK.search(text)
    if found is None:
        yield {}
        return
    import registry

    settings, certificate = registry.with_tls(folder / "registry")
    with registry.registry(
        folder / "registry", {**settings, **registry.with_users(folder / "registry")}
    ) as host:
        login = {"auths": {host: {"auth": registry.BASIC}}}
        (folder / "registry/docker").mkdir()
        (folder / "registry/docker/config.json").write_text(json.dumps(login))
        yield {
            found["name"]: host,
            "SSL_CERT_FILE": str(certificate),
            "DOCKER_CONFIG": str(folder / "registry/docker"),
        }
