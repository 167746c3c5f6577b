"""The in-toto statement of a release: these files were built from that commit, by whom, with what.

Statement v1 with SLSA provenance v1. The subjects are all files of ``SHA256SUMS``. There is no id of the run and no
clock in it: two builds of a commit by one builder give the same statement.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .failure import Kind, ReleaseError
from .layout import STATEMENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .source import Source

TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://aicr.nvidia.com/python-release/v1"
LOCAL = "https://aicr.nvidia.com/builders/local"
# What turns the source into bytes; everything else of the environment only checks.
TOOLS = (
    "build",
    "hatchling",
    "packaging",
    "pathspec",
    "pluggy",
    "pyproject-hooks",
    "trove-classifiers",
)


@dataclass(frozen=True)
class Claim:
    """What a statement says: name -> digest of its subjects, commit, ref and builder."""

    subjects: dict[str, str]
    commit: str
    ref: str
    builder: str


def make(source: Source, sums: Mapping[str, str], builder: str) -> str:
    """Give the statement as JSON text. ``builder`` is a URI, or '' for a machine of somebody's own."""
    origin: dict[str, Any] = {"name": "source", "digest": {"gitCommit": source.commit}}
    if source.repository:
        origin["uri"] = f"git+{source.repository}@{source.ref}"
    tools = [{"uri": f"pkg:pypi/{t}@{importlib.metadata.version(t)}"} for t in TOOLS]
    external = {"ref": source.ref}
    if source.repository:
        external["repository"] = source.repository
    statement = {
        "_type": TYPE,
        "subject": [{"name": name, "digest": {"sha256": sums[name]}} for name in sorted(sums)],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": external,
                "internalParameters": {
                    "SOURCE_DATE_EPOCH": source.epoch,
                    # Compressed bytes depend on both.
                    "python": f"{platform.python_implementation()} {platform.python_version()}",
                    "zlib": zlib.ZLIB_RUNTIME_VERSION,
                },
                "resolvedDependencies": [origin, *tools],
            },
            "runDetails": {"builder": {"id": builder or LOCAL}},
        },
    }
    return json.dumps(statement, indent=2, ensure_ascii=False) + "\n"


def read(text: str) -> Claim:
    """Read a statement of ours; ReleaseError when it is another kind of statement, or none."""
    try:
        statement = json.loads(text)
        subjects = {s["name"]: s["digest"]["sha256"] for s in statement["subject"]}
        definition = statement["predicate"]["buildDefinition"]
        (commit,) = {
            d["digest"]["gitCommit"]
            for d in definition["resolvedDependencies"]
            if "gitCommit" in d.get("digest", {})
        }
        claim = Claim(
            subjects, commit, definition["externalParameters"]["ref"],
            statement["predicate"]["runDetails"]["builder"]["id"],
        )  # fmt: skip
        texts = [claim.commit, claim.ref, claim.builder, *subjects, *subjects.values()]
        sound = len(subjects) == len(statement["subject"]) and all(
            isinstance(text, str) and text.isprintable() for text in texts
        )
        kinds = (statement["_type"], statement["predicateType"], definition["buildType"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        sound, kinds = False, None
    if not sound:
        raise ReleaseError(Kind.INVALID, "is no in-toto statement of a release", where=STATEMENT)
    if kinds != (TYPE, PREDICATE, BUILD_TYPE):
        raise ReleaseError(
            Kind.INVALID, f"states something else: {' '.join(map(str, kinds or ()))}", where=STATEMENT,
            hint=f"expected {PREDICATE} of {BUILD_TYPE}",
        )  # fmt: skip
    return claim
