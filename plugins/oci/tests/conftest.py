"""What the tests of the publisher share: contexts, registries, no waiting, nobody's proxies or credentials."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import registry as real
from faulty_registry import FaultyRegistry

from aicr_core.api import Artifact, Context
from aicr_core.model.settings import Settings

FILES = (
    Artifact(path="deploy.sh", data=b"#!/bin/sh\n" + b"echo hello\n" * 100, mode=0o755),
    Artifact(path="a/values.yaml", data=b"a: 1\n", mode=0o644),
    Artifact(path="a-b/values.yaml", data="ü: €\n".encode()),
    Artifact(path="checksums.txt", data=b""),
)


@pytest.fixture
def files() -> tuple[Artifact, ...]:
    """A few files of a bundle."""
    return FILES


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """Let nothing of this machine reach the tests, and nothing wait."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setattr("aicr_oci.transport.PAUSES", (0.01, 0.02, 0.03))


@pytest.fixture
def docker(tmp_path: pathlib.Path) -> Callable[[dict[str, Any] | str], pathlib.Path]:
    """Write Docker's configuration."""
    import json

    def write(config: dict[str, Any] | str) -> pathlib.Path:
        (tmp_path / "docker").mkdir(exist_ok=True)
        file = tmp_path / "docker/config.json"
        file.write_text(config if isinstance(config, str) else json.dumps(config))
        return file

    return write


@pytest.fixture
def context() -> Callable[..., Context]:
    """Make the context of a push or pull; plain HTTP unless told otherwise."""

    def make(
        *, plain_http: bool = True, insecure_tls: bool = False, timeout: float = 60
    ) -> Context:
        options = {"plain_http": plain_http, "insecure_tls": insecure_tls}
        return Context(settings=Settings.from_env(os.environ), timeout=timeout, options=options)

    return make


@pytest.fixture
def faulty() -> Iterator[FaultyRegistry]:
    """A registry in this process that can misbehave."""
    with FaultyRegistry() as server:
        yield server


@pytest.fixture(scope="session")
def plain_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real registry without users; give its host."""
    with real.registry(tmp_path_factory.mktemp("plain")) as host:
        yield host
