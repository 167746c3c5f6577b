"""The public surface for plugins: import from here and nowhere else in the core. Nothing is defined here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core._version import HOOKSPEC, __version__
from aicr_core.kit.archive import pack
from aicr_core.kit.constraints import evaluate as satisfies
from aicr_core.kit.constraints import parse as parse_expression
from aicr_core.kit.context import Context
from aicr_core.kit.dsse import KeyBundle, dsse_message, read_key_bundle, write_key_bundle
from aicr_core.kit.emit import to_json, to_yaml
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.kit.frames import read_frames, write_frames
from aicr_core.kit.http import fetch
from aicr_core.kit.imageref import ImageReference, image_reference
from aicr_core.kit.junit import JunitCase, JunitSuite, junit_document, junit_seconds
from aicr_core.kit.localchart import chart_version, manifests_chart, wrapper_chart
from aicr_core.kit.process import Completed
from aicr_core.kit.rendered import rendered_objects
from aicr_core.kit.sarif import sarif_log
from aicr_core.kit.text import markdown, table
from aicr_core.kit.yamlio import load, load_all
from aicr_core.model.agent import AgentRequest, AgentResult, NodeResult
from aicr_core.model.bundle import Artifact, BundlePlan, BundleReport, ComponentBundle, Release
from aicr_core.model.charts import ChartFacts, ChartWanted, PackagedChart, RenderRequest
from aicr_core.model.check import (
    RUN_NAMESPACE,
    CheckResult,
    Evidence,
    Page,
    PhaseReport,
    Report,
    ReportItem,
    Right,
    failed,
    passed,
    skipped,
)
from aicr_core.model.checkrun import CatalogEntry, CheckRun
from aicr_core.model.cluster import Cluster
from aicr_core.model.inventory import (
    Inventory,
    InventoryChart,
    InventoryComponent,
    InventoryImage,
    InventoryPlugin,
)
from aicr_core.model.lint import BundleObject, BundleRelease, BundleView, Finding
from aicr_core.model.parts import Part, local_chart, parts
from aicr_core.model.rbac import Question, questions, rbac_objects
from aicr_core.model.readings import Sign, readings, recognise
from aicr_core.model.resultline import read_result_line, write_result_line
from aicr_core.model.settings import Settings
from aicr_core.model.snapshot import Detection, Item, Measurement, Subtype
from aicr_core.model.target import MANAGED, RUN_LABEL, Target
from aicr_core.model.trust import PAYLOAD_TYPE, Signing, Trust, Verified
from aicr_core.plugins.providers import (
    Agent,
    BundleCheck,
    BundleLint,
    Bundler,
    ChartEngine,
    Check,
    CheckRunner,
    ClusterAccess,
    Collector,
    Command,
    Deployer,
    DeployerOption,
    Dimension,
    EvidenceWriter,
    InventoryWriter,
    Matcher,
    Phase,
    Publisher,
    ReportWriter,
    Signer,
    Store,
    StoredDocument,
)
from aicr_core.plugins.specs import hookimpl

if TYPE_CHECKING:
    from aicr_core.app.bundle_request import BundleRequest
    from aicr_core.engine.query import NotThere
    from aicr_core.session import Bundle, Session, Text

__all__ = [
    "HOOKSPEC",
    "MANAGED",
    "PAYLOAD_TYPE",
    "RUN_LABEL",
    "RUN_NAMESPACE",
    "Agent",
    "AgentRequest",
    "AgentResult",
    "AicrError",
    "Artifact",
    "Bundle",
    "BundleCheck",
    "BundleLint",
    "BundleObject",
    "BundlePlan",
    "BundleRelease",
    "BundleReport",
    "BundleRequest",
    "BundleView",
    "Bundler",
    "CatalogEntry",
    "ChartEngine",
    "ChartFacts",
    "ChartWanted",
    "Check",
    "CheckResult",
    "CheckRun",
    "CheckRunner",
    "Cluster",
    "ClusterAccess",
    "Code",
    "Collector",
    "Command",
    "Completed",
    "ComponentBundle",
    "Context",
    "Deployer",
    "DeployerOption",
    "Detection",
    "Dimension",
    "Evidence",
    "EvidenceWriter",
    "Finding",
    "ImageReference",
    "Inventory",
    "InventoryChart",
    "InventoryComponent",
    "InventoryImage",
    "InventoryPlugin",
    "InventoryWriter",
    "Item",
    "JunitCase",
    "JunitSuite",
    "KeyBundle",
    "Matcher",
    "Measurement",
    "NodeResult",
    "NotThere",
    "PackagedChart",
    "Page",
    "Part",
    "Phase",
    "PhaseReport",
    "Publisher",
    "Question",
    "Release",
    "RenderRequest",
    "Report",
    "ReportItem",
    "ReportWriter",
    "Right",
    "Session",
    "Settings",
    "Sign",
    "Signer",
    "Signing",
    "Store",
    "StoredDocument",
    "Subtype",
    "Target",
    "Text",
    "Trust",
    "Verified",
    "__version__",
    "chart_version",
    "dsse_message",
    "failed",
    "fetch",
    "hookimpl",
    "image_reference",
    "junit_document",
    "junit_seconds",
    "load",
    "load_all",
    "local_chart",
    "manifests_chart",
    "markdown",
    "nearest",
    "pack",
    "parse_expression",
    "parts",
    "passed",
    "questions",
    "rbac_objects",
    "read_frames",
    "read_key_bundle",
    "read_result_line",
    "readings",
    "recognise",
    "rendered_objects",
    "sarif_log",
    "satisfies",
    "skipped",
    "table",
    "to_json",
    "to_yaml",
    "wrapper_chart",
    "write_frames",
    "write_key_bundle",
    "write_result_line",
]

# What only programs that drive the engine use: a plugin's hooks must not pay for importing it.
_LATE = {
    "Bundle": "aicr_core.session",
    "BundleRequest": "aicr_core.app.bundle_request",
    "NotThere": "aicr_core.engine.query",
    "Session": "aicr_core.session",
    "Text": "aicr_core.session",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        import importlib

        return getattr(importlib.import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
