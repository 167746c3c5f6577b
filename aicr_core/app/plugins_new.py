"""Use case ``plugins new``: hold what is asked for to what is installed, write the package. Prints nothing."""

from __future__ import annotations

import importlib.util
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.app.criteria import known_values
from aicr_core.engine import criteria as criteria_of
from aicr_core.engine import scaffold, skeleton
from aicr_core.kit.errors import AicrError, Code, nearest
from aicr_core.kit.paths import write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.app.environment import Environment

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_AUTHOR = re.compile(r"(?P<name>[^<>]*?)\s*(<(?P<email>[^<>@\s]+@[^<>@\s]+)>)?")
LONGEST = 40
"""Names of releases and namespaces are made of it, and have limits of their own."""
OWN_DIMENSION = "platform"
"""The dimension of the value that a plugin brings when nobody names one."""


class NewPlugin(NamedTuple):
    """What a user asks for; ``criteria`` are texts by dimension. What is empty gets its usual value."""

    name: str
    kinds: Sequence[str]
    criteria: Mapping[str, str]
    folder: str = ""
    distribution: str = ""
    component: str = ""
    author: str = ""
    contact: str = ""
    license: str = "Apache-2.0"


class Written(NamedTuple):
    """What was written: the folder, the files below it, and what the package brings."""

    folder: str
    files: tuple[str, ...]
    package: skeleton.Package
    provides: tuple[dict[str, Any], ...]

    def document(self) -> dict[str, Any]:
        """Give it for programs."""
        wanted = self.package
        return {
            "name": wanted.name, "distribution": wanted.distribution, "package": wanted.package,
            "kinds": list(wanted.kinds), "folder": self.folder, "files": list(self.files),
            "provides": list(self.provides),
        }  # fmt: skip


def new_plugin(environment: Environment, request: NewPlugin) -> Written:
    """Write the package. Raises AicrError for what cannot be; then nothing was written."""
    wanted = _package(environment, request)
    folder = _folder(request.folder, wanted.name)
    _refuse_content(folder)
    provides = skeleton.contents(wanted)
    _refuse_taken(environment, provides)
    made = skeleton.skeleton(wanted)
    write_tree(
        folder,
        [(path, text.encode("utf-8"), 0o644) for path, text in made.items()],
        what="the package",
    )
    return Written(folder, tuple(made), wanted, tuple(provides))


def _package(environment: Environment, request: NewPlugin) -> skeleton.Package:
    name = _named(request.name, "NAME")
    component = _named(request.component or name, "--component")
    _refuse_installed(environment, name)
    distribution = request.distribution or f"aicr-{name}"
    if not _DISTRIBUTION.fullmatch(distribution):
        raise _bad("--distribution", distribution, "letters, digits, dots and dashes")
    kinds = _kinds(request.kinds)
    catalogue = environment.catalogue(())
    if "data" in kinds and (name in catalogue.names() or name == "base"):
        raise AicrError(
            Code.CONFLICT, f'there is an overlay "{name}" already', where="NAME", hint="give another name"
        )  # fmt: skip
    criteria, brings = _criteria(environment, request.criteria, name, kinds)
    author, email = _author(request.author)
    return skeleton.Package(
        name=name,
        distribution=distribution,
        component=component,
        kinds=kinds,
        criteria=criteria,
        brings=brings,
        license=_license(request.license),
        contact=_line(request.contact, "--contact") or email or "see the project's README",
        api_version=catalogue.api_version,
        author=author,
        email=email,
    )


def _named(text: str, where: str) -> str:
    if not _NAME.fullmatch(text) or len(text) > LONGEST:
        raise _bad(
            where,
            text,
            f"at most {LONGEST} lower-case letters, digits and single dashes, a letter first",
        )
    return text


def _bad(where: str, text: str, rule: str) -> AicrError:
    return AicrError(Code.INVALID_REQUEST, f'"{text}" cannot be used', where=where, hint=rule)


