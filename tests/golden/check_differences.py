"""The one list of places where checks differ from the reference on purpose.

``DIFFERENCES``: a pattern over ``case:aspect`` (shell-style; aspects are those of :mod:`check_lab`), and the reason.
``REQUESTS``: a regular expression over a request that only we make (``+GET /path``) or only the reference (``-GET
/path``), and why that is no matter. An entry that nothing needs any more fails the test.
"""

from __future__ import annotations

DIFFERENCES: dict[str, str] = {
    "operator-health--forbidden:code": "16.1(12): a missing right is UNAUTHORIZED, not INTERNAL",
    "gpu-operator-version--image-digest:requests": "16.1(12): a digest is no version, so the other places are tried",
    "expected-resources--empty:status": "16.1(6): a check with nothing to verify is skipped with that reason",
    "expected-resources--chainsaw-test-no-binary:*": "9.3, 16.1(6): Tests run in process; this one asserts nothing",
    "expected-resources--forbidden-reads-as-not-found:code": "16.1(12): a missing right is UNAUTHORIZED, not NOT_FOUND",
    "dra-support--no-beta-api:*": "16.1(12): a cluster that serves only the stable API is checked, not skipped",
}  # fmt: skip
REQUESTS: dict[str, str] = {
    r"\+GET /api/v1/pods": "issue 4: one list of all pods finds the busy nodes, in pages",
    r"-GET /api/v1/pods\?fieldSelector=spec\.nodeName=.*": "that is asked instead of a list for each node",
    r"-GET /api/v1/namespaces/[^/]+/events\?fieldSelector=involvedObject\.name=nvidia-smi-.*": "only the Warning events",
    r"\+DELETE /api/v1/namespaces/[^/]+": "a namespace that a check made is removed with everything else",
    r"\+DELETE /apis/(apps/v1|autoscaling/v2)/namespaces/(hpa|cluster-auto)-test-<suffix>/.*": "F15: what a check made "
    "is removed one by one, not only with its namespace",
    r"-GET /apis/resource\.k8s\.io/v1beta1": "asked only where the stable API is not served",
    r"\+GET /apis/resource\.k8s\.io/v1": "8.14: whether there is dynamic resource allocation at all",
    r"-DELETE /api/v1/namespaces/dra-test/pods/dra-no-claim-<suffix>": "only what was made is deleted",
    r"\+GET /api/v1/namespaces/[^/]+/events\?.*type=Warning": "events of a pod that went wrong, as evidence",
    r"\+GET /api/v1/namespaces/[^/]+/pods/[^/]+-<suffix>(-\d)?/log": "also the log of a pod that went wrong",
    r"\+GET /apis/scheduling.*/namespaces/gang-scheduling-test/podgroups": "the group's state, also after a failure",
    r"\+GET /apis/nvidia.com/v1alpha1/.*/robust-test-<suffix>": "after a 500 it is looked whether the object was made",
    r"\+GET /apis/apps/v1": "the plural of an asserted kind is asked of its own group version",
    r"-GET /apis/resource\.k8s\.io/v1(beta1)?": "that is asked instead of all groups",
}  # fmt: skip
