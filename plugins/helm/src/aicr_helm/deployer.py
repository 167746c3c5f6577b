"""Turn a plan into the files of a Helm bundle.

Scripts are copied as they lie in ``scripts/``; what differs between bundles is ``releases.tsv``, one line a
release. READMEs are rendered from the same releases, with the very commands the script runs. Order of
generation: per component values, README, install.sh, manifests; then the root's files (spec/bundle.md 3.2, 5).
"""

from __future__ import annotations

import functools
import re
import shlex
from importlib.resources import files
from typing import TYPE_CHECKING

from aicr_core.api import Artifact, BundlePlan, Context, Release, to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIELDS = (
    "name", "kind", "namespace", "repository", "chart", "version", "tag", "path", "wait", "manifests",
    "crd_groups", "extra_namespaces", "restart_daemonsets", "archive",
)  # fmt: skip
CLUSTER_VALUES = "cluster-values.yaml"
_VERSION = re.compile(r"(>=|<=|==|!=|>|<)? *v?[0-9]+(\.[0-9]+){0,2}\Z")


@functools.cache
def _read(*parts: str) -> str:
    return files("aicr_helm").joinpath(*parts).read_text("utf-8")


def deploy(ctx: Context, plan: BundlePlan) -> Iterator[Artifact]:
    """Give the bundle's files in order of generation."""
    component = _read("templates", "component.md.j2")
    install = _read("scripts", "install.sh").encode()
    by_hand = {}
    for release in plan.releases:
        folder = release.name
        values = f"# Values of {release.name}, for helm -f.\n---\n"
        if release.values:
            values += to_yaml(dict(release.values), indent=4, sort_keys=True)
        yield Artifact(path=f"{folder}/values.yaml", data=values.encode("utf-8"))
        if release.dynamic:
            stub = f"# Values of {release.name} for one cluster: these win over values.yaml.\n---\n"
            stub += to_yaml(dict(release.dynamic), indent=4, sort_keys=True)
            yield Artifact(path=f"{folder}/{CLUSTER_VALUES}", data=stub.encode("utf-8"))
        by_hand[release.name] = commands(release)
        text = ctx.render(component, release=release, commands=by_hand[release.name])
        yield Artifact(path=f"{folder}/README.md", data=text.encode("utf-8"))
        yield Artifact(path=f"{folder}/install.sh", data=install, mode=0o755)
        if release.archive is not None:
            chart = release.archive
            yield Artifact(path=f"{folder}/{chart.path}", data=chart.data, mode=chart.mode)
        for manifest in release.manifests:
            yield Artifact(path=f"{folder}/{manifest.path}", data=manifest.data, mode=manifest.mode)
    shown = [(name, value) for name, value in plan.criteria.items() if value not in ("", "any", 0)]
    kinds = {release.kind for release in plan.releases}
    tools = ["kubectl", *(tool for tool in ("helm", "kustomize") if tool in kinds)]
    readme = ctx.render(
        _read("templates", "README.md.j2"),
        plan=plan,
        target=shown,
        tools=tools,
        commands=by_hand,
        kinds={"helm": "Helm", "kustomize": "Kustomize", "manifests": "Manifests"},
    )
    yield Artifact(path="README.md", data=readme.encode("utf-8"))
    for script in ("deploy.sh", "undeploy.sh"):
        yield Artifact(path=script, data=_read("scripts", script).encode(), mode=0o755)
    yield Artifact(path="lib.sh", data=_read("scripts", "lib.sh").encode(), mode=0o644)
    yield Artifact(path="releases.tsv", data=release_list(plan).encode(), mode=0o644)