def _refuse_installed(environment: Environment, name: str) -> None:
    row = environment.index.row(name)
    if row is not None and row["state"] == "disabled":
        # Somebody leaves the plugin out to write it anew, with another kind.
        return
    if row is not None:
        raise AicrError(
            Code.CONFLICT, f'a plugin "{name}" is installed, from {row["distribution"]}', where="NAME",
            hint=f"give another name, or leave it out to write it anew: --no-plugin {name}",
        )  # fmt: skip
    package = skeleton.package_name(name)
    if importlib.util.find_spec(package) is not None:
        raise AicrError(
            Code.CONFLICT, f'a package "{package}" is installed', where="NAME", hint="give another name"
        )  # fmt: skip


def _kinds(given: Sequence[str]) -> tuple[str, ...]:
    known = skeleton.kinds()
    for kind in given:
        if kind not in known:
            close = nearest(kind, known)
            hint = f'did you mean "{close}"?' if close else f"kinds: {', '.join(known)}"
            raise AicrError(
                Code.INVALID_REQUEST, f'unknown kind "{kind}"', where="--kind", hint=hint
            )
    if not given:
        raise AicrError(
            Code.INVALID_REQUEST, "no kind given", where="--kind", hint=f"kinds: {', '.join(known)}"
        )
    return tuple(dict.fromkeys(given))


def _criteria(
    environment: Environment, given: Mapping[str, str], name: str, kinds: Sequence[str]
) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Give the criteria of the overlay, and those values among them, or one of its own, that the plugin brings."""
    values = known_values(environment, environment.catalogue(()), strict=False)
    criteria, brings = {}, []
    for dimension, text in given.items():
        known = criteria_of.lookup(values, dimension, text)
        word = known or text.strip().lower()
        if known is None:
            scaffold.check_value(dimension, word)
            if len(word) > LONGEST:
                raise _bad(f"--{dimension}", word, f"at most {LONGEST} characters")
            brings.append((dimension, word))
        criteria[dimension] = word
    own = (OWN_DIMENSION, name)
    needed = "matcher" in kinds and not brings
    if needed or ("data" in kinds and not criteria):
        if criteria_of.lookup(values, *own) is not None:
            raise AicrError(
                Code.CONFLICT, f'"{name}" is a value of {OWN_DIMENSION} already', where="NAME",
                hint="give another name, or the value of yours by its dimension, such as --service my-cloud",
            )  # fmt: skip
        brings.append(own)
    return criteria or dict([own]), tuple(brings)


def _license(text: str) -> str:
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        raise _bad("--license", text, "an SPDX licence expression, such as Apache-2.0") from None


def _author(text: str) -> tuple[str, str]:
    found = _AUTHOR.fullmatch(_line(text, "--author"))
    if found is None:
        raise _bad("--author", text, 'write "Name" or "Name <name@example.com>"')
    return found["name"].strip(), found["email"] or ""


def _line(text: str, where: str) -> str:
    if not text.isprintable():
        raise _bad(where, text, "one line of printable characters")
    return text.strip()


def _folder(given: str, name: str) -> str:
    folder = given.strip().rstrip("/") if given.strip() != "/" else "/"
    if folder == "-" or "://" in folder:
        raise AicrError(
            Code.INVALID_REQUEST, "a package is written to a directory", where="--output", hint="name a directory"
        )  # fmt: skip
    return folder or f"aicr-{name}"


def _refuse_content(folder: str) -> None:
    if os.path.isdir(folder):
        if not os.listdir(folder):
            return
        message = "the directory is not empty"
    else:
        there = folder
        while there and not os.path.lexists(there):
            there = os.path.dirname(there)
        if not there or (there != folder and os.path.isdir(there)):
            return
        folder = there
        message = "a file, where a directory is expected"
    hint = "name another directory with --output; nothing is overwritten"
    raise AicrError(Code.CONFLICT, message, where=folder, hint=hint)


def _refuse_taken(environment: Environment, provides: Sequence[Mapping[str, Any]]) -> None:
    """Raise AicrError where an installed plugin brings something of that kind and name: only one could be used."""
    taken = {
        (item["kind"], item["name"]): row["distribution"]
        for row in environment.index.rows
        if row["state"] != "disabled"
        for item in row["provides"]
    }
    for item in provides:
        owner = taken.get((item["kind"], item["name"]))
        if owner is not None:
            hint = (
                "give another name" if item["kind"] != "component" else "give another --component"
            )
            raise AicrError(
                Code.CONFLICT, f'{owner} has a {item["kind"]} "{item["name"]}" already', hint=hint
            )
