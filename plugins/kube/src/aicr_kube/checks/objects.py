"""The objects of a run of checks: its documents, its rights, and a Job for each check. Pure.

Fields follow the reference (spec/validate.md 6.1, 6.2) where they are not a defect of it: names and labels carry the
run, rights are those of the checks, containers run without privileges, deadlines leave the check time to report.
tests/golden/job_differences.py lists what differs, and why.
"""

from __future__ import annotations

import hashlib
import math
import re
from typing import TYPE_CHECKING, Any

from aicr_core.api import MANAGED, RUN_LABEL, AicrError, Code, rbac_objects, to_yaml
from aicr_kube.jobs import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aicr_core.api import CatalogEntry, CheckRun

Object = dict[str, Any]
ACCOUNT = "aicr-validator"
CONTAINER = "validator"
CHECK_LABEL = "aicr.run/validator"
PHASE_LABEL = "aicr.run/phase"
LIFETIME = names.LIFETIME
LONGEST = 24 * 3600
"""Seconds after which no run can still be using its documents and rights."""
TTL = 3600
"""Seconds that a finished Job stays."""
START = 180
"""Seconds for scheduling and for pulling the image, which the check's own time does not count."""
REPORT = 30
"""Seconds for the check to clean up and to say how it went, after its time is over."""
MOST = 1_048_576
"""Bytes that a ConfigMap may hold."""
_ROOM = 8192
"""Bytes of it for names and labels."""
_RESOURCES = {"cpu": "1", "memory": "1Gi"}
_LABEL = re.compile(r"[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_NO_LETTERS = re.compile(r"[^a-z0-9]+")


def labels(run: CheckRun) -> dict[str, str]:
    """Give the labels of every object of the run."""
    return {**MANAGED, "app.kubernetes.io/component": "validation", RUN_LABEL: run.run}


def check_name(run: CheckRun) -> None:
    """Refuse a run id that makes no name and no label. Raises AicrError(INVALID_REQUEST)."""
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?", run.run):
        raise AicrError(
            Code.INVALID_REQUEST, f'"{run.run}" cannot be the id of a run', where="--run-id",
            hint="use up to 42 small letters, digits and -",
        )  # fmt: skip


def namespace(run: CheckRun) -> Object:
    """Give the namespace of the run; it stays, as others may be using it."""
    kept = {**MANAGED, "app.kubernetes.io/component": "validation"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": run.namespace, "labels": kept}}  # fmt: skip


def account(run: CheckRun) -> str:
    """Give the name of the service account that checks run as."""
    return run.service_account or f"{ACCOUNT}-{run.run}"


def rights(run: CheckRun, given: CheckRun) -> list[Object]:
    """Give the service account of the run with exactly the rights of ``given``."""
    found = rbac_objects(given.rights, account(run), run.namespace, labels=labels(run))
    for item in found:
        item["metadata"]["annotations"] = {LIFETIME: str(LONGEST)}
    return found


def documents(run: CheckRun) -> list[Object]:
    """Give the ConfigMaps with snapshot, recipe and inputs.

    Raises AicrError(INVALID_REQUEST) for documents that no ConfigMap holds; it names the sizes.
    """
    found = [
        _config_map(run, "snapshot", {"snapshot.yaml": to_yaml(dict(run.snapshot))}),
        _config_map(
            run, "recipe",
            {"recipe.yaml": to_yaml(dict(run.recipe)), "inputs.yaml": to_yaml(dict(run.inputs))},
        ),
    ]  # fmt: skip
    for item, word in zip(found, ("snapshot", "recipe"), strict=True):
        size = sum(len(key) + len(text.encode("utf-8")) for key, text in item["data"].items())
        if size > MOST - _ROOM:
            raise AicrError(
                Code.INVALID_REQUEST,
                f"the {word} has {size} bytes; a Job gets it by a ConfigMap, which holds {MOST} with its labels",
                where=word,
                hint="run the checks in this process (--runner process), or leave readings out of the snapshot"
                if word == "snapshot"
                else "run the checks in this process (--runner process)",
            )
    return found


def report(run: CheckRun, phase: str, text: str) -> Object:
    """Give the ConfigMap with the CTRF report of a phase."""
    item = _config_map(run, "ctrf", {"report.json": text}, phase)
    item["metadata"]["labels"] |= {PHASE_LABEL: _label(phase), "aicr.run/report-type": "ctrf"}
    return item


def _config_map(run: CheckRun, word: str, data: dict[str, str], *further: str) -> Object:
    name = "-".join(("aicr", word, run.run, *further))
    metadata = {
        "name": name, "namespace": run.namespace, "labels": labels(run),
        "annotations": {LIFETIME: str(LONGEST)},
    }  # fmt: skip
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def lifetime(entry: CatalogEntry) -> int:
    """Give the seconds after which the cluster ends the Job of a check: later than the check ends itself."""
    return math.ceil(entry.timeout) + START + REPORT


def job(run: CheckRun, entry: CatalogEntry, suffix: str) -> Object:
    """Give the Job of one check; ``suffix`` are the last letters of its name."""
    own = {CHECK_LABEL: _label(entry.name), PHASE_LABEL: _label(entry.phase)}
    # 63 letters are what a pod's host name may have, and the Job controller adds six.
    stem = _NO_LETTERS.sub("-", entry.name.lower())[:40].strip("-")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"aicr-{stem}-{suffix}",
            "namespace": run.namespace,
            "labels": {**labels(run), **own, "aicr.run/job-type": "validation"},
            "annotations": {LIFETIME: str(lifetime(entry))},
        },
        "spec": {
            "activeDeadlineSeconds": lifetime(entry),
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": TTL,
            "template": {
                "metadata": {"labels": {**labels(run), **own}},
                "spec": _pod(run, entry),
            },
        },
    }


