"""The validator catalogue: which checks there are as containers, and what their images are (spec/validate.md 5).

Every data layer may bring ``validators/catalog.yaml``; entries are merged by name, a later layer's replaces, new ones
are appended. What a check does as code is a plugin's business: an entry without one runs as a container only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit import durations, yamlio
from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.schema import ANY, TEXT, ListOf, Record, decode
from aicr_core.model.checkrun import CatalogEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aicr_core.kit.yamlio import Node

PATH = "validators/catalog.yaml"
VERSIONS = ("aicr.nvidia.com/v1", "validator.nvidia.com/v1alpha1")
KIND = "ValidatorCatalog"
TIMEOUT = 300.0
"""Seconds of an entry that states none."""
_ENTRY = Record(
    "a validator",
    {
        "name": TEXT, "phase": TEXT, "description": TEXT, "image": TEXT, "timeout": TEXT,
        "args": ListOf(TEXT),
        "env": ListOf(Record("a variable", {"name": TEXT, "value": TEXT}, required=("name",))),
        "resources": Record("resources", {"cpu": TEXT, "memory": TEXT}),
        "dependencyAffinity": ListOf(ANY),
    },
    required=("name", "phase", "image"),
)  # fmt: skip
_CATALOG = Record(
    "the validator catalog",
    {
        "apiVersion": TEXT, "kind": TEXT,
        "metadata": Record("metadata", {"name": TEXT, "version": TEXT}),
        "validators": ListOf(_ENTRY),
    },
    required=("apiVersion", "kind"),
)  # fmt: skip


def read(
    data: bytes, source: str, phases: Sequence[str], *, strict: bool = True
) -> list[CatalogEntry]:
    """Read one catalogue file; images stay as written. Raises AicrError naming file, line and column.

    Without ``strict`` entries of phases that nobody has installed are left out.
    """
    node = yamlio.compose(data, source)
    if node is None or node.is_null():
        raise AicrError(Code.INVALID_REQUEST, f"the file is empty, expected a {KIND}", where=source)
    document = decode(node, _CATALOG, source)
    if document["kind"] != KIND or document["apiVersion"] not in VERSIONS:
        raise AicrError(
            Code.INVALID_REQUEST, f"kind {document['kind']}, apiVersion {document['apiVersion']}",
            where=source, hint=f"a {KIND} of {' or '.join(VERSIONS)} belongs here",
        )  # fmt: skip
    found: dict[str, CatalogEntry] = {}
    for number, entry in enumerate(document.get("validators", ())):
        where = _where(node, number, source)
        name = entry["name"]
        if name in found:
            raise AicrError(Code.INVALID_REQUEST, f"validator {name} stands twice", where=where)
        if entry["phase"] not in phases and not strict:
            continue
        if entry["phase"] not in phases:
            raise AicrError(
                Code.INVALID_REQUEST, f'validator {name} is of phase "{entry["phase"]}"', where=where,
                hint=f"phases: {', '.join(phases)}",
            )  # fmt: skip
        if entry.get("dependencyAffinity"):
            raise AicrError(
                Code.INVALID_REQUEST, f"validator {name} has a dependencyAffinity, which is not supported",
                where=where, hint="leave the field out",
            )  # fmt: skip
        found[name] = _entry(entry, where)
    return list(found.values())


def _where(node: Node, number: int, source: str) -> str:
    for key, value in node.items():
        if key == "validators":
            return f"{source}:{value.value[number].line}"
    return source


def _entry(entry: Mapping[str, Any], where: str) -> CatalogEntry:
    text = entry.get("timeout", "")
    timeout = durations.seconds(text) if text else TIMEOUT
    if timeout is None:
        raise AicrError(
            Code.INVALID_REQUEST, f'"{text}" is no duration', where=where, hint="write 90s or 5m"
        )
    return CatalogEntry(
        name=entry["name"],
        phase=entry["phase"],
        description=entry.get("description", ""),
        image=entry["image"],
        timeout=timeout or TIMEOUT,
        args=tuple(entry.get("args", ())),
        env=tuple((item["name"], item.get("value", "")) for item in entry.get("env", ())),
        resources=entry.get("resources", {}),
    )


def merge(layers: Iterable[Iterable[CatalogEntry]]) -> dict[str, CatalogEntry]:
    """Give the entries of all layers by name, in order of first appearance."""
    found: dict[str, CatalogEntry] = {}
    for layer in layers:
        for entry in layer:
            found[entry.name] = entry
    return found


def image(reference: str, version: str, env: Mapping[str, str]) -> str:
    """Give the image that is pulled: ``:latest`` becomes the tool's version, the registry may be replaced (5.3)."""
    tag = env.get("AICR_VALIDATOR_IMAGE_TAG", "")
    if "@" not in reference:
        if tag:
            reference = f"{_untagged(reference)}:{tag}"
        elif reference.endswith(":latest") and _is_release(version):
            reference = f"{_untagged(reference)}:v{version.removeprefix('v')}"
    registry = env.get("AICR_VALIDATOR_IMAGE_REGISTRY", "").rstrip("/")
    if not registry:
        return reference
    parts = reference.split("/")
    kept = parts[2:] if len(parts) > 2 else parts[-1:]
    return "/".join([registry, *kept])


def _is_release(version: str) -> bool:
    return version not in ("", "dev") and "-next" not in version


def _untagged(reference: str) -> str:
    head, slash, name = reference.rpartition("/")
    return f"{head}{slash}{name.partition(':')[0]}"
