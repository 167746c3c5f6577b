"""What the user's settings say of all Applications together, and where Argo CD finds the bundle's own files.

Everything is checked here, before a file is made; what a single component becomes is decided in ``units``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from aicr_core.api import AicrError, Code

if TYPE_CHECKING:
    from aicr_core.api import BundlePlan

PLACEHOLDER = "https://github.com/YOUR-ORG/YOUR-REPO.git"
"""Stands for the repository where nobody named one (spec/beyond.md 2.6)."""
NAME_LIMIT = 53
"""Longest name of an Application: Argo CD takes it for the Helm release too (spec/beyond.md 2.6)."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_PREFIX = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")
_UNSAFE = frozenset("'\"`$\\<>")


class Stack(NamedTuple):
    """The settings, checked. ``name`` is the Application that brings the others, whose names begin with ``prefix``."""

    name: str
    prefix: str
    server: str
    project: str
    cascade: bool
    namespace: str
    plain_oci: bool


class Place(NamedTuple):
    """Where the bundle's files lie for Argo CD: a Git repository, or an artifact of an OCI registry."""

    url: str
    revision: str
    is_git: bool


def stack_of(plan: BundlePlan, default_name: str) -> Stack:
    """Check the settings of a plan. Raises AicrError(INVALID_REQUEST) naming the setting."""
    given = plan.settings
    return Stack(
        name=_matching(_LABEL, given.get("appName", default_name), "appName", "a DNS-1123 label"),
        prefix=_prefix(given.get("namePrefix", "")),
        server=_server(given.get("destinationServer", "https://kubernetes.default.svc")),
        project=_matching(
            _SUBDOMAIN, given.get("project", "default"), "project", "a DNS-1123 name"
        ),
        cascade=_boolean(given.get("cascadeDelete", "false"), "cascadeDelete"),
        namespace=_matching(
            _LABEL, given.get("namespace", "argocd"), "namespace", "a DNS-1123 label"
        ),
        plain_oci=bool(plan.destination)
        or _choice(given.get("ociCharts", "plain"), "ociCharts", ("legacy", "plain")) == "plain",
    )


def place_of(plan: BundlePlan) -> Place:
    """Give where the bundle will lie. Raises AicrError(INVALID_REQUEST) for an address that cannot be one."""
    if plan.destination:
        return _registry(plan.destination)
    revision = _matching(
        _REVISION, plan.settings.get("targetRevision", "main"), "targetRevision", "a Git revision"
    )
    return Place(repository(plan) or PLACEHOLDER, revision, is_git=True)


def repository(plan: BundlePlan) -> str:
    """Give ``--repo``, which the core has checked; empty where nobody gave one."""
    return str(plan.options.get("repo") or "")


def _is_plain(text: str) -> bool:
    return text.isprintable() and not any(char in _UNSAFE or char.isspace() for char in text)


def _has_password(url: str) -> bool:
    try:
        return "://" in url and urlsplit(url).password is not None
    except ValueError:
        return False


def _registry(destination: str) -> Place:
    """Split ``oci://registry/repository:tag``; the publisher has checked it and set a tag."""
    scheme, _, rest = destination.partition("://")
    if scheme != "oci":
        raise AicrError(
            Code.INVALID_REQUEST,
            f"Argo CD reads Git repositories and OCI registries, not {scheme}://",
            where="--output",
            hint="write a directory and push it to a Git repository",
        )
    path, _, digest = rest.partition("@")
    head, slash, last = path.rpartition("/")
    name, _, tag = last.partition(":")
    return Place(f"oci://{head}{slash}{name}", digest or tag or "latest", is_git=False)


def _matching(pattern: re.Pattern[str], value: str, name: str, what: str) -> str:
    if not pattern.match(value):
        raise _refused(name, f'"{value}" is not {what}')
    return value


def _prefix(value: str) -> str:
    # It may end with "-"; the composed name is checked as a whole.
    return value and _matching(
        _PREFIX, value, "namePrefix", "lower-case letters, digits and -, beginning with one of the first two"
    )  # fmt: skip


def _server(value: str) -> str:
    host = ""
    try:
        parts = urlsplit(value)
        host = parts.hostname or "" if parts.scheme in ("https", "http") else ""
    except ValueError:
        host = ""
    if not host or not _is_plain(value) or _has_password(value):
        raise _refused(
            "destinationServer", f'"{value}" is no URL of an API server', "https://HOST[:PORT]"
        )
    return value


def _boolean(value: str, name: str) -> bool:
    return _choice(value, name, ("true", "false")) == "true"


def _choice(value: str, name: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise _refused(name, f'"{value}" is none of {", ".join(known)}')
    return value


def _refused(name: str, message: str, hint: str = "") -> AicrError:
    return AicrError(
        Code.INVALID_REQUEST, message, where=f"--set deployer:{name}",
        hint=f"write {hint}" if hint else "",
    )  # fmt: skip
