"""Where releases come from: one source for each place, the bundle itself in Git or in a registry, and refusals."""

from __future__ import annotations

from typing import Any

import pytest
from aicr_flux.names import distinct, slug
from aicr_flux.remarks import notes, steps
from aicr_flux.setup import PLACEHOLDER, git_url
from flux_lab import bundle, settings
from hypothesis import given
from hypothesis import strategies as st
from plans import CONFIG, manifests, plan, release

from aicr_core.api import AicrError, BundlePlan

LOCAL = release("a", kind="manifests", manifests=manifests(c_yaml=CONFIG))
K = release(
    "k",
    kind="kustomize",
    repository="https://github.com/e/k.git",
    path="base/x",
    tag="v1",
    version="",
)
LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z"


def of(*releases: Any, repo: str = "", destination: str = "", **given: str) -> BundlePlan:
    return plan(*releases, repo=repo, settings=settings(**given), destination=destination)


def test_releases_of_one_repository_share_it() -> None:
    found = bundle(
        of(release("a"), release("b"), release("c", repository="https://charts.example.com/"))
    )
    assert len(found.of_kind("HelmRepository")) == 2
    assert len({doc["spec"]["url"] for doc in found.of_kind("HelmRepository").values()}) == 2


def test_without_a_repository_the_placeholder_is_loud() -> None:
    given = of(LOCAL)
    (source,) = bundle(given).of_kind("GitRepository").values()
    assert source["spec"]["url"] == PLACEHOLDER
    (note,) = notes(given)
    assert "flux" in note
    assert "--repo" in note
    assert PLACEHOLDER in note
    assert PLACEHOLDER in bundle(given).files["README.md"].decode()


def test_no_placeholder_where_nothing_is_taken_from_the_bundle() -> None:
    given = of(release("a"))
    assert notes(given) == []
    assert not any(b"YOUR-ORG" in data for data in bundle(given).files.values())
    assert steps(given, "/x y")[0] == "kubectl apply -k '/x y'"


def test_the_repository_of_the_bundle() -> None:
    given = of(LOCAL, repo="git@github.com:team/gpu.git", branch="prod", path="clusters/one/")
    found = bundle(given)
    assert found.of_kind("GitRepository")["github-com-team-gpu"]["spec"] == {
        "interval": "5m",
        "url": "ssh://git@github.com/team/gpu.git",
        "ref": {"branch": "prod"},
    }
    assert found.releases["a"]["spec"]["chart"]["spec"]["chart"] == "./clusters/one/a"
    assert notes(given) == []
    assert "ssh://git@github.com/team/gpu.git, branch prod" in steps(given, "x")[0]


def test_a_source_that_is_there_already() -> None:
    found = bundle(of(LOCAL, gitSourceName="flux-system"))
    assert not found.of_kind("GitRepository")
    source = found.releases["a"]["spec"]["chart"]["spec"]["sourceRef"]
    assert source == {"kind": "GitRepository", "name": "flux-system"}


def test_a_published_bundle_cuts_charts_out_of_its_artifact() -> None:
    given = of(LOCAL, destination="oci://r.example.com:5000/team/gpu:v1", namespace="gitops")
    found = bundle(given)
    assert found.releases["a"]["spec"]["chartRef"] == {"kind": "ExternalArtifact", "name": "a"}
    (generator,) = found.of_kind("ArtifactGenerator").values()
    assert generator["spec"]["sources"] == [
        {"alias": "bundle", "kind": "OCIRepository", "name": "aicr-bundle"}
    ]
    assert {
        doc["metadata"].get("namespace") for doc in found.objects.values() if "metadata" in doc
    } == {"gitops"}
    assert any("2.7" in note for note in notes(given))
    both = of(LOCAL, destination="oci://r.example.com/b", repo="https://git.example.com/x")
    assert any("--repo" in note for note in notes(both))
    first, second, _ = steps(given, "oci://r.example.com:5000/team/gpu@sha256:0")
    assert "--url oci://r.example.com:5000/team/gpu --tag v1" in first
    assert "--source OCIRepository/aicr-bundle" in second
    assert not any(b"YOUR-ORG" in data for data in found.files.values())


