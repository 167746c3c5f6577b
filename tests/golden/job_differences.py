"""Where checks as Jobs differ from the recordings on purpose; anything else is a fault (spec/validate.md 16.1, 16.2)."""

from __future__ import annotations

# Paths in every Job of ours that are not in the recorded one.
MORE: dict[str, str] = {
    "metadata.annotations": "the lifetime tells `aicr agent sweep` when a dead run's objects may go",
    "spec.template.metadata.labels.app.kubernetes.io/managed-by": "every object is found by the labels of its run",
    "spec.template.metadata.labels.aicr.nvidia.com/run-id": "every object is found by the labels of its run",
    "spec.template.metadata.labels.aicr.nvidia.com/phase": "a pod is told from others by phase and check",
    "spec.template.spec.securityContext": "6.2: runAsNonRoot is promised, none is set there",
    "spec.template.spec.containers.0.securityContext": "6.2: no privileges, a read-only root",
    "spec.template.spec.containers.0.env.6": "6.6, 16.1 item 9: the check knows its own time",
    "spec.template.spec.containers.0.volumeMounts.2": "a read-only root needs a place for temporary files",
    "spec.template.spec.volumes.2": "a read-only root needs a place for temporary files",
}
# Paths that both have, with another value.
OTHER: dict[str, str] = {
    "spec.activeDeadlineSeconds": "16.1 item 9: the check's time, and 210 s to start, clean up and report",
    "spec.template.spec.serviceAccountName": "16.1 item 8: an account for each run",
}
_OTHER_FAILS = "16.1 item 1: a check without a verdict fails the run"
_EARLY = "16.1 item 1: no verdict stops what needs the phase"
# Case and aspect -> reason.
DIFFERENCES: dict[str, str] = {
    "04-skip-exit-2:messages": "16.1 item 10: a skip has a reason",
    "05-oom-is-other:status": _OTHER_FAILS,
    "05-oom-is-other:tests": _EARLY,
    "05-oom-is-other:jobs": _EARLY,
    "05-oom-is-other:objects": _EARLY,
    "05-oom-is-other:writes": _EARLY,
    "05-oom-is-other:messages": _EARLY,
    "06-image-pull-error:status": _OTHER_FAILS,
    "07-no-pod:status": _OTHER_FAILS,
    "08-still-running:status": _OTHER_FAILS,
    "09-job-deleted-externally:status": _OTHER_FAILS,
    "09-job-deleted-externally:messages": "6.4: a Job that was deleted is no time-out of two minutes",
    "09-job-deleted-externally:left": "the pod that the deletion left is removed",
    "09-job-deleted-externally:writes": "the pod that the deletion left is removed, and no Job is there to delete",
    "13-job-apply-forbidden:status": _OTHER_FAILS,
    "14-namespace-forbidden:tests": "there is a report also when no check can start (16.1 item 3)",
    "15-no-cleanup:left": "16.1 item 8: account and rights are of the run, there is no cluster-admin",
    "17-catalog-order:status": "16.1 item 5: unknown check names are refused",
    "17-catalog-order:tests": "16.1 item 5: unknown check names are refused",
    "17-catalog-order:jobs": "16.1 item 5: unknown check names are refused",
    "17-catalog-order:objects": "16.1 item 5: unknown check names are refused",
    "17-catalog-order:left": "16.1 item 5: unknown check names are refused",
    "17-catalog-order:writes": "16.1 item 5: unknown check names are refused",
    "18-phase-without-checks:objects": "where no check runs, nothing is made",
    "18-phase-without-checks:left": "where no check runs, nothing is made",
    "18-phase-without-checks:writes": "where no check runs, nothing is made",
    "20-evidence-mixed:messages": "16.1 item 10: a skip has a reason",
}
