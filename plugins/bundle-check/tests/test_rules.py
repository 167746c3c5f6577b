"""Every rule, by a bundle that has the fault and by one that has not."""

from __future__ import annotations

import pathlib
import re
from typing import Any, NamedTuple

import pytest
from aicr_bundle_check.rules import LINTS
from bundle_lab import check, release, snapshot, write_bundle

from aicr_core.app.environment import Environment
from aicr_core.kit.emit import to_yaml

A, B = release("a"), release("b")
AB = [A, B]
# `b` needs `a`.
AFTER = [A, release("b", depends=["a"])]
NODES = [
    {"name": "cpu-1", "labels": {"pool": "cpu", "a.b": "b"}},
    {"name": "gpu-1", "labels": {"pool": "gpu", "gpus": "8"}, "taints": [("gpu", "yes", "NoSchedule")]},
    {"name": "gpu-2", "labels": {"pool": "gpu", "gpus": "4"}, "taints": [("gpu", "yes", "NoSchedule")]},
    {"name": "gpu-3", "labels": {"pool": "gpu"}},
]  # fmt: skip


class Pair(NamedTuple):
    """Files with the fault, and without it."""

    rule: str
    severity: str
    bad: dict[str, str]
    good: dict[str, str]
    line: int = 0
    says: str = ""
    releases: list[dict[str, Any]] = AB
    good_releases: list[dict[str, Any]] | None = None
    options: dict[str, Any] = {}  # noqa: RUF012 - a NamedTuple's default, never changed


def config(name: str = "x", extra: str = "") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n{extra}"


def pod(spec: str, kind: str = "DaemonSet", namespace: str = "") -> str:
    where = f"\n  namespace: {namespace}" if namespace else ""
    body = "\n".join(f"      {line}" for line in spec.splitlines())
    return (
        f"apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: w{where}\nspec:\n  template:\n"
        f"    metadata: {{labels: {{app: w}}}}\n    spec:\n{body}\n"
    )


def crd(group: str = "e.example", kind: str = "Motor", version: str = "v1") -> str:
    return (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        f"metadata: {{name: motors.{group}}}\nspec: {{group: {group}, names: {{kind: {kind}}}, "
        f"versions: [{{name: {version}, served: true}}]}}\n"
    )


def motor(version: str = "v1") -> str:
    return f"apiVersion: e.example/{version}\nkind: Motor\nmetadata: {{name: m}}\n"


def namespace(labels: str = "") -> str:
    return f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: extra\n  labels: {{{labels}}}\n"


def claim(spec: str) -> str:
    return f"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: c}}\nspec: {spec}\n"


def chart(**fields: Any) -> list[dict[str, Any]]:
    return [release("a", chart="engine", **fields)]


