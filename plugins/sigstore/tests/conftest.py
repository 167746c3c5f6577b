"""A Sigstore of our own for these tests, and bundles signed with its certificates."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator

import pytest
from mini_sigstore import MiniSigstore, Services


@pytest.fixture(scope="module")
def mini() -> MiniSigstore:
    return MiniSigstore()


@pytest.fixture
def root(mini: MiniSigstore, tmp_path: pathlib.Path) -> pathlib.Path:
    """The file for ``--trust-root``."""
    path = tmp_path / "root.json"
    path.write_text(json.dumps(mini.trusted_root()))
    return path


@pytest.fixture
def services(mini: MiniSigstore) -> Iterator[Services]:
    with Services(mini) as running:
        yield running


@pytest.fixture
def config(services: Services, tmp_path: pathlib.Path) -> pathlib.Path:
    """The file for ``--signing-config``."""
    path = tmp_path / "services.json"
    path.write_text(json.dumps(services.config()))
    return path


@pytest.fixture(autouse=True)
def _nobody_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """No CI's variables: what a developer's machine or our own CI says about itself is no part of a test."""
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_ACTIONS",
                 "GITLAB_CI", "BUILDKITE", "CIRCLECI"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
