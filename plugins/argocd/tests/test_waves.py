"""Waves: what a component needs is in an earlier one, whatever the recipe; ``--serial`` gives each its own."""

from __future__ import annotations

from argocd_lab import applications, files, manifest, plan, release, wave
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.api import Release

KINDS = ("helm", "kustomize", "manifests")


@st.composite
def _releases(draw: st.DrawFn) -> list[Release]:
    """Releases in deployment order, each of them needing some of those before it, with their tiers."""
    made: list[Release] = []
    for number in range(draw(st.integers(1, 8))):
        needs = tuple(item.name for item in made if draw(st.booleans()))
        tiers = {item.name: item.tier for item in made}
        kind = draw(st.sampled_from(KINDS))
        names = draw(st.sets(st.sampled_from(["a.yaml", "b.yaml", "c.json"])))
        held = tuple(manifest(name) for name in sorted(names))
        early = tuple(item.path for item in held if draw(st.booleans()))
        made.append(
            release(
                f"c{number}",
                kind=kind,
                repository="https://example.com/r",
                path="deploy",
                manifests=held,
                pre_manifests=early,
                depends_on=needs,
                tier=max((tiers[name] + 1 for name in needs), default=0),
            )
        )
    return made


def _of(item: Release, found: dict[str, object]) -> list[int]:
    names = [f"{item.name}{suffix}" for suffix in ("-pre", "", "-post")]
    return [wave(found[name]) for name in names if name in found]


@given(_releases())
def test_every_dependency_is_in_an_earlier_wave(made: list[Release]) -> None:
    found = applications(files("argocd", plan(*made)))
    by_name = {item.name: item for item in made}
    for item in made:
        own = _of(item, found)
        assert own == sorted(set(own)), "pre, main and post follow each other"
        for name in item.depends_on:
            earlier = _of(by_name[name], found)
            assert not own or not earlier or max(earlier) < min(own)


@given(_releases())
def test_serial_counts_every_application(made: list[Release]) -> None:
    found = applications(files("argocd", plan(*made, serial=True)))
    assert sorted(wave(item) for item in found.values()) == list(range(len(found)))
    in_order = [number for item in made for number in _of(item, found)]
    assert in_order == list(range(len(found)))


@given(_releases(), st.booleans())
def test_no_manifest_is_lost(made: list[Release], serial: bool) -> None:
    """Each manifest is a file of the bundle, and in exactly one Application's folder and filter."""
    bundle = files("argocd", plan(*made, serial=serial))
    found = applications(bundle)
    for item in made:
        taken: list[str] = []
        for suffix in ("-pre", "", "-post"):
            source = found.get(f"{item.name}{suffix}", {}).get("spec", {}).get("source", {})
            if "directory" not in source:
                continue
            assert source["path"] == f"{item.name}/manifests"
            part = source["directory"]
            named = set(part.get("include", part.get("exclude", "{}")).strip("{}").split(","))
            for one in item.manifests:
                assert f"{item.name}/{one.path}" in bundle
                base = one.path.removeprefix("manifests/")
                if "include" in part:
                    taken += [base] if base in named else []
                else:
                    taken += [] if base in named else [base]
        assert sorted(taken) == sorted(m.path.removeprefix("manifests/") for m in item.manifests)


def test_independent_components_share_a_wave() -> None:
    one, two = release("one"), release("two")
    three = release("three", depends_on=("one", "two"), tier=1)
    found = applications(files("argocd", plan(one, two, three)))
    assert [wave(found[name]) for name in ("one", "two", "three")] == [1, 1, 5]
