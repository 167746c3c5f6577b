"""What the user chose: namespace, interval, and where Flux finds the bundle itself.

Charts of manifests, packaged charts and Kustomizations lie in the bundle, so Flux needs it as a source: the Git
repository of ``--repo``, one that is in the cluster already, or the registry that the bundle is published to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.api import AicrError, Code
from aicr_flux.names import slug

if TYPE_CHECKING:
    from aicr_core.api import BundlePlan

PLACEHOLDER = "https://github.com/YOUR-ORG/YOUR-REPO.git"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_DURATION = re.compile(r"([0-9]+(\.[0-9]+)?(ms|s|m|h))+\Z")
_FOLDER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\Z")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+-]*\Z")
_SCP_FORM = re.compile(r"(?P<user>[\w.-]+@)?(?P<host>[\w.-]+):(?P<path>[\w.~][\w./~-]*)\Z")
_WEB_FORM = re.compile(r"[\w-]+(\.[\w-]+)+/[\w./~-]+\Z")
_GIT_URL = re.compile(r"(https?|ssh)://[^/\s]+/\S+\Z")


class Source(NamedTuple):
    """Where the bundle itself is: kind and name of the Flux object.

    ``url`` and ``ref`` are those of the GitRepository to be made, empty where the object is there already. ``path`` is
    the bundle's folder, ending in ``/`` unless it is the root.
    """

    kind: str
    name: str
    url: str = ""
    ref: dict[str, str] | None = None
    path: str = ""


class Setup(NamedTuple):
    """The settings of one bundle."""

    namespace: str
    interval: str
    source: Source

    def metadata(self, name: str) -> dict[str, Any]:
        """Give the metadata of an object of Flux."""
        return {"name": name, "namespace": self.namespace}


def read(plan: BundlePlan) -> Setup:
    """Read settings, ``--repo`` and destination. Raises AicrError(INVALID_REQUEST) naming the setting."""
    settings = plan.settings
    return Setup(
        namespace=_held("namespace", settings["namespace"], _LABEL, "a DNS-1123 label"),
        interval=_held("interval", settings["interval"], _DURATION, "a duration such as 10m"),
        source=_published(plan) if plan.destination else _in_git(plan),
    )


def _published(plan: BundlePlan) -> Source:
    for name in ("path", "gitSourceName"):
        if plan.settings[name]:
            raise AicrError(
                Code.INVALID_REQUEST,
                "the bundle goes to a registry, so it is in no Git repository",
                where=f"--set deployer:{name}",
                hint="leave it out",
            )
    name = _held("ociSourceName", plan.settings["ociSourceName"], _LABEL, "a DNS-1123 label")
    return Source("OCIRepository", name)


def _in_git(plan: BundlePlan) -> Source:
    settings = plan.settings
    path = settings["path"].strip("/")
    if path:
        path = f"{_held('path', path, _FOLDER, 'a relative folder')}/"
    if settings["gitSourceName"]:
        if plan.options.get("repo"):
            raise AicrError(
                Code.INVALID_REQUEST,
                "the bundle is in one Git repository, not in two",
                where="--repo and --set deployer:gitSourceName",
                hint="give one of them",
            )
        name = _held("gitSourceName", settings["gitSourceName"], _LABEL, "a DNS-1123 label")
        return Source("GitRepository", name, path=path)
    url = git_url(plan.options.get("repo") or PLACEHOLDER, "--repo")
    branch = _held("branch", settings["branch"], _BRANCH, "a branch's name")
    return Source("GitRepository", slug(url), url, {"branch": branch}, path)


def git_url(text: str, where: str) -> str:
    """Give a Git URL in the form that Flux takes (http, https, ssh). Raises AicrError(INVALID_REQUEST)."""
    url = text.strip().removeprefix("git::")
    if found := _SCP_FORM.match(url):
        url = f"ssh://{found['user'] or 'git@'}{found['host']}/{found['path']}"
    elif _WEB_FORM.match(url):
        url = f"https://{url}"
    if not _GIT_URL.match(url):
        raise AicrError(
            Code.INVALID_REQUEST,
            f'Flux cannot fetch Git from "{text}"',
            where=where,
            hint="give a URL that starts with https://, http:// or ssh://",
        )
    return url


def _held(name: str, value: str, pattern: re.Pattern[str], what: str) -> str:
    if not pattern.match(value):
        raise AicrError(
            Code.INVALID_REQUEST,
            f'"{value}" is not {what}',
            where=f"--set deployer:{name}",
        )
    return value
