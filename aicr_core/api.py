"""The public surface for plugins: import from here and nowhere else in the core. Nothing is defined here."""

from __future__ import annotations

from aicr_core._version import HOOKSPEC, __version__
from aicr_core.kit.emit import to_json, to_yaml
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.run import Context
from aicr_core.model.bundle import Artifact, BundlePlan, BundleReport, ComponentBundle, Release
from aicr_core.model.settings import Settings
from aicr_core.plugins.providers import (
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
)
from aicr_core.plugins.specs import hookimpl

__all__ = [
    "HOOKSPEC",
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
    "ComponentBundle",
    "Context",
    "Deployer",
    "Dimension",
    "Matcher",
    "Phase",
    "Release",
    "Settings",
    "Signer",
    "Store",
    "__version__",
    "hookimpl",
    "to_json",
    "to_yaml",
]