MA, MB = "a/manifests/x.yaml", "b/manifests/x.yaml"
PAIRS = [
    Pair("AB101", "error", {MA: config("n", "") + "  namespace: kube-system\n", MB: config("n") + "  namespace: kube-system\n"},
         {MA: config(), MB: config()}, 4, "by a as well"),
    Pair("AB101", "error", {MA: namespace(), MB: namespace()}, {MA: namespace()}, 4),
    Pair("AB111", "error", {MA: config() + "  namespace: b-ns\n"}, {MB: config() + "  namespace: a-ns\n"}, 5, "with b"),
    Pair("AB111", "error", {MA: config() + "  namespace: extra\n", MB: namespace()},
         {MA: namespace(), MB: config() + "  namespace: extra\n"}, 5),
    Pair("AB112", "warning", {MA: config() + "  namespace: elsewhere\n"}, {MA: config() + "  namespace: kube-system\n"}, 5),
    Pair("AB121", "error", {MA: motor(), MB: crd()}, {MA: crd(), MB: motor()}, 2, "let a depend on b", AB, AFTER),
    Pair("AB121", "error", {"b-pre/templates/m.yaml": motor(), "b-pre/Chart.yaml": "name: b", MB: crd()},
         {"b-pre/templates/m.yaml": crd(), "b-pre/Chart.yaml": "name: b", MB: motor()}, 2),
    Pair("AB121", "error", {"b/manifests/m.yaml": motor(), MB: crd()}, {"b/manifests/m.yaml": motor(), MB: crd()}, 2,
         releases=[A, release("b", early=["manifests/m.yaml"])], good_releases=AB),
    Pair("AB123", "warning", {MA: crd(), MB: motor()}, {MA: crd(), MB: motor()}, 2, "", AB, AFTER),
    Pair("AB123", "warning", {MA: crd(), "c/manifests/x.yaml": motor()}, {MA: crd(), "c/manifests/x.yaml": motor()}, 2, "",
         [*AB, release("c", depends=["b"])], [*AFTER, release("c", depends=["b"])]),
    Pair("AB124", "warning", {MA: motor()}, {MA: crd(), "a/manifests/y.yaml": motor()}, 2),
    Pair("AB124", "warning", {MA: "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g}\n"},
         {MA: "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: g}\n"}, 2),
    Pair("AB125", "error", {MA: crd(), "a/manifests/y.yaml": motor("v2")}, {MA: crd(), "a/manifests/y.yaml": motor()}, 1, "not v2"),
    Pair("AB131", "error", {MA: config("Bad_Name")}, {MA: config("good.name-1")}, 4),
    Pair("AB131", "error", {MA: "apiVersion: v1\nkind: Service\nmetadata:\n  name: a.b\n"},
         {MA: "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: system:A\n"}, 4),
    Pair("AB131", "error", {MA: "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"},
         {MA: "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: x-}\n"}, 3, "no name"),
    Pair("AB132", "error", {MA: config(extra="  labels:\n    a: 1\n")}, {MA: config(extra="  labels:\n    a: '1'\n    b: ''\n")}, 5),
    Pair("AB132", "error", {MA: config(extra="  annotations:\n    e_x/a: ok\n")},
         {MA: config(extra="  annotations:\n    e.x/A: any text at all\n")}, 5),
    Pair("AB132", "error", {MA: pod("x: 1").replace("app: w", f"app: {'y' * 64}")}, {MA: pod("x: 1")}, 7),
    Pair("AB201", "error", {MA: "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: p}\n"},
         {MA: "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: p}\n"}, 1, "write policy/v1",
         options={"kubernetes": "1.25"}),
    Pair("AB202", "warning", {MA: "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: p}\n"},
         {MA: "apiVersion: policy/v1beta1\nkind: Other\nmetadata: {name: p}\n"}, 1, options={"kubernetes": "v1.24.3-eks"}),
    Pair("AB311", "note", {MA: claim("{}")}, {MA: claim("{storageClassName: ''}")}, 4),
    Pair("AB311", "note", {MA: "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec:\n  volumeClaimTemplates:\n  - spec: {}\n"},
         {MA: claim("{volumeName: v}")}, 6),
    Pair("AB312", "error", {MA: claim("{storageClassName: fast}"), MB: "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\n"},
         {MB: claim("{storageClassName: fast}"), MA: "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\n"}, 4),
    Pair("AB402", "warning", {MA: "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n"},
         {MA: "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"}, 1),
    Pair("AB421", "error", {}, {}, 0, "no version", chart(version=""), chart()),
    *(Pair("AB421", "error", {}, {}, 0, bad, chart(version=bad), chart(version=good))
      for bad, good in (("^1.2.0", "v1.2.0"), ("1.x", "1.2"), (">=1.0.0", "1.0.0-rc.1+b"), ("latest", "25.12.0"))),
    Pair("AB422", "error", {"a/values.yaml": "repo: https://github.com/YOUR-ORG/YOUR-REPO\n"}, {"a/values.yaml": "repo: https://g.example\n"},
         1, "https://github.com/YOUR-ORG/YOUR-REPO", chart()),
    Pair("AB422", "error", {"app.yaml": "apiVersion: x.example/v1\nkind: App\nmetadata: {name: a}\nspec: {url: '{{ .RepoURL }}'}\n"},
         {"app.yaml": "apiVersion: x.example/v1\nkind: App\nmetadata: {name: a}\n"}, 4),
]  # fmt: skip
PAIRS += [
    Pair("AB411", "warning", {MA: pod(f"containers: [{{name: c, image: '{bad}'}}]")},
         {MA: pod(f"containers: [{{name: c, image: '{good}'}}]")}, 9)
    for bad, good in (
        ("ubuntu", "ubuntu:24.04"), ("r.example:5000/x", "r.example:5000/x:1"), ("r.example/x:latest", f"x@sha256:{'0' * 64}"),
        ("r.example/UPPER:1", f"x:latest@sha256:{'0' * 64}"),
    )
]  # fmt: skip
PAIRS += [
    Pair("AB401", "error", {MA: namespace(f"pod-security.kubernetes.io/enforce: {level}"), "a/manifests/y.yaml": pod(bad, namespace="extra")},
         {MA: namespace(f"pod-security.kubernetes.io/enforce: {level}"), "a/manifests/y.yaml": pod(good, namespace="extra")}, 9)
    for level, bad, good in (
        ("baseline", "hostNetwork: true", "hostNetwork: false"),
        ("baseline", "volumes: [{hostPath: {path: /}}]", "volumes: [{emptyDir: {}}]"),
        ("baseline", "containers: [{name: c, securityContext: {privileged: true}}]", "containers: [{name: c}]"),
        ("baseline", "containers: [{name: c, ports: [{hostPort: 1}]}]", "containers: [{name: c, ports: [{containerPort: 1}]}]"),
        ("baseline", "containers: [{name: c, securityContext: {capabilities: {add: [SYS_ADMIN]}}}]",
         "containers: [{name: c, securityContext: {capabilities: {add: [CHOWN]}}}]"),
        ("restricted", "containers: [{name: c}]",
         "securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}\n"
         "containers: [{name: c, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]"),
    )
]  # fmt: skip
TOLERATES = "nodeSelector: {pool: gpu}\ntolerations: [{key: gpu, operator: Exists}]"
TERMS = "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [%s]}]}}}"
PAIRS += [
    Pair(rule, severity, {MA: pod(bad, kind)}, {MA: pod(good, kind)}, 10 if "value: 'no'" in bad else 9, options={"snapshot": "nodes"})
    for rule, severity, kind, bad, good in (
        ("AB301", "error", "DaemonSet", "nodeSelector: {pool: gpus}", "nodeSelector: {pool: cpu}"),
        ("AB301", "error", "DaemonSet", "nodeSelector: {a.c: b}", "nodeSelector: {a.b: b}"),
        ("AB301", "warning", "Deployment", "nodeSelector: {pool: none}", TOLERATES),
        ("AB301", "error", "DaemonSet", "nodeSelector: {gpus: '8'}", "nodeSelector: {gpus: '8'}\ntolerations: [{operator: Exists}]"),
        ("AB301", "error", "DaemonSet", "nodeSelector: {gpus: '8'}\ntolerations: [{key: gpu, value: 'no'}]",
         "nodeSelector: {gpus: '8'}\ntolerations: [{key: gpu, value: 'yes', effect: NoSchedule}]"),
        ("AB301", "error", "DaemonSet", TERMS % "{key: pool, operator: In, values: [x]}", TERMS % "{key: pool, operator: In, values: [cpu]}"),
        ("AB301", "error", "DaemonSet", TERMS % "{key: pool, operator: DoesNotExist}", TERMS % "{key: gpus, operator: DoesNotExist}"),
        ("AB301", "error", "DaemonSet", TERMS % "{key: gpus, operator: Gt, values: ['8']}",
         (TERMS % "{key: gpus, operator: Gt, values: ['7']}") + "\ntolerations: [{operator: Exists}]"),
        ("AB301", "error", "DaemonSet", TERMS % "{key: pool, operator: NotIn, values: [cpu, gpu]}", "x: 1"),
        ("AB302", "warning", "DaemonSet", "nodeSelector: {pool: gpu}", TOLERATES),
    )
]  # fmt: skip
PAIRS.append(
    Pair("AB303", "warning", {"a/values.yaml": "x:\n  nodeSelector: {pool: none}\n"}, {"a/values.yaml": "x:\n  nodeSelector: {pool: gpu}\n"},
         2, "x.nodeSelector", chart(), options={"snapshot": "nodes"})
)  # fmt: skip