def test_a_kustomize_component() -> None:
    found = bundle(of(K))
    document = found.objects["k/flux-kustomization.yaml"]["spec"]
    assert (document["path"], document["targetNamespace"], document["wait"]) == (
        "./base/x",
        "k-ns",
        True,
    )
    assert found.of_kind("GitRepository")["github-com-e-k-v1"]["spec"]["ref"] == {"tag": "v1"}
    assert found.objects["namespaces/k-ns.yaml"]["metadata"]["annotations"]
    assert "namespaces/k-ns.yaml" in found.objects["kustomization.yaml"]["resources"]


def test_references_of_kustomize_components() -> None:
    import attrs

    commit = attrs.evolve(K, name="c", tag="a" * 40)
    none = attrs.evolve(K, name="n", tag="")
    found = bundle(of(K, commit, none))
    refs = sorted(str(doc["spec"]["ref"]) for doc in found.of_kind("GitRepository").values())
    assert refs == ["{'branch': 'main'}", f"{{'commit': '{'a' * 40}'}}", "{'tag': 'v1'}"]
    assert sum("branch main" in note for note in notes(of(K, none))) == 1
    assert list(found.objects).count("namespaces/k-ns.yaml") == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"repo": "/home/me/repo"}, "--repo"),
        ({"repo": "https://"}, "--repo"),
        ({"namespace": "Flux"}, "deployer:namespace"),
        ({"interval": "soon"}, "deployer:interval"),
        ({"branch": "-x"}, "deployer:branch"),
        ({"path": "../x"}, "deployer:path"),
        ({"gitSourceName": "a b"}, "deployer:gitSourceName"),
        ({"gitSourceName": "x", "repo": "https://git.example.com/x"}, "--repo and"),
        ({"ociSourceName": "A", "destination": "oci://r.example.com/b"}, "deployer:ociSourceName"),
        ({"path": "x", "destination": "oci://r.example.com/b"}, "deployer:path"),
        ({"gitSourceName": "x", "destination": "oci://r.example.com/b"}, "deployer:gitSourceName"),
    ],
)
def test_a_setting_that_cannot_be(given: dict[str, str], told: str) -> None:
    with pytest.raises(AicrError) as caught:
        bundle(of(LOCAL, **given))
    assert told in caught.value.where


@pytest.mark.parametrize(
    "release_",
    [
        release("a", repository="./charts"),
        release("k", kind="kustomize", repository="./local", path="x", tag="", version=""),
    ],
)
def test_a_place_that_flux_cannot_fetch_from(release_: Any) -> None:
    with pytest.raises(AicrError, match="Flux cannot fetch") as caught:
        bundle(of(release_))
    assert caught.value.where == f"component {release_.name}"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://github.com/a/b", "https://github.com/a/b"),
        ("git@github.com:a/b.git", "ssh://git@github.com/a/b.git"),
        ("github.com/a/b", "https://github.com/a/b"),
        ("git::https://e.example/a", "https://e.example/a"),
        ("ssh://git@e.example:22/a", "ssh://git@e.example:22/a"),
    ],
)
def test_forms_of_git_addresses(text: str, url: str) -> None:
    assert git_url(text, "--repo") == url


ADDRESSES = st.from_regex(r"(https|oci)://[A-Za-z0-9./_:-]{1,80}", fullmatch=True)


@given(st.lists(ADDRESSES, unique=True, max_size=6))
def test_names_are_labels_and_never_meet(addresses: list[str]) -> None:
    import re

    names = distinct({address: address for address in addresses})
    assert len(set(names.values())) == len(addresses)
    assert all(re.match(LABEL, name) and len(name) <= 63 for name in names.values())
    assert distinct({address: address for address in reversed(addresses)}) == names


def test_slug() -> None:
    assert slug("https://user@github.com/Org/Repo.git") == "github-com-org-repo"
    assert slug("oci://ghcr.io/a") == "ghcr-io-a"
