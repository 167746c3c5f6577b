"""What comes out of a plugin: the same for the same input, whole, of the right shape, without secrets
(T05 T06 T07 T08 T18 T23)."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from aicr_testkit import samples
from aicr_testkit.model import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_testkit.subject import Subject

Document = dict[str, Any]


def _nothing(subject: Subject) -> str:
    if subject.first["problem"]:
        return "it cannot be used (T03, T04)"
    return "" if subject.first["answers"] else "it has no code that can be called without a partner"


def _files_only(subject: Subject) -> str:
    if reason := _nothing(subject):
        return reason
    some = any(answer["files"] for answer in subject.first["answers"].values())
    return "" if some else "it makes no files"


def _kept(answers: Document) -> Iterator[tuple[str, Document]]:
    yield from (
        (key, answer) for key, answer in answers.items() if answer["status"] in ("ok", "refused")
    )


def _text(answer: Document) -> str:
    # Of an error the class counts: its text may say how long was waited, or which file is missing.
    return str(answer["text"] if answer["status"] == "ok" else answer["code"])


def _deterministic(subject: Subject, key: str) -> bool:
    other = subject.other_order["answers"].get(key)
    mine = subject.first["answers"][key]
    return other is not None and other["status"] == mine["status"] and _text(other) == _text(mine)


def determinism(subject: Subject) -> Iterator[str]:
    """T05: the same answer when asked again, with another hash seed, in another order, and with all calls at once."""
    for key, answer in _kept(subject.first["answers"]):
        if answer["again"]:
            yield f"{key} gives another answer when it is asked again"
        elif not _deterministic(subject, key):
            yield f"{key} gives another answer for the same input{_difference(subject.first, subject.other_order, key)}"


def surroundings(subject: Subject) -> Iterator[str]:
    """T06: no time, host, user or absolute path in what comes out."""
    literal = {
        str(subject.root): "the path of its package",
        os.path.expanduser("~"): "the home folder",
    }
    for key, answer in _kept(subject.first["answers"]):
        if answer["varies"] or not _deterministic(subject, key):
            continue
        other = subject.other_place["answers"].get(key)
        if other is not None and _text(other) != _text(answer):
            yield f"{key} depends on time, host, user or folder{_difference(subject.first, subject.other_place, key)}"
        for path, what in literal.items():
            if len(path) > 3 and path in answer["text"]:
                yield f"{key}: {what} ({path}) is in the answer"


def _difference(one: Document, two: Document, key: str) -> str:
    mine, other = (run["answers"].get(key) for run in (one, two))
    if other is None:
        return ""
    for left, right in zip(_text(mine).splitlines(), _text(other).splitlines(), strict=False):
        if left != right:
            return f": {left.strip()[:60]!r}, then {right.strip()[:60]!r}"
    return ""


def inventory(subject: Subject) -> Iterator[str]:
    """T07: the files are those that are returned, with safe paths; nothing is printed or written beside them."""
    for key, answer in _kept(subject.first["answers"]):
        seen: set[str] = set()
        for path in answer["paths"]:
            parts = path.split("/")
            if (
                not path
                or path.startswith("/")
                or ".." in parts
                or "." in parts
                or "" in parts
                or "\\" in path
                or "\0" in path
            ):
                yield f'{key}: "{path}" is no safe path below the bundle'
            if path in seen:
                yield f'{key}: "{path}" is given twice'
            seen.add(path)
        if answer["files"]:
            for kind, what in subject.first["events"].get(key, ()):
                if kind == "write-own" and f"{os.sep}work{os.sep}" in what:
                    yield f"{key} writes {os.path.basename(what)} itself, instead of giving it back"
        if answer["said"].strip():
            yield f"{key} prints {answer['said'].strip()[:60]!r}"


def unchanged(subject: Subject) -> Iterator[str]:
    """T08: what is given stays as it was."""
    yield from (
        f"{key} changes what it was given"
        for key, answer in subject.first["answers"].items()
        if answer["changed"]
    )


def shapes(subject: Subject) -> Iterator[str]:
    """T18: every result is of the class, and reads as the document, that the core expects."""
    for key, answer in _kept(subject.first["answers"]):
        yield from (f"{key} {problem}" for problem in answer["shape"])
    from aicr_core.api import AicrError, Text, to_json

    for path in _overlays(subject):
        try:
            document = subject.session.recipe(path["criteria"], allow_partial=True).document
        except AicrError:
            # T13 says what is wrong with an overlay.
            continue
        again = {
            "kind": "RecipeCriteria",
            "apiVersion": document["apiVersion"],
            "spec": path["criteria"],
        }
        try:
            text = Text(to_json(again).encode(), "json", path["name"])
            subject.session.recipe(document=text, allow_partial=True)
        except AicrError as error:
            yield f"recipe of {path['name']}: {error}"


def _overlays(subject: Subject) -> list[Document]:
    if not subject.usable:
        return []
    try:
        found = subject.session.overlays()
    except Exception:
        return []
    return [
        item for item in found if item["source"] == subject.row["distribution"] and item["criteria"]
    ]


def _secrets_place(key: str, answer: Document) -> bool:
    # Values go where the component's own are; what speaks about a bundle has no need of them.
    return not answer["beside"] and (
        key.startswith(("deployer", "bundler", "hook aicr_patch_values"))
        or "Deployer" in key
        or "Bundler" in key
    )


def canary(subject: Subject) -> Iterator[str]:
    """T23: a secret in the environment or in values comes out nowhere but in the values themselves."""
    for key, answer in subject.first["answers"].items():
        found = {
            "its answer": answer["text"],
            "an error": answer["message"],
            "the log": answer["log"],
            "its output": answer["said"],
        }
        for where, text in found.items():
            count = text.count(samples.CANARY)
            if where == "its answer" and _secrets_place(key, answer):
                # The one value that holds it; anything more came from the environment or was written down again.
                count -= len(re.findall(rf"password[\"']?\s*:\s*[\"']?{samples.CANARY}", text))
            if count > 0:
                yield f"{key}: a secret that was in its inputs is in {where}"


CHECKS = (
    Check("T05", "Determinism",
          "two runs with different hash seeds, one call after another and all at once in reverse order, give equal "
          "bytes",
          "a recipe is a promise: bundles are compared, signed and cached by their digest",
          "sort what comes from sets and folders, and keep no state between calls", determinism, _nothing),
    Check("T06", "Nothing of the surroundings",
          "another time, time zone, host, user and folder give the same output; no absolute path is in it",
          "a bundle that was made elsewhere has to be the same bundle, and tells nobody where it was made",
          "take what you need from the arguments; leave dates out", surroundings, _nothing),
    Check("T07", "Files are what is returned",
          "every file is returned, once, with a relative path without `..`; nothing is written or printed beside",
          "the core lists, sums and signs what is returned; anything else is in no inventory",
          "return Artifact objects, and let the core write them", inventory, _nothing),
    Check("T08", "Inputs stay unchanged",
          "recipe, snapshot, values and plan are after a call what they were before",
          "the objects are shared between plugins and requests",
          "copy before you change: copy.deepcopy, or new dicts", unchanged, _nothing),
    Check("T18", "Results have the right shape",
          "every answer is of the class that the hook reference names, snapshots hold scalars only, recipes of the "
          "plugin's overlays can be read back",
          "the core turns a wrong result into an error of the whole command",
          "compare with docs/plugins/hooks.md",
          shapes, lambda s: "" if s.first["answers"] or _overlays(s) else "it has no results"),
    Check("T23", "Secrets stay inside",
          "a secret in the environment, or in a component's values, is in no note, log, finding, error or report",
          "what a plugin prints ends in tickets and CI logs",
          "name the value, and do not show it", canary, _nothing),
)  # fmt: skip
