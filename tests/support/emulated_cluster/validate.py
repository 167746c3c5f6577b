"""Rules of objects that the real server enforces and that our requests could break."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulated_cluster.refused import Refused, invalid

if TYPE_CHECKING:
    from emulated_cluster.kinds import Kind

MAX_CONFIGMAP = 1024 * 1024
MAX_REQUEST = 3 * 1024 * 1024
_LABEL = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(
    r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
)
_QUANTITY = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def validate(kind: Kind, item: dict[str, Any]) -> None:
    """Raise Refused(422) for an object that the server would not take."""
    metadata = item["metadata"]
    name = metadata.get("name", "")
    if kind.group == "rbac.authorization.k8s.io" or kind.custom:
        if "/" in name or "%" in name or name in ("", ".", ".."):
            raise invalid(kind.kind, name, "metadata.name", "Invalid value: may not contain '/'")
    elif not _SUBDOMAIN.fullmatch(name) or len(name) > 253:
        raise invalid(
            kind.kind, name, "metadata.name",
            f'Invalid value: "{name}": a lowercase RFC 1123 subdomain must consist of lower case '
            "alphanumeric characters, '-' or '.'",
        )  # fmt: skip
    if kind.plural in ("namespaces", "jobs") and len(name) > 63:
        raise invalid(kind.kind, name, "metadata.name", "must be no more than 63 characters")
    _labels(kind, name, "metadata.labels", metadata.get("labels") or {})
    for key, value in (metadata.get("annotations") or {}).items():
        if not _QUALIFIED.fullmatch(key.lower()) or not isinstance(value, str):
            raise invalid(kind.kind, name, "metadata.annotations", f"Invalid value: {key!r}")
    check = _CHECKS.get(kind.plural) if not kind.custom else None
    if check is not None:
        check(kind, name, item)


def _labels(kind: Kind, name: str, field: str, labels: dict[str, Any]) -> None:
    for key, value in labels.items():
        if not _QUALIFIED.fullmatch(key):
            raise invalid(kind.kind, name, field, f'Invalid value: "{key}"')
        if not isinstance(value, str) or not _LABEL.fullmatch(value):
            raise invalid(kind.kind, name, field, f"Invalid value: {value!r}: a valid label must be "
                          "an empty string or consist of alphanumeric characters, '-', '_' or '.'")  # fmt: skip


def _configmap(kind: Kind, name: str, item: dict[str, Any]) -> None:
    data, binary = item.get("data") or {}, item.get("binaryData") or {}
    for field, values in (("data", data), ("binaryData", binary)):
        for key, value in values.items():
            if not _KEY.fullmatch(key):
                raise invalid(kind.kind, name, f"{field}[{key}]", f"Invalid value: {key!r}")
            if not isinstance(value, str):
                raise Refused(
                    400, f"ConfigMap cannot be handled as a ConfigMap: {field} of strings"
                )
    if data.keys() & binary.keys():
        raise invalid(kind.kind, name, "data", "duplicate of key present in binaryData")
    size = sum(len(k) + len(v.encode()) for k, v in data.items())
    size += sum(len(k) + len(v) * 3 // 4 for k, v in binary.items())
    if size > MAX_CONFIGMAP:
        raise invalid(
            kind.kind, name, "[]", f"Too long: may not be more than {MAX_CONFIGMAP} bytes"
        )


def _job(kind: Kind, name: str, item: dict[str, Any]) -> None:
    spec = item.get("spec") or {}
    template = spec.get("template") or {}
    if (template.get("spec") or {}).get("restartPolicy") not in ("Never", "OnFailure"):
        raise invalid(kind.kind, name, "spec.template.spec.restartPolicy", "Required value: valid "
                      'values: "OnFailure", "Never"')  # fmt: skip
    _template(kind, name, template)


def _daemonset(kind: Kind, name: str, item: dict[str, Any]) -> None:
    spec = item.get("spec") or {}
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    if not wanted or any(labels.get(key) != value for key, value in wanted.items()):
        raise invalid(kind.kind, name, "spec.template.metadata.labels",
                      "`selector` does not match template `labels`")  # fmt: skip
    _template(kind, name, spec["template"])


def _template(kind: Kind, name: str, template: dict[str, Any]) -> None:
    _labels(
        kind, name, "spec.template.labels", (template.get("metadata") or {}).get("labels") or {}
    )
    pod(kind, name, template.get("spec") or {}, "spec.template.spec")


def _pod(kind: Kind, name: str, item: dict[str, Any]) -> None:
    pod(kind, name, item.get("spec") or {}, "spec")


def pod(kind: Kind, name: str, spec: dict[str, Any], at: str) -> None:
    """Check the parts of a pod's spec that belong together."""
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    if not spec.get("containers"):
        raise invalid(kind.kind, name, f"{at}.containers", "Required value")
    seen: set[str] = set()
    for kept in ("initContainers", "containers"):
        for number, container in enumerate(spec.get(kept) or ()):
            where = f"{at}.{kept}[{number}]"
            own = container.get("name", "")
            if not _DNS_LABEL.fullmatch(own) or len(own) > 63 or own in seen:
                raise invalid(kind.kind, name, f"{where}.name", f'Invalid value: "{own}"')
            seen.add(own)
            if not container.get("image"):
                raise invalid(kind.kind, name, f"{where}.image", "Required value")
            for mount in container.get("volumeMounts") or ():
                if mount.get("name") not in volumes or not mount.get("mountPath"):
                    text = f"Not found: {mount.get('name')!r}"
                    raise invalid(kind.kind, name, f"{where}.volumeMounts", text)
            for part in ("requests", "limits"):
                for key, value in ((container.get("resources") or {}).get(part) or {}).items():
                    if not _QUANTITY.fullmatch(str(value)):
                        field = f"{where}.resources.{part}[{key}]"
                        raise invalid(kind.kind, name, field, "Invalid value")
            for entry in container.get("env") or ():
                if not entry.get("name") or not isinstance(entry.get("value", ""), str):
                    raise invalid(kind.kind, name, f"{where}.env", "Invalid value")
    for toleration in spec.get("tolerations") or ():
        if toleration.get("operator") == "Exists" and toleration.get("value"):
            text = "value must be empty when `operator` is 'Exists'"
            raise invalid(kind.kind, name, f"{at}.tolerations", text)
    _labels(kind, name, f"{at}.nodeSelector", spec.get("nodeSelector") or {})


def _binding(kind: Kind, name: str, item: dict[str, Any]) -> None:
    ref = item.get("roleRef") or {}
    if ref.get("apiGroup") != "rbac.authorization.k8s.io" or not ref.get("name"):
        raise invalid(kind.kind, name, "roleRef", "Required value")
    if ref.get("kind") not in ("Role", "ClusterRole"):
        raise invalid(kind.kind, name, "roleRef.kind", "Unsupported value")


def _role(kind: Kind, name: str, item: dict[str, Any]) -> None:
    for rule in item.get("rules") or ():
        if not rule.get("verbs") or "apiGroups" not in rule or not rule.get("resources"):
            raise invalid(
                kind.kind, name, "rules", "Required value: verbs, apiGroups and resources"
            )


_CHECKS = {
    "configmaps": _configmap,
    "jobs": _job,
    "daemonsets": _daemonset,
    "pods": _pod,
    "roles": _role,
    "clusterroles": _role,
    "rolebindings": _binding,
    "clusterrolebindings": _binding,
}
