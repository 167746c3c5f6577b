"""Runs one recorded check against an emulated cluster, and says where it differs from the recording.

The check runs as the core runs it, over HTTP with the real client, as a user who has exactly the rights that the check
declares. A difference is a pair of an aspect (``status``, ``code``, ``words``, ``created``, ``left``, ``requests``,
``rights``) and a text; :mod:`check_differences` lists the deliberate ones.
"""

from __future__ import annotations

import functools
import json
import pathlib
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple

import check_compare
from aicr_kube.client import Cluster
from emulated_cluster import ACCELERATED, FakeCluster, Refused, Rule

from aicr_core.engine import render
from aicr_core.engine.checks import clean_up, run_check
from aicr_core.kit import yamlio
from aicr_core.kit.run import Context
from aicr_core.model.check import RUN_NAMESPACE
from aicr_core.model.target import Target
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aicr_core.model.check import CheckResult, Right
    from aicr_core.plugins.providers import Check

    Item = dict[str, Any]

PACE = 0.002
"""Factor for all waits: ten minutes become 1.2 s."""
RUN = "golden"
EXIT = {"passed": 0, "failed": 1, "skipped": 2}


class Ran(NamedTuple):
    """What a check did: its verdict, its requests (as the recording writes them), bodies, what is left, denied."""

    result: CheckResult
    requests: list[str]
    created: list[Item]
    left: list[str]
    denied: list[str]
    residue: tuple[str, ...]


@functools.cache
def case_of(path: pathlib.Path) -> Item:
    """Read a recorded case."""
    case: Item = json.loads(path.read_text("utf-8"))
    return case


@functools.cache
def differences_of(path: pathlib.Path) -> dict[str, str]:
    """Run a case, once in a session, and give its differences by aspect."""
    return check_compare.differences(case_of(path), ran(path))


@functools.cache
def ran(path: pathlib.Path) -> Ran:
    """Run a case, once in a session."""
    return run(case_of(path), _checks()[case_of(path)["check"]])


@functools.cache
def _environment() -> Any:
    import os

    from aicr_core.app.environment import Environment
    from aicr_core.model.settings import Settings

    return Environment(Settings.from_env(os.environ))


@functools.cache
def _checks() -> dict[str, Check]:
    settings = _environment().settings
    found = _environment().manager.named("aicr_checks", "name", settings=settings)
    return {name: check for name, (_plugin, check) in found.items()}


@functools.cache
def _profiles(check: str) -> tuple[Item, ...]:
    """The benchmark profiles of the installed catalogue for a check."""
    catalogue = _environment().catalogue()
    files = catalogue.files_below("validators/profiles/")
    documents = [yamlio.load(catalogue.read_file(path), path) for path in files]
    return tuple(document for document in documents if document.get("check") == check)


def run(case: Item, check: Check) -> Ran:
    """Run a case's check and clean up after it."""
    recipe = yamlio.load(case["recipe"].encode(), "recipe.yaml")
    with FakeCluster() as fake, tempfile.TemporaryDirectory() as folder:
        _prepare(fake, case)
        token = fake.user("check", [_rule(r, case["namespace"]) for r in _rights(check, recipe)])
        kubeconfig = fake.kubeconfig(pathlib.Path(folder) / "kubeconfig", token)
        before = set(_objects(fake))
        with Cluster.open(kubeconfig, timeout=30.0) as client:
            ctx = Context(timeout=check.timeout, render=render.template)
            target = _target(ctx, client, case, check, recipe)
            result = run_check(check, resolve(check.call), ctx, target)
            residue = clean_up(target)
        asked = list(fake.requests)
        return Ran(
            result,
            check_compare.lines(asked),
            [request.json for request in asked if request.method in ("POST", "PUT")],
            [name for name in _objects(fake) if name not in before],
            [f"{access.verb} {access.resource} {access.namespace}" for access in fake.denied],
            residue,
        )


def _target(ctx: Context, client: Cluster, case: Item, check: Check, recipe: Item) -> Target:
    phase = (recipe.get("validation") or {}).get(check.phase) or {}
    return Target(
        ctx, client, recipe=recipe, snapshot=yamlio.load(case["snapshot"].encode(), "snapshot.yaml"),
        namespace=case["namespace"], run=RUN, pace=PACE, profiles=_profiles(check.name),
        constraints={c["name"]: str(c["value"]) for c in phase.get("constraints") or ()},
        asserts={
            ref["name"]: ref["healthCheckAsserts"]
            for ref in recipe.get("componentRefs") or () if ref.get("healthCheckAsserts")
        },
    )  # fmt: skip


def _rights(check: Check, recipe: Item) -> Iterable[Right]:
    rights = resolve(check.rights)
    found: Iterable[Right] = rights(recipe) if callable(rights) else rights
    return found


def _rule(right: Right, namespace: str) -> Rule:
    space = namespace if right.namespace == RUN_NAMESPACE else right.namespace
    return Rule(right.verbs, (right.group,), right.resources, right.names, space)


# --- the cluster of a case ------------------------------------------------------------------------


def _prepare(fake: FakeCluster, case: Item) -> None:
    api = case["api"]
    disabled = {tuple(pair) for pair in api.get("disabled_groups") or ()}
    fake.serve(*(kind for kind in ACCELERATED if (kind.group, kind.version) not in disabled))
    # Namespaces first: any other object would make its own, without the recorded status.
    objects = sorted(api.get("objects") or (), key=lambda item: item["kind"] != "Namespace")
    for item in objects:
        fake.add(item)
    if case["namespace"] not in {i["metadata"]["name"] for i in fake.all("namespaces")}:
        fake.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": case["namespace"]}})
    for fault in api.get("faults") or ():
        more = {key: fault[key] for key in ("message", "reason", "times") if key in fault}
        fake.faults.add(fault["method"], fault["path"], status=fault["code"], **more)
    for refusal in api.get("admission") or ():
        _refuse(fake, refusal)
    fake.reactions.add(*(api.get("reactions") or ()))
    _answer(fake, api.get("raw") or {}, objects)


def _refuse(fake: FakeCluster, refusal: Item) -> None:
    def admission(verb: str, kind: Any, _item: Item) -> None:
        if verb == "create" and kind.kind == refusal["kind"]:
            raise Refused(refusal["code"], refusal["message"], refusal["reason"])

    fake.admission.append(admission)


def _answer(fake: FakeCluster, raw: Item, objects: list[Item]) -> None:
    """Give the verbatim answers: ``/dcgm`` and ``/prom`` are services behind the API server's proxy."""
    dcgm = {p.removeprefix("/dcgm"): a for p, a in raw.items() if p.startswith("/dcgm/")}
    prom = {p.removeprefix("/prom"): a for p, a in raw.items() if p.startswith("/prom/")}
    if dcgm:
        fake.backends.add("gpu-operator", "nvidia-dcgm-exporter", 9400, dcgm)
    for item in objects:
        if item["kind"] == "Service" and prom:
            metadata = item["metadata"]
            fake.backends.add(metadata["namespace"], metadata["name"], 9090, prom)
    for path, answer in raw.items():
        if not path.startswith(("/dcgm/", "/prom/")):
            fake.raw.put(path, answer)


def _objects(fake: FakeCluster) -> list[str]:
    """Name every object as the recordings do."""
    found = []
    for kind, item in fake.objects.every():
        namespace, name = item["metadata"].get("namespace", ""), item["metadata"]["name"]
        place = f"{namespace}/{name}" if namespace else name
        found.append(f"{kind.kind} {check_compare.no_suffix(place)}")
    return sorted(found)