def _pod(run: CheckRun, entry: CatalogEntry) -> Object:
    preferred = {"matchExpressions": [{"key": "nvidia.com/gpu.present", "operator": "DoesNotExist"}]}  # fmt: skip
    spec: Object = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": REPORT,
        "serviceAccountName": account(run),
        "securityContext": {
            "runAsNonRoot": True, "runAsUser": 65534, "runAsGroup": 65534, "fsGroup": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "affinity": {
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": preferred}]
            }
        },
        "tolerations": [dict(item) for item in run.tolerations] or [{"operator": "Exists"}],
        "volumes": [
            {"name": "snapshot", "configMap": {"name": f"aicr-snapshot-{run.run}"}},
            {"name": "recipe", "configMap": {"name": f"aicr-recipe-{run.run}"}},
            {"name": "tmp", "emptyDir": {}},
        ],
        "containers": [_container(run, entry)],
    }  # fmt: skip
    if run.node_selector:
        spec["nodeSelector"] = dict(run.node_selector)
    if run.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in run.image_pull_secrets]
    return spec


def _container(run: CheckRun, entry: CatalogEntry) -> Object:
    resources = {**_RESOURCES, **entry.resources}
    tag = entry.image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    always = tag == "latest" or (not tag and "@" not in entry.image)
    return {
        "name": CONTAINER,
        "image": entry.image,
        "args": list(entry.args),
        "env": _environment(run, entry),
        "imagePullPolicy": "Always" if always else "IfNotPresent",
        "resources": {"limits": dict(resources), "requests": dict(resources)},
        "securityContext": {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [
            {"name": "snapshot", "readOnly": True, "mountPath": "/data/snapshot"},
            {"name": "recipe", "readOnly": True, "mountPath": "/data/recipe"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
        ],
    }  # fmt: skip


def _environment(run: CheckRun, entry: CatalogEntry) -> list[Object]:
    own: Mapping[str, str] = {
        "AICR_SNAPSHOT_PATH": "/data/snapshot/snapshot.yaml",
        "AICR_RECIPE_PATH": "/data/recipe/recipe.yaml",
        "AICR_VALIDATOR_NAME": entry.name,
        "AICR_VALIDATOR_PHASE": entry.phase,
        "AICR_RUN_ID": run.run,
    }
    found: list[Object] = [{"name": name, "value": value} for name, value in own.items()]
    found.append(
        {"name": "AICR_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}
    )
    found.append({"name": "AICR_CHECK_TIMEOUT", "value": f"{math.ceil(entry.timeout)}s"})
    return found + [{"name": name, "value": value} for name, value in entry.env]


def _label(text: str) -> str:
    """Give a text as a label may hold it; another one gets a digest in its place."""
    return text if _LABEL.fullmatch(text) else hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
