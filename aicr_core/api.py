"""The public surface for plugins: import from here and nowhere else in the core. Nothing is defined here."""

from __future__ import annotations

from aicr_core._version import HOOKSPEC, __version__
from aicr_core.kit.emit import to_json, to_yaml
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.frames import read_frames, write_frames
from aicr_core.kit.run import Completed, Context
from aicr_core.model.agent import AgentRequest, AgentResult, NodeResult
from aicr_core.model.bundle import Artifact, BundlePlan, BundleReport, ComponentBundle, Release
from aicr_core.model.readings import Sign, readings, recognise
from aicr_core.model.settings import Settings
from aicr_core.model.snapshot import Detection, Item, Measurement, Subtype
from aicr_core.plugins.providers import (
    Agent,
    BundleCheck,
    Bundler,
    Check,
    Collector,
    Command,
    Deployer,
    Dimension,
    Matcher,
    Phase,
    Signer,
    Store,
    StoredDocument,
)
from aicr_core.plugins.specs import hookimpl

__all__ = [
    "HOOKSPEC",
    "Agent",
    "AgentRequest",
    "AgentResult",
    "AicrError",
    "Artifact",
    "BundleCheck",
    "BundlePlan",
    "BundleReport",
    "Bundler",
    "Check",
    "Code",
    "Collector",
    "Command",
    "Completed",
    "ComponentBundle",
    "Context",
    "Deployer",
    "Detection",
    "Dimension",
    "Item",
    "Matcher",
    "Measurement",
    "NodeResult",
    "Phase",
    "Release",
    "Settings",
    "Sign",
    "Signer",
    "Store",
    "StoredDocument",
    "Subtype",
    "__version__",
    "hookimpl",
    "read_frames",
    "readings",
    "recognise",
    "to_json",
    "to_yaml",
    "write_frames",
]
