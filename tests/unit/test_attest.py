"""What `--attest` writes: a statement that follows from the bundle and the signer alone, beside an unchanged bundle."""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

import pytest
from trust_lab import (
    ATTESTATION,
    RECIPE,
    aicr,
    environment,
    make_key,
    statement_of,
    verified,
    write_bundle,
)

from aicr_core.engine.attestation import criteria_text
from aicr_core.engine.identity import check_pattern
from aicr_core.kit.emit import to_yaml
from aicr_core.kit.errors import AicrError
from aicr_core.plugins import records

pytest.importorskip("aicr_local_key")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return make_key(tmp_path_factory.mktemp("key") / "key")


def signed(folder: pathlib.Path, key: pathlib.Path, *more: str | pathlib.Path) -> pathlib.Path:
    status, _, err = write_bundle(folder, "--attest", "--signing-key", key, *more)
    assert status == 0, err
    return folder


def tree(folder: pathlib.Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_statement(tmp_path: pathlib.Path, key: pathlib.Path) -> None:
    bundle = signed(tmp_path / "b", key)
    statement = statement_of(bundle)
    checksums = hashlib.sha256((bundle / "checksums.txt").read_bytes()).hexdigest()
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [{"name": "checksums.txt", "digest": {"sha256": checksums}}]
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    build = statement["predicate"]["buildDefinition"]
    recipe = hashlib.sha256((bundle / "recipe.yaml").read_bytes()).hexdigest()
    assert build["buildType"] == "https://aicr.run/bundle/v1"
    assert build["externalParameters"] == {
        "recipe": "criteria(service=eks, intent=training, nodes=8)",
        "recipeSource": "embedded",
        "recipeDigest": {"sha256": recipe},
    }
    assert set(build["internalParameters"]) == {"components", "deployer", "toolVersion"}
    assert build["internalParameters"]["components"] == ["csi"]
    assert build["internalParameters"]["deployer"] == "helm"
    dependencies = build["resolvedDependencies"]
    assert dependencies[0]["uri"].startswith("pkg:pypi/aicr-core@")
    names = [
        item["uri"].partition("@")[0].rpartition("/")[2] for item in dependencies if "uri" in item
    ]
    assert {"aicr-helm", "aicr-local-key", "aicr-recipes"} <= set(names)
    assert not {"aicr-argocd", "aicr-sigstore", "aicr-host"} & set(names), "they had no part in it"
    assert {"name": "recipe.yaml", "digest": {"sha256": recipe}} in dependencies
    run = statement["predicate"]["runDetails"]
    _, report, _ = verified(bundle, "--key", f"{key}.pub")
    assert run == {
        "builder": {"id": report["bundleCreator"]},
        "metadata": {"invocationId": f"sha256:{checksums}"},
    }


def test_nothing_of_this_machine_is_said(tmp_path: pathlib.Path, key: pathlib.Path) -> None:
    """B-30: no path, no clock, no random number."""
    bundle = signed(tmp_path / "b", key)
    text = json.dumps(statement_of(bundle))
    assert str(tmp_path) not in text
    assert "startedOn" not in text
    assert "outputDir" not in text


def test_a_fixed_time_is_said(
    tmp_path: pathlib.Path, key: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    metadata = statement_of(signed(tmp_path / "b", key))["predicate"]["runDetails"]["metadata"]
    assert metadata["startedOn"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256"])
def test_the_same_bytes_again(tmp_path: pathlib.Path, kind: str) -> None:
    key = make_key(tmp_path / "key", kind)
    first = tree(signed(tmp_path / "one", key))
    again = tree(signed(tmp_path / "two" / "deep", key, "--jobs", "1"))
    assert first == again
    assert first[ATTESTATION][0] & 0o7777 == 0o600


def test_the_bundle_is_the_unsigned_one_and_an_attestation(
    tmp_path: pathlib.Path, key: pathlib.Path
) -> None:
    """Neither list names the attestation: it is about them."""
    assert write_bundle(tmp_path / "plain")[0] == 0
    plain, with_it = tree(tmp_path / "plain"), tree(signed(tmp_path / "signed", key))
    assert set(with_it) - set(plain) == {ATTESTATION}
    assert {path: with_it[path] for path in plain} == plain


def test_external_data_is_said(tmp_path: pathlib.Path, key: pathlib.Path) -> None:
    (tmp_path / "mine").mkdir()
    entry = {"name": "other", "displayName": "other"}
    (tmp_path / "mine/registry.yaml").write_text(to_yaml({"components": [entry]}))
    bundle = signed(tmp_path / "b", key, "--data", tmp_path / "mine")
    build = statement_of(bundle)["predicate"]["buildDefinition"]
    assert build["externalParameters"]["recipeSource"] == "external"
    digest = hashlib.sha256((bundle / "data/registry.yaml").read_bytes()).hexdigest()
    assert {"name": "data/registry.yaml", "digest": {"sha256": digest}} in build[
        "resolvedDependencies"
    ]
    status, report, _ = verified(bundle, "--key", f"{key}.pub")
    assert (status, report["hasExternalData"], report["trustLevel"]) == (0, True, "attested")


@pytest.mark.parametrize(
    ("deployer", "more"),
    [
        ("helm", ()), ("argocd", ("--repo", "https://git.example/team/repo")), ("flux", ()), ("helmfile", ()),
    ],
)  # fmt: skip
def test_a_bundle_of_every_deployer(
    deployer: str, more: tuple[str, ...], tmp_path: pathlib.Path, key: pathlib.Path
) -> None:
    pytest.importorskip(f"aicr_{deployer}")
    bundle = signed(tmp_path / "b", key, "--deployer", deployer, *more)
    build = statement_of(bundle)["predicate"]["buildDefinition"]
    assert build["internalParameters"]["deployer"] == deployer
    uris = [item.get("uri", "") for item in build["resolvedDependencies"]]
    assert any(uri.startswith(f"pkg:pypi/aicr-{deployer}@") for uri in uris)
    status, report, err = verified(bundle, "--key", f"{key}.pub")
    assert (status, report["coverage"], err) == (0, "inventory", "")


def test_charts_that_are_brought_along_are_named() -> None:
    from aicr_core.engine.attestation import statement
    from aicr_core.engine.bundles import File
    from aicr_core.model.bundle import Artifact, BundlePlan, Release

    chart = Artifact(path="charts/c-1.0.0.tgz", data=b"chart")
    release = Release(name="csi", kind="helm", values={}, archive=chart)
    plan = BundlePlan(
        releases=(release,), recipe={}, recipe_version="", tool_version="1.2.3", criteria={}, constraints=(),
        options={},
    )  # fmt: skip
    files = [File(name, name.encode(), 0o600, "x") for name in ("recipe.yaml", "checksums.txt")]
    said = json.loads(statement(files, plan, "helm", [], "me"))
    digest = hashlib.sha256(b"chart").hexdigest()
    dependencies = said["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert {"name": "csi/charts/c-1.0.0.tgz", "digest": {"sha256": digest}} in dependencies


def test_an_unsigned_bundle_replaces_a_signed_one_whole(
    tmp_path: pathlib.Path, key: pathlib.Path
) -> None:
    signed(tmp_path / "b", key)
    assert write_bundle(tmp_path / "b")[0] == 0
    assert not (tmp_path / "b/attestation").exists()
    assert verified(tmp_path / "b")[0] == 0


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--signing-key", "KEY"], 2, "add --attest"),
        (["--identity-token", "x"], 2, "add --attest"),
        (["--attest", "--signing-key", "missing.pem"], 3, "there is no such key"),
        (["--attest", "--signing-key", "kms://x/y"], 2, "known: file"),
        (["--attest", "--signing-key", "KEY", "--identity-token", "x"], 2, "not both"),
        (["--attest", "--signing-key", "KEY.pub"], 2, "this is a public key"),
        (["--certificate-identity-regexp", ".*"], 2, "does not begin with"),
    ],
)
def test_what_cannot_be_signed_writes_nothing(
    tmp_path: pathlib.Path, key: pathlib.Path, words: list[str], status: int, says: str
) -> None:
    words = [word.replace("KEY", str(key)) for word in words]
    got, out, err = write_bundle(tmp_path / "b", *words)
    assert (got, out) == (status, "")
    assert says in err
    assert not (tmp_path / "b").exists()


def test_without_the_plugin_the_way_to_it_is_said(
    tmp_path: pathlib.Path, key: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed(tmp_path / "s", key)
    monkeypatch.setenv("AICR_DISABLE_PLUGINS", "local-key")
    status, _, err = write_bundle(tmp_path / "b", "--attest", "--signing-key", key)
    assert status == 3
    assert "no plugin is installed that signs with a key" in err
    assert "aicr-local-key" in err
    status, _, err = aicr("verify", tmp_path / "s", "--key", f"{key}.pub")
    assert status == 3
    assert "no plugin is installed that verifies with a key" in err
    status, _, err = aicr("key", "generate", "-o", tmp_path / "k")
    assert status == 3
    assert "it comes with aicr-local-key" in err


def test_what_becomes_public_is_asked_first(
    tmp_path: pathlib.Path, key: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who says no has published, and written, nothing."""
    import attrs
    from aicr_local_key import hooks

    from aicr_core.app.bundle import write_bundle as write
    from aicr_core.app.bundle_request import BundleRequest

    (signer,) = hooks.aicr_signers()
    loud = attrs.evolve(signer, publishes="your name", open="nowhere:open")
    monkeypatch.setattr("aicr_core.app.signers._all", lambda _environment: [("probe", loud)])
    (tmp_path / "r.yaml").write_text(to_yaml(RECIPE))
    asked: list[str] = []
    request = BundleRequest(
        str(tmp_path / "r.yaml"), str(tmp_path / "b"), attest=True, signing_key=str(key)
    )

    def no(text: str) -> bool:
        asked.append(text)
        return False

    with pytest.raises(AicrError, match="not signed, as you wished"):
        write(environment(), request, None, no)
    assert asked == ["your name"]
    assert not (tmp_path / "b").exists()
    # With --yes nobody is asked, and the signer's turn comes.
    with pytest.raises(AicrError, match="which is not there"):
        write(environment(), request._replace(yes=True), None, no)
    assert len(asked) == 1


# --- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("criteria", "text"),
    [
        ({}, "criteria(any)"),
        ({"service": "any", "os": "", "nodes": 0}, "criteria(any)"),
        (
            {"nodes": 8, "os": "ubuntu", "service": "eks"},
            "criteria(service=eks, os=ubuntu, nodes=8)",
        ),
        ({"zone": "b", "service": "eks"}, "criteria(service=eks, zone=b)"),
    ],
)
def test_criteria_in_one_line(criteria: dict[str, Any], text: str) -> None:
    assert criteria_text(criteria) == text


REPOSITORY = "https://host.example/team/repo/"


@pytest.mark.parametrize(
    "pattern",
    [
        REPOSITORY, f"^{REPOSITORY}.*", r"https://host\.example/team/repo/x@refs/tags/.+", f"{REPOSITORY}(a|b)",
        f"{REPOSITORY}[|]x", rf"{REPOSITORY}a\|b", f"{REPOSITORY}[]|]x", f"{REPOSITORY}[^]|]x$",
    ],
)  # fmt: skip
def test_patterns_that_may_be(pattern: str) -> None:
    check_pattern(pattern, REPOSITORY)


@pytest.mark.parametrize(
    "pattern",
    [
        "", ".*", "https://host.example/team/", f".*{REPOSITORY}", f"({REPOSITORY}|.*)", f"{REPOSITORY}|.*",
        f"{REPOSITORY}a|b", f"{REPOSITORY}(a)|b", f"{REPOSITORY}[]]|b", f"{REPOSITORY}?evil", f"{REPOSITORY}*",
        f"{REPOSITORY}{{0,1}}x", f"{REPOSITORY}(", f"{REPOSITORY}[", "https://hostXexample/team/repo/x",
        f"{REPOSITORY}{'(' * 5000}", f"{REPOSITORY}(?#()|.*", f"{REPOSITORY}(?x:#(\n)|.*",
        f"{REPOSITORY}(?ix-s:#(\n)|.*", f"{REPOSITORY}(?x:[#]()#(\n)|.*",
    ],
)  # fmt: skip
def test_patterns_that_would_let_others_in(pattern: str) -> None:
    with pytest.raises(AicrError, match="certificate-identity-regexp"):
        check_pattern(pattern, REPOSITORY)


def test_a_wheel_has_one_digest_wherever_it_is_installed(tmp_path: pathlib.Path) -> None:
    ours = 'a_b/x.py,sha256=aa,3\n"a_b/odd,name.py",sha256=bb,4\na_b-1.0.dist-info/METADATA,sha256=cc,5\n'
    for folder, more in (
        ("one", ""),
        ("two", "a_b/__pycache__/x.pyc,,\n../../../bin/ab,sha256=dd,9\na_b-1.0.dist-info/INSTALLER,sha256=ee,4\n"
                "a_b-1.0.dist-info/RECORD,,\n"),
    ):  # fmt: skip
        info = tmp_path / folder / "a_b-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Name: A.b\nVersion: 1.0\n")
        (info / "RECORD").write_text(more + ours)
    one, two = (records.installed({"a-b"}, [str(tmp_path / name)]) for name in ("one", "two"))
    assert one == two == [records.Installed("a-b", "1.0", one[0].sha256)]
    assert len(one[0].sha256) == 64
    changed = tmp_path / "two/a_b-1.0.dist-info"
    (changed / "RECORD").write_text(ours.replace("=aa", "=ab"))
    assert records.installed({"a-b"}, [str(tmp_path / "two")]) != one
    (changed / "direct_url.json").write_text('{"dir_info": {"editable": true}, "url": "file:///x"}')
    assert records.installed({"a_b"}, [str(tmp_path / "two")])[0].sha256 == ""
    assert records.installed({"missing"}, [str(tmp_path / "two"), str(tmp_path / "three")]) == []
