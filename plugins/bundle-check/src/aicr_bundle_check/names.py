"""Names, labels and annotations in the forms that the API server takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aicr_bundle_check.objects import finding, mapping, pods_of, title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aicr_core.api import BundleObject, BundleView, Context, Finding

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\Z")
_PART = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_PART}(?:\.{_PART})*\Z")
_WORD = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")
_PATH_SEGMENT = re.compile(r"(?!\.{1,2}\Z)[^/%]+\Z")
# The API checks the names of these as one segment of a path, so colons and capitals are good there.
_FREE = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})
_SHORT = frozenset({"Namespace", "Service"})
MAX_ANNOTATIONS = 256 * 1024


def check(_ctx: Context, view: BundleView) -> Iterator[Finding]:
    """Find names and labels that the API server refuses."""
    for item in view.objects:
        yield from _name(item)
        yield from _metadata(item, item.metadata, "metadata")
        pods = pods_of(item)
        if pods is not None and item.kind != "Pod":
            yield from _metadata(item, pods.metadata, f"{pods.path.removesuffix('.spec')}.metadata")


def _name(item: BundleObject) -> Iterator[Finding]:
    name = item.metadata.get("name")
    if name is None and item.metadata.get("generateName"):
        return
    if isinstance(name, str):
        form = (
            _PATH_SEGMENT if item.kind in _FREE else _LABEL if item.kind in _SHORT else _SUBDOMAIN
        )
        if form.match(name):
            return
    elif name is None and item.kind.endswith("List"):
        return
    said = "has no name" if name in (None, "") else f"has the name {name!r}"
    yield finding(
        item, "AB131", "error", f"a {item.kind} {said}, which Kubernetes refuses",
        hint="lower-case letters, digits and '-', beginning and ending with a letter or digit (DNS-1123)",
        path="metadata.name",
    )  # fmt: skip


def _metadata(item: BundleObject, metadata: Mapping[str, Any], path: str) -> Iterator[Finding]:
    for key, value in mapping(metadata.get("labels")).items():
        wrong = _key(key)
        if not wrong and not (isinstance(value, str) and (value == "" or _WORD.match(value))):
            wrong = f"{value!r} is no value of a label"
        if wrong:
            yield _bad(item, f"label {key}", wrong, f"{path}.labels")
    size = 0
    for key, value in mapping(metadata.get("annotations")).items():
        wrong = _key(str(key).lower()) or (
            "" if isinstance(value, str) else f"{value!r} is no text"
        )
        size += len(str(value))
        if wrong:
            yield _bad(item, f"annotation {key}", wrong, f"{path}.annotations")
    if size > MAX_ANNOTATIONS:
        yield _bad(item, "all annotations together", "over 256 KiB", f"{path}.annotations")


def _key(key: Any) -> str:
    prefix, slash, name = str(key).rpartition("/")
    if slash and not _SUBDOMAIN.match(prefix):
        return f"{prefix!r} is no DNS name"
    return "" if _WORD.match(name) else f"{name!r} is no key"


def _bad(item: BundleObject, what: str, wrong: str, path: str) -> Finding:
    return finding(
        item, "AB132", "error", f"{what} of {title(item)}: {wrong}",
        hint="up to 63 letters, digits, '-', '_' and '.'; a value that looks like a number needs quotes", path=path,
    )  # fmt: skip
