"""What happens when a plugin is imported and registers (T03, T04)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_testkit.model import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_testkit.subject import Subject

SECONDS = 1.0
_CALLS = {
    "Collector": {"call": 1}, "Agent": {"call": 2}, "Dimension": {"matches": 2, "is_any": 1},
    "Matcher": {"detect": 1},
    "Check": {"call": 2, "rights": 1}, "ClusterAccess": {"connect": 1}, "CheckRunner": {"open": 2},
    "ReportWriter": {"write": 1},
    "EvidenceWriter": {"write": 2, "select": 1}, "Bundler": {"call": 4}, "BundleCheck": {"call": 3},
    "Deployer": {"call": 2, "steps": 2, "notes": 1}, "Store": {"read": 2, "write": 3, "check": 1},
    "Signer": {"open": 1, "verify": 3}, "Publisher": {"push": 4, "pull": 2, "check": 2},
    "ChartEngine": {"find": 2, "describe": 2, "render": 3, "unused": 3}, "BundleLint": {"call": 2},
    "InventoryWriter": {"write": 1},
}  # fmt: skip
"""Arguments that the core gives to the functions of a provider, by class (docs/plugins/hooks.md)."""
_GIVES = {
    "aicr_collectors": "Collector", "aicr_agents": "Agent", "aicr_dimensions": "Dimension",
    "aicr_matchers": "Matcher",
    "aicr_phases": "Phase", "aicr_checks": "Check", "aicr_clusters": "ClusterAccess",
    "aicr_check_runners": "CheckRunner",
    "aicr_report_writers": "ReportWriter", "aicr_evidence_writers": "EvidenceWriter", "aicr_bundlers": "Bundler",
    "aicr_bundle_checks": "BundleCheck", "aicr_deployers": "Deployer", "aicr_stores": "Store",
    "aicr_signers": "Signer",
    "aicr_publishers": "Publisher", "aicr_chart_engines": "ChartEngine", "aicr_bundle_lints": "BundleLint",
    "aicr_inventory_writers": "InventoryWriter", "aicr_commands": "Command",
}  # fmt: skip


def clean_import(subject: Subject) -> Iterator[str]:
    """T03: importing takes at most a second and does nothing else."""
    seen = subject.first
    # A busy machine makes anything slow once; what is slow three times is slow.
    spent = [seen["seconds"]]
    while min(spent) > SECONDS and len(spent) < 3 and not seen["problem"]:
        spent.append(subject.fresh_import(len(spent))["seconds"])
    if min(spent) > SECONDS:
        yield f"its import takes {min(spent):.1f} s, allowed is {SECONDS:g} s"
    for kind, what in seen["events"].get("import", ()):
        word = {
            "net": "connects to",
            "exec": "starts",
            "write": "writes",
            "write-own": "writes",
        }.get(kind)
        if word:
            yield f"its import {word} {what}"
    if seen.get("said"):
        yield f"its import prints {seen['said'].strip()[:80]!r}"
    if seen["problem"] and not seen["problem"].startswith("PluginValidationError"):
        yield f"it cannot be imported: {seen['problem']}"


def signatures(subject: Subject) -> Iterator[str]:
    """T04: hooks and the functions of providers take what the core gives them."""
    seen = subject.first
    if seen["problem"].startswith("PluginValidationError"):
        yield seen["problem"].removeprefix("PluginValidationError: ")
    for hook, note in seen["registering"].items():
        if note["status"] != "ok":
            yield f"{hook} fails: {note['message']}"
    for item in seen["providers"]:
        what = f"{item['hook']}: {item['kind']} {item['name']}"
        if item["kind"] != _GIVES.get(item["hook"], item["kind"]):
            yield f"{what} is no {_GIVES[item['hook']]}"
            continue
        yield from (f"{what}: {problem}" for problem in item["problems"])
        for field, takes in item["takes"].items():
            given = _CALLS.get(item["kind"], {}).get(field)
            if given is not None and takes is not None and not takes[0] <= given <= takes[1]:
                yield f"{what}: {field} takes {takes[0]} to {takes[1]} arguments, and is given {given}"


CHECKS = (
    Check("T03", "Clean import",
          "importing hooks.py takes at most 1 s, opens no connection, starts no program, writes no file and prints "
          "nothing",
          "every command that asks for one of its hooks imports the plugin; its side effects would be those of "
          "`aicr --help`",
          "move work, and heavy imports, from module level into the functions that need them", clean_import),
    Check("T04", "Hook signatures",
          "hooks take arguments of their specification only, register providers of their class, and every function "
          "that these name exists and takes what it is given",
          "a wrong signature is found when the command that needs it has already begun",
          "compare with docs/plugins/hooks.md", signatures,
          lambda s: "" if s.hooks or s.first["hooks"] or s.first["problem"] else "it implements no hook"),
)  # fmt: skip
