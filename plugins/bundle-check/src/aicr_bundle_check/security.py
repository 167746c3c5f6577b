"""Pods that their namespace's level of Pod Security refuses, and secrets that lie open in the bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_bundle_check.objects import (
    Pods,
    containers,
    entries,
    finding,
    mapping,
    namespace_of,
    pods_of,
    texts,
    title,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aicr_core.api import BundleView, Context, Finding

LEVEL = "pod-security.kubernetes.io/enforce"
# The baseline level allows to add these, and no other.
_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
        "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip


def check(_ctx: Context, view: BundleView) -> Iterator[Finding]:
    """Hold pods to the levels that the bundle's namespaces enforce; look for secrets."""
    levels = {
        item.name: str(mapping(item.metadata.get("labels")).get(LEVEL, ""))
        for item in view.objects
        if item.kind == "Namespace" and not item.group
    }
    for item in view.objects:
        if (
            item.kind == "Secret"
            and not item.group
            and not item.rendered
            and _filled(item.document)
        ):
            yield finding(
                item, "AB402", "warning", f"{title(item)} lies in the bundle with its data",
                hint="whoever reads the bundle reads it; let the cluster get it from a store of secrets", path="data",
            )  # fmt: skip
        pods = pods_of(item)
        level = levels.get(namespace_of(view, item), "")
        if pods is None or level not in ("baseline", "restricted"):
            continue
        asked = [*_baseline(pods), *(_restricted(pods) if level == "restricted" else ())]
        if asked:
            yield finding(
                item, "AB401", "error",
                f"{title(item)} asks for {', '.join(asked)}; its namespace enforces {level}",
                hint=f"label the namespace {LEVEL}: privileged, or ask for less", path=pods.path,
            )  # fmt: skip


def _filled(document: object) -> bool:
    found = mapping(document)
    return bool(found.get("data") or found.get("stringData"))


def _baseline(pods: Pods) -> Iterator[str]:
    """Give what the baseline level forbids."""
    yield from (key for key in ("hostNetwork", "hostPID", "hostIPC") if pods.spec.get(key))
    if any("hostPath" in volume for _, volume in entries(pods.spec.get("volumes"))):
        yield "hostPath volumes"
    for path, item in containers(pods):
        name = str(item.get("name") or path)
        context = mapping(item.get("securityContext"))
        if context.get("privileged"):
            yield f"a privileged container ({name})"
        if any(port.get("hostPort") for _, port in entries(item.get("ports"))):
            yield f"a host port ({name})"
        more = sorted(set(texts(mapping(context.get("capabilities")).get("add"))) - _CAPABILITIES)
        if more:
            yield f"the capabilities {' '.join(more)} ({name})"


def _restricted(pods: Pods) -> Iterator[str]:
    """Give what the restricted level forbids beyond the baseline."""
    pod = mapping(pods.spec.get("securityContext"))
    for path, item in containers(pods):
        name = str(item.get("name") or path)
        context = mapping(item.get("securityContext"))
        if not context.get("runAsNonRoot", pod.get("runAsNonRoot")):
            yield f"leave to run as root ({name})"
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"privilege escalation ({name})"
        if "ALL" not in texts(mapping(context.get("capabilities")).get("drop")):
            yield f"capabilities that are not dropped ({name})"
        profile = mapping(context.get("seccompProfile") or pod.get("seccompProfile")).get("type")
        if profile not in ("RuntimeDefault", "Localhost"):
            yield f"no seccomp profile ({name})"
