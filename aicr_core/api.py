"""The public surface for plugins: import from here and nowhere else in the core. Nothing is defined here.

What hooks need to register is imported with this module; everything else when it is first asked for, so that a command
does not pay for what it does not use (``from aicr_core.api import NAME`` works for both). A test holds ``_LATE`` to the
imports that the type checker sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core._version import (
    HOOKSPEC,
    __version__,
)
from aicr_core.kit.errors import (
    AicrError,
    Code,
    nearest,
)
from aicr_core.model.bundle import (
    Artifact,
    BundlePlan,
    BundleReport,
    ComponentBundle,
    Release,
)
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
from aicr_core.plugins.specs import (
    hookimpl,
)

if TYPE_CHECKING:
    from aicr_core.app.bundle_request import (
        BundleRequest,
    )
    from aicr_core.app.mirror import (
        MirrorRequest,
    )
    from aicr_core.app.recipe import (
        RecipeRequest,
    )
    from aicr_core.app.snapshot import (
        SnapshotRequest,
    )
    from aicr_core.app.validate import (
        ValidateRequest,
    )
    from aicr_core.app.verify import (
        VerifyRequest,
    )
    from aicr_core.engine.query import (
        NotThere,
    )
    from aicr_core.engine.render import template as render_template
    from aicr_core.kit.archive import (
        pack,
    )
    from aicr_core.kit.constraints import evaluate as satisfies
    from aicr_core.kit.constraints import parse as parse_expression
    from aicr_core.kit.context import (
        Context,
    )
    from aicr_core.kit.dsse import (
        KeyBundle,
        dsse_message,
        read_key_bundle,
        write_key_bundle,
    )
    from aicr_core.kit.emit import (
        to_json,
        to_yaml,
    )
    from aicr_core.kit.frames import (
        read_frames,
        write_frames,
    )
    from aicr_core.kit.http import (
        fetch,
    )
    from aicr_core.kit.imageref import (
        ImageReference,
        image_reference,
    )
    from aicr_core.kit.junit import (
        JunitCase,
        JunitSuite,
        junit_document,
        junit_seconds,
    )
    from aicr_core.kit.localchart import (
        chart_version,
        manifests_chart,
        wrapper_chart,
    )
    from aicr_core.kit.manifests import (
        without_hooks,
    )
    from aicr_core.kit.process import (
        Completed,
    )
    from aicr_core.kit.rendered import (
        rendered_objects,
    )
    from aicr_core.kit.sarif import (
        sarif_log,
    )
    from aicr_core.kit.surrogates import (
        whole_json,
    )
    from aicr_core.kit.text import (
        markdown,
        table,
    )
    from aicr_core.kit.tree import (
        in_order,
        leaves,
    )
    from aicr_core.kit.yamlio import (
        load,
        load_all,
    )
    from aicr_core.model.agent import (
        AgentRequest,
        AgentResult,
        NodeResult,
    )
    from aicr_core.model.charts import (
        ChartFacts,
        ChartWanted,
        PackagedChart,
        RenderRequest,
    )
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
    from aicr_core.model.checkrun import (
        CatalogEntry,
        CheckRun,
    )
    from aicr_core.model.cluster import (
        Cluster,
    )
    from aicr_core.model.inventory import (
        Inventory,
        InventoryChart,
        InventoryComponent,
        InventoryImage,
        InventoryPlugin,
    )
    from aicr_core.model.lint import (
        BundleObject,
        BundleRelease,
        BundleView,
        Finding,
    )
    from aicr_core.model.parts import (
        Part,
        local_chart,
        parts,
    )
    from aicr_core.model.rbac import (
        Question,
        questions,
        rbac_objects,
    )
    from aicr_core.model.readings import (
        Sign,
        readings,
        recognise,
    )
    from aicr_core.model.resultline import (
        read_result_line,
        write_result_line,
    )
    from aicr_core.model.settings import (
        Settings,
    )
    from aicr_core.model.snapshot import (
        Detection,
        Item,
        Measurement,
        Subtype,
    )
    from aicr_core.model.target import (
        MANAGED,
        RUN_LABEL,
        Target,
    )
    from aicr_core.model.trust import (
        PAYLOAD_TYPE,
        Signing,
        Trust,
        Verified,
    )
    from aicr_core.model.undone import (
        chart_address,
        restarts,
    )
    from aicr_core.plugins.conformance import read as read_conformance
    from aicr_core.plugins.conformance import report as conformance_report
    from aicr_core.plugins.conformance import verdict as conformance_verdict
    from aicr_core.plugins.conformance import write as write_conformance
    from aicr_core.plugins.loading import implemented as implemented_hooks
    from aicr_core.plugins.manager import resolve as resolve_call
    from aicr_core.plugins.manifest import read as read_manifest
    from aicr_core.plugins.providers import calls_of as provider_calls
    from aicr_core.session import (
        Bundle,
        Resolved,
        Session,
        Text,
        Validation,
    )
    from aicr_core.session.convert import (
        from_dict,
        to_dict,
    )

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
    "MirrorRequest",
    "NodeResult",
    "NotThere",
    "PackagedChart",
    "Page",
    "Part",
    "Phase",
    "PhaseReport",
    "Publisher",
    "Question",
    "RecipeRequest",
    "Release",
    "RenderRequest",
    "Report",
    "ReportItem",
    "ReportWriter",
    "Resolved",
    "Right",
    "Session",
    "Settings",
    "Sign",
    "Signer",
    "Signing",
    "SnapshotRequest",
    "Store",
    "StoredDocument",
    "Subtype",
    "Target",
    "Text",
    "Trust",
    "ValidateRequest",
    "Validation",
    "Verified",
    "VerifyRequest",
    "__version__",
    "chart_address",
    "chart_version",
    "conformance_report",
    "conformance_verdict",
    "dsse_message",
    "failed",
    "fetch",
    "from_dict",
    "hookimpl",
    "image_reference",
    "implemented_hooks",
    "in_order",
    "junit_document",
    "junit_seconds",
    "leaves",
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
    "provider_calls",
    "questions",
    "rbac_objects",
    "read_conformance",
    "read_frames",
    "read_key_bundle",
    "read_manifest",
    "read_result_line",
    "readings",
    "recognise",
    "render_template",
    "rendered_objects",
    "resolve_call",
    "restarts",
    "sarif_log",
    "satisfies",
    "skipped",
    "table",
    "to_dict",
    "to_json",
    "to_yaml",
    "whole_json",
    "without_hooks",
    "wrapper_chart",
    "write_conformance",
    "write_frames",
    "write_key_bundle",
    "write_result_line",
]

_LATE = {
    "AgentRequest": "aicr_core.model.agent",
    "AgentResult": "aicr_core.model.agent",
    "Bundle": "aicr_core.session",
    "BundleObject": "aicr_core.model.lint",
    "BundleRelease": "aicr_core.model.lint",
    "BundleRequest": "aicr_core.app.bundle_request",
    "BundleView": "aicr_core.model.lint",
    "CatalogEntry": "aicr_core.model.checkrun",
    "ChartFacts": "aicr_core.model.charts",
    "ChartWanted": "aicr_core.model.charts",
    "CheckResult": "aicr_core.model.check",
    "CheckRun": "aicr_core.model.checkrun",
    "Cluster": "aicr_core.model.cluster",
    "Completed": "aicr_core.kit.process",
    "Context": "aicr_core.kit.context",
    "Detection": "aicr_core.model.snapshot",
    "Evidence": "aicr_core.model.check",
    "Finding": "aicr_core.model.lint",
    "ImageReference": "aicr_core.kit.imageref",
    "Inventory": "aicr_core.model.inventory",
    "InventoryChart": "aicr_core.model.inventory",
    "InventoryComponent": "aicr_core.model.inventory",
    "InventoryImage": "aicr_core.model.inventory",
    "InventoryPlugin": "aicr_core.model.inventory",
    "Item": "aicr_core.model.snapshot",
    "JunitCase": "aicr_core.kit.junit",
    "JunitSuite": "aicr_core.kit.junit",
    "KeyBundle": "aicr_core.kit.dsse",
    "MANAGED": "aicr_core.model.target",
    "Measurement": "aicr_core.model.snapshot",
    "MirrorRequest": "aicr_core.app.mirror",
    "NodeResult": "aicr_core.model.agent",
    "NotThere": "aicr_core.engine.query",
    "PAYLOAD_TYPE": "aicr_core.model.trust",
    "PackagedChart": "aicr_core.model.charts",
    "Page": "aicr_core.model.check",
    "Part": "aicr_core.model.parts",
    "PhaseReport": "aicr_core.model.check",
    "Question": "aicr_core.model.rbac",
    "RUN_LABEL": "aicr_core.model.target",
    "RUN_NAMESPACE": "aicr_core.model.check",
    "RecipeRequest": "aicr_core.app.recipe",
    "RenderRequest": "aicr_core.model.charts",
    "Report": "aicr_core.model.check",
    "ReportItem": "aicr_core.model.check",
    "Resolved": "aicr_core.session",
    "Right": "aicr_core.model.check",
    "Session": "aicr_core.session",
    "Settings": "aicr_core.model.settings",
    "Sign": "aicr_core.model.readings",
    "Signing": "aicr_core.model.trust",
    "SnapshotRequest": "aicr_core.app.snapshot",
    "Subtype": "aicr_core.model.snapshot",
    "Target": "aicr_core.model.target",
    "Text": "aicr_core.session",
    "Trust": "aicr_core.model.trust",
    "ValidateRequest": "aicr_core.app.validate",
    "Validation": "aicr_core.session",
    "Verified": "aicr_core.model.trust",
    "VerifyRequest": "aicr_core.app.verify",
    "chart_address": "aicr_core.model.undone",
    "chart_version": "aicr_core.kit.localchart",
    "conformance_report": "aicr_core.plugins.conformance:report",
    "conformance_verdict": "aicr_core.plugins.conformance:verdict",
    "dsse_message": "aicr_core.kit.dsse",
    "failed": "aicr_core.model.check",
    "fetch": "aicr_core.kit.http",
    "from_dict": "aicr_core.session.convert",
    "image_reference": "aicr_core.kit.imageref",
    "implemented_hooks": "aicr_core.plugins.loading:implemented",
    "in_order": "aicr_core.kit.tree",
    "junit_document": "aicr_core.kit.junit",
    "junit_seconds": "aicr_core.kit.junit",
    "leaves": "aicr_core.kit.tree",
    "load": "aicr_core.kit.yamlio",
    "load_all": "aicr_core.kit.yamlio",
    "local_chart": "aicr_core.model.parts",
    "manifests_chart": "aicr_core.kit.localchart",
    "markdown": "aicr_core.kit.text",
    "pack": "aicr_core.kit.archive",
    "parse_expression": "aicr_core.kit.constraints:parse",
    "parts": "aicr_core.model.parts",
    "passed": "aicr_core.model.check",
    "provider_calls": "aicr_core.plugins.providers:calls_of",
    "questions": "aicr_core.model.rbac",
    "rbac_objects": "aicr_core.model.rbac",
    "read_conformance": "aicr_core.plugins.conformance:read",
    "read_frames": "aicr_core.kit.frames",
    "read_key_bundle": "aicr_core.kit.dsse",
    "read_manifest": "aicr_core.plugins.manifest:read",
    "read_result_line": "aicr_core.model.resultline",
    "readings": "aicr_core.model.readings",
    "recognise": "aicr_core.model.readings",
    "render_template": "aicr_core.engine.render:template",
    "rendered_objects": "aicr_core.kit.rendered",
    "resolve_call": "aicr_core.plugins.manager:resolve",
    "restarts": "aicr_core.model.undone",
    "sarif_log": "aicr_core.kit.sarif",
    "satisfies": "aicr_core.kit.constraints:evaluate",
    "skipped": "aicr_core.model.check",
    "table": "aicr_core.kit.text",
    "to_dict": "aicr_core.session.convert",
    "to_json": "aicr_core.kit.emit",
    "to_yaml": "aicr_core.kit.emit",
    "whole_json": "aicr_core.kit.surrogates",
    "without_hooks": "aicr_core.kit.manifests",
    "wrapper_chart": "aicr_core.kit.localchart",
    "write_conformance": "aicr_core.plugins.conformance:write",
    "write_frames": "aicr_core.kit.frames",
    "write_key_bundle": "aicr_core.kit.dsse",
    "write_result_line": "aicr_core.model.resultline",
}


def __getattr__(name: str) -> Any:
    place = _LATE.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module, _, attribute = place.partition(":")
    value = globals()[name] = getattr(importlib.import_module(module), attribute or name)
    return value
