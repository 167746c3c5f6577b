"""Push to and pull from a registry that misbehaves, and look at how that fails. No tests in here."""

from __future__ import annotations

import base64
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from aicr_oci import publisher
from faulty_registry import FaultyRegistry

from aicr_core.api import AicrError, Artifact, Context

Make = Callable[..., Context]
Docker = Callable[[dict[str, Any] | str], pathlib.Path]
Files = tuple[Artifact, ...]
FACTS = {"version": "1", "title": "AICR Bundle"}
SECRET = "open sesame"
LOGIN = base64.b64encode(f"robin:{SECRET}".encode()).decode()


def push(faulty: FaultyRegistry, context: Make, files: Files, **options: Any) -> str:
    """Push as ``team/x:v1``; give the reference."""
    return publisher.push(context(**options), f"oci://{faulty.host}/team/x:v1", files, FACTS)


def pull(
    faulty: FaultyRegistry, context: Make, version: str = ":v1", **options: Any
) -> list[Artifact]:
    """Pull ``team/x`` back."""
    return publisher.pull(context(**options), f"oci://{faulty.host}/team/x{version}")


def failure(call: Callable[[], Any]) -> AicrError:
    """Give the error of a call: one line, without secrets."""
    with pytest.raises(AicrError) as caught:
        call()
    text = f"{caught.value} {caught.value.hint}"
    assert "\n" not in text
    for secret in (SECRET, LOGIN, "s3cr3t"):
        assert secret not in text
    return caught.value


def pushed(faulty: FaultyRegistry, context: Make, files: Files) -> bytes:
    """Push, and give the layer that the registry got."""
    push(faulty, context, files)
    (layer,) = [data for data in faulty.blobs.values() if data != b"{}"]
    return layer