def found(
    environment: Environment, folder: pathlib.Path, pair: Pair, releases: Any, files: Any
) -> list[Any]:
    write_bundle(folder, releases, files)
    options = dict(pair.options)
    if options.get("snapshot"):
        options["snapshot"] = str(folder.parent / "snapshot.yaml")
        (folder.parent / "snapshot.yaml").write_text(to_yaml(snapshot(NODES)))
    report = check(environment, folder, **options)
    assert not [f for f in report.findings if f.rule < "AB100"], report.findings
    return [finding for finding in report.findings if finding.rule == pair.rule]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.rule)
def test_fault(environment: Environment, folder: pathlib.Path, pair: Pair) -> None:
    findings = found(environment, folder, pair, pair.releases, pair.bad)
    assert findings, "the fault is not found"
    one = findings[0]
    assert one.severity == pair.severity
    assert one.line == pair.line, one
    assert pair.says in f"{one.message} {one.hint}"
    assert "\n" not in one.message
    assert one.hint


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.rule)
def test_no_fault(environment: Environment, folder: pathlib.Path, pair: Pair) -> None:
    releases = pair.releases if pair.good_releases is None else pair.good_releases
    assert found(environment, folder, pair, releases, pair.good) == []


IN_CHARTS = {"AB122", "AB501", "AB502"}
"""Rules about charts, which test_charts.py tries."""


def test_every_rule_is_tried() -> None:
    rules = {rule for table in LINTS.values() for rule in table}
    assert {pair.rule for pair in PAIRS} | IN_CHARTS == rules


def test_the_manual_lists_every_rule() -> None:
    """docs/user/bundle-check.md has each rule with its words and its severities."""
    from aicr_core.engine.bundle_findings import CORE_RULES

    page = pathlib.Path(__file__).resolve().parents[3] / "docs/user/bundle-check.md"
    rows = re.findall(r"(?m)^\| (AB\d{3}) \| (.+?) \| (.+?) \|$", page.read_text("utf-8"))
    rules = dict(CORE_RULES)
    for table in LINTS.values():
        rules |= table
    assert [(rule, text) for rule, _, text in rows] == sorted(rules.items())
    severities = {rule: text for rule, text, _ in rows}
    assert not [pair for pair in PAIRS if pair.severity not in severities[pair.rule]]


def test_the_table_of_removals_makes_sense() -> None:
    from aicr_bundle_check.apis import TABLE

    assert len(TABLE) > 20
    for version, entries in TABLE.items():
        for entry in entries:
            assert entry.deprecated < entry.removed, version
            assert entry.instead != version
            assert entry.instead not in TABLE, f"{version}: {entry.instead} is gone as well"
            assert all(kind[:1].isupper() for kind in entry.kinds)