def release_list(plan: BundlePlan) -> str:
    """Give ``releases.tsv``: what is needed, a header, one line of fields a release (``-`` for empty)."""
    lines = [f"#needs\t{what}\t{value}" for what, value in _needs(plan)]
    lines.append("# " + "\t".join(_FIELDS))
    for release in plan.releases:
        fields = {name: getattr(release, name) for name in _FIELDS}
        fields["archive"] = release.archive.path if release.archive else ""
        fields["wait"] = "yes" if release.wait else "no"
        fields["manifests"] = "yes" if release.manifests else "no"
        fields["crd_groups"] = ",".join(release.crd_groups)
        fields["extra_namespaces"] = ",".join(release.extra_namespaces)
        lines.append("\t".join(fields[name] or "-" for name in _FIELDS))
    return "\n".join(lines) + "\n"


def _needs(plan: BundlePlan) -> Iterator[tuple[str, str]]:
    """Give what ``deploy.sh`` holds the cluster to before it starts; ``validate`` does the rest."""
    for constraint in plan.constraints:
        value = str(constraint.get("value") or "")
        hard = str(constraint.get("severity") or "error").lower() == "error"
        if constraint["name"] == "K8s.server.version" and hard and _VERSION.match(value):
            yield "kubernetes", value
    selector = plan.options.get("accelerated_node_selector") or {}
    if selector:
        yield "accelerated-nodes", ",".join(f"{key}={item}" for key, item in selector.items())


def helm_arguments(release: Release, folder: str) -> list[str]:
    """Give the arguments of ``helm`` that install the release, as ``lib.sh`` builds them."""
    values = ["-f", f"{folder}/values.yaml"]
    if release.dynamic:
        values += ["-f", f"{folder}/{CLUSTER_VALUES}"]
    chart = [release.chart, "--repo", release.repository, "--version", release.version]
    if release.archive is not None:
        chart = [f"{folder}/{release.archive.path}"]
    elif release.repository.startswith("oci://"):
        chart = [f"{release.repository}/{release.chart}", "--version", release.version]
    wait = ["--wait", "--timeout", "10m"] if release.wait else []
    return [
        "upgrade", "--install", release.name, *chart,
        "-n", release.namespace, "--create-namespace", *values, *wait,
    ]  # fmt: skip


def commands(release: Release) -> dict[str, list[str]]:
    """Give the commands a person runs by hand in the bundle's folder: install, uninstall."""
    manifests = f"{release.name}/manifests/"
    install: list[str] = []
    remove: list[str] = []
    if release.kind == "kustomize" or (release.kind == "helm" and release.manifests):
        install.append(
            f"kubectl create namespace {release.namespace} --dry-run=client -o yaml | kubectl apply -f -"
        )
    if release.kind == "helm" and release.manifests:
        install.append(f"kubectl apply -f {manifests}")
    if release.manifests:
        remove.append(f"kubectl delete -f {manifests} --ignore-not-found")
    if release.kind == "helm":
        install.append(shlex.join(["helm", *helm_arguments(release, release.name)]))
        remove.append(f"helm uninstall {release.name} -n {release.namespace} --ignore-not-found")
    elif release.kind == "kustomize":
        reference = f"?ref={release.tag}" if release.tag else ""
        source = shlex.quote(f"{release.repository}//{release.path}{reference}")
        install.append(f"kustomize build {source} | kubectl apply -n {release.namespace} -f -")
        remove.append(
            f"kustomize build {source} | kubectl delete -n {release.namespace} --ignore-not-found -f -"
        )
    if release.manifests:
        install.append(f"kubectl apply -f {manifests}")
    if release.restart_daemonsets:
        space = f"-n {release.namespace}"
        install.append(
            f"kubectl get daemonsets {space} -o name | grep -F -- {shlex.quote(release.restart_daemonsets)} | "
            f"xargs kubectl rollout restart {space}"
        )
    return {"install": install, "uninstall": remove}


def steps(_plan: BundlePlan, directory: str) -> list[str]:
    """Give what a person runs after the bundle was written."""
    return [f"cd {shlex.quote(directory)}", "./deploy.sh --dry-run", "./deploy.sh"]
