"""Every edge of the plan holds when Flux applies the bundle, whatever kinds it joins; nothing is left out."""

from __future__ import annotations

from typing import Any

import pytest
from aicr_flux import objects
from flux_lab import bundle, settings
from hypothesis import given
from hypothesis import settings as tuning
from hypothesis import strategies as st
from plans import CONFIG, manifests, plan, release

from aicr_core.api import BundlePlan, Release, parts

REPO = "https://git.example.com/bundle.git"


def folder(name: str, *needs: str, **fields: Any) -> Release:
    """A Kustomize component."""
    start = {
        "kind": "kustomize",
        "repository": "https://github.com/e/k",
        "path": "base",
        "tag": "v1",
        "version": "",
    }
    return release(name, *needs, **{**start, **fields})  # fmt: skip


def holds(of: BundlePlan) -> None:
    """Hold each release back in turn: what needs it must not become ready before it does."""
    flux, found = bundle(of), parts(of)
    for held in found:
        order = [name.partition("/")[2] for name in flux.roll_out(held.name)]
        assert set(order) == {part.name for part in found}
        before = order[: order.index(held.name)]
        for part in found:
            assert not (held.name in part.needs and part.name in before), (
                f"{part.name} does not wait for {held.name}"
            )


def made_of(*releases: Release, **fields: Any) -> BundlePlan:
    return plan(*releases, repo=REPO, settings=settings(), **fields)


def test_independent_releases_do_not_wait_for_each_other() -> None:
    found = bundle(made_of(release("a"), release("b"), release("c", "a"))).releases
    assert "dependsOn" not in found["b"]["spec"]
    assert found["c"]["spec"]["dependsOn"] == [{"name": "a"}]


def test_serial_is_a_chain() -> None:
    found = bundle(made_of(release("a"), release("b"), release("c", "a"), serial=True)).releases
    assert found["b"]["spec"]["dependsOn"] == [{"name": "a"}]
    assert found["c"]["spec"]["dependsOn"] == [{"name": "b"}]


def test_who_needs_a_component_waits_for_its_last_release() -> None:
    late = release("a", manifests=manifests(x_yaml=CONFIG))
    found = bundle(made_of(late, release("b", "a"))).releases
    assert found["a-post"]["spec"]["dependsOn"] == [{"name": "a"}]
    assert found["b"]["spec"]["dependsOn"] == [{"name": "a-post"}]


def test_a_chart_waits_for_a_kustomization() -> None:
    of = made_of(folder("k"), release("a", "k"), release("b", "a"))
    found = bundle(of)
    stage = found.objects["a/flux-kustomization.yaml"]
    assert stage["spec"]["dependsOn"] == [{"name": "k"}]
    assert stage["spec"]["wait"] is True
    assert "a/helmrelease.yaml" not in found.objects["kustomization.yaml"]["resources"]
    assert "dependsOn" not in found.releases["a"]["spec"]
    holds(of)


def test_a_kustomization_waits_for_a_chart() -> None:
    of = made_of(release("a"), folder("k", "a"))
    found = bundle(of)
    assert found.objects["k/flux-kustomization.yaml"]["spec"]["dependsOn"] == [{"name": "a"}]
    assert found.objects["a/flux-kustomization.yaml"]["spec"]["path"] == "./a"
    holds(of)


def test_a_kustomization_with_manifests_around_it() -> None:
    texts = manifests(early_yaml=CONFIG, late_yaml=CONFIG)
    k = folder("k", manifests=texts, pre_manifests=("manifests/early.yaml",))
    of = made_of(k, folder("l", "k"))
    holds(of)
    assert set(bundle(of).releases) == {"k-pre", "k-post"}


KINDS = st.sampled_from(["helm", "manifests", "kustomize", "nothing"])


@st.composite
def graphs(draw: st.DrawFn) -> list[Release]:
    found: list[Release] = []
    for number in range(draw(st.integers(1, 7))):
        name = f"c{number}"
        needs = draw(
            st.lists(st.sampled_from([r.name for r in found] or ["none"]), max_size=3, unique=True)
        )
        kind = draw(KINDS)
        texts = manifests(a_yaml=CONFIG, b_yaml=CONFIG) if draw(st.booleans()) else ()
        early = ("manifests/a.yaml",) if texts and draw(st.booleans()) else ()
        fields: dict[str, Any] = {"manifests": texts, "pre_manifests": early}
        if kind == "kustomize":
            found.append(folder(name, *needs, **fields))
        elif kind == "helm":
            found.append(release(name, *needs, **fields))
        else:
            texts = () if kind == "nothing" else manifests(a_yaml=CONFIG)
            found.append(release(name, *needs, kind="manifests", manifests=texts))
    return found


@tuning(max_examples=60, deadline=None)
@given(graphs(), st.booleans())
def test_every_edge_holds(releases: list[Release], serial: bool) -> None:
    holds(made_of(*releases, serial=serial))


def test_a_missing_edge_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    real = objects.helm_release

    def without(*given: Any) -> Any:
        return real(*given[:3], (), *given[4:])

    monkeypatch.setattr(objects, "helm_release", without)
    with pytest.raises(AssertionError, match="z does not wait for a"):
        holds(made_of(release("a"), release("z", "a")))
