"""Verifying certificates' signatures: what a hostile attestation can say, and who is who."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import re
from typing import Any

import pytest
from aicr_sigstore import hooks, roots
from aicr_sigstore.identity import Policy, issuer_of, name_of
from aicr_sigstore.verifier import check
from mini_sigstore import ISSUER, MiniSigstore
from sigstore.errors import VerificationError
from trust_lab import ATTESTATION, TOOL, aicr, verified, write_bundle

from aicr_core.api import AicrError, Settings, Trust

DIGEST = "ab" * 32
WORKFLOW = f"{hooks.REPOSITORY}.github/workflows/on-tag.yaml@refs/tags/v0.11.1"
OURS = "https://aicr.run/bundle/v1"
THEIRS = "https://example.com/bundle/v1"


def statement(
    subject: str, build_type: str = OURS, version: str = "v0.11.1", tool: str = DIGEST
) -> bytes:
    return json.dumps({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "checksums.txt", "digest": {"sha256": subject}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {
            "buildType": build_type, "internalParameters": {"toolVersion": version},
            "resolvedDependencies": [{"uri": "x"}, {"uri": "file:///aicr", "digest": {"sha256": tool}}],
        }},
    }).encode()  # fmt: skip


@pytest.fixture
def bundle(tmp_path: pathlib.Path) -> pathlib.Path:
    """A bundle that nobody signed yet."""
    assert write_bundle(tmp_path / "b")[0] == 0
    (tmp_path / "b/attestation").mkdir()
    return tmp_path / "b"


def subject(bundle: pathlib.Path) -> str:
    return hashlib.sha256((bundle / "checksums.txt").read_bytes()).hexdigest()


def put(bundle: pathlib.Path, path: str, data: bytes) -> None:
    (bundle / path).write_bytes(data)
    (bundle / path).chmod(0o600)


def full(
    bundle: pathlib.Path, mini: MiniSigstore, name: str = WORKFLOW, issuer: str = hooks.ISSUER
) -> None:
    """Sign the bundle as a person, and its tool as ``name``."""
    made = mini.bundle(statement(subject(bundle), THEIRS), mini.leaf("dev@example.com"))
    put(bundle, ATTESTATION, made)
    put(bundle, TOOL, mini.bundle(statement(DIGEST), mini.leaf(name, issuer)))


def test_a_signed_tool(bundle: pathlib.Path, mini: MiniSigstore, root: pathlib.Path) -> None:
    full(bundle, mini)
    status, report, err = verified(bundle, "--trust-root", root)
    assert (status, err) == (0, "")
    assert (report["trustLevel"], report["identityPinned"]) == ("verified", True)
    assert report["binaryBuilder"] == WORKFLOW
    status, out, _ = aicr("verify", bundle, "--trust-root", root)
    assert f"✓ the tool is signed by {WORKFLOW}" in out
    (bundle / TOOL).unlink()
    assert verified(bundle, "--trust-root", root)[0] == 2, "another tool's bundle has to bring it"


@pytest.mark.parametrize(
    ("name", "issuer", "says"),
    [
        (WORKFLOW, "https://evil.example", "vouches for it, not"),
        (WORKFLOW.replace("on-tag", "on-push"), hooks.ISSUER, "does not match as a whole"),
        (WORKFLOW.replace("refs/tags", "refs/heads"), hooks.ISSUER, "does not match as a whole"),
        (f"https://evil.example/?x={WORKFLOW}", hooks.ISSUER, "not below"),
        (WORKFLOW.replace("github.com", "githubXcom"), hooks.ISSUER, "not below"),
        ("dev@example.com", hooks.ISSUER, "not below"),
    ],
)
def test_a_tool_of_somebody_else(
    name: str, issuer: str, says: str, bundle: pathlib.Path, mini: MiniSigstore, root: pathlib.Path
) -> None:
    full(bundle, mini, name, issuer)
    status, report, _ = verified(bundle, "--trust-root", root)
    assert (status, report["trustLevel"], report["binaryAttested"]) == (2, "attested", False)
    assert says in report["errors"][0]


def test_a_pattern_of_the_user_is_matched_whole(
    bundle: pathlib.Path, mini: MiniSigstore, root: pathlib.Path
) -> None:
    full(bundle, mini, WORKFLOW.replace("on-tag", "on-push"))
    pattern = f"{hooks.REPOSITORY}.github/workflows/on-push.yaml@refs/tags/"
    words = ["--trust-root", root, "--certificate-identity-regexp"]
    assert verified(bundle, *words, pattern)[0] == 2, "a part of it is not enough"
    assert verified(bundle, *words, f"{pattern}.*")[0] == 0
    # Written so that it compiles to more than it seems: what the name begins with is compared as text besides.
    full(bundle, mini, WORKFLOW.replace("github.com", "githubXcom"))
    assert verified(bundle, *words, f"{hooks.REPOSITORY}.*")[0] == 2


def test_a_tool_of_another_digest(
    bundle: pathlib.Path, mini: MiniSigstore, root: pathlib.Path
) -> None:
    full(bundle, mini)
    put(bundle, TOOL, mini.bundle(statement("cd" * 32), mini.leaf(WORKFLOW, hooks.ISSUER)))
    status, report, _ = verified(bundle, "--trust-root", root)
    assert (status, report["errors"]) == (2, [f"{TOOL}: it is signed for another tool"])


def test_a_bundle_of_ours_has_no_signed_tool_to_bring(
    bundle: pathlib.Path, mini: MiniSigstore, root: pathlib.Path
) -> None:
    """What can be no more than attested passes by default as that; a larger demand is still kept."""
    put(bundle, ATTESTATION, mini.bundle(statement(subject(bundle)), mini.leaf("dev@example.com")))
    assert verified(bundle, "--trust-root", root)[0] == 0
    assert verified(bundle, "--trust-root", root, "--min-trust-level", "verified")[0] == 2


def test_development_versions_cannot_be_compared(
    bundle: pathlib.Path, mini: MiniSigstore, root: pathlib.Path
) -> None:
    made = mini.bundle(statement(subject(bundle), version="dev"), mini.leaf("dev@example.com"))
    put(bundle, ATTESTATION, made)
    words = ["--trust-root", root, "--cli-version-constraint", "0.8.0"]
    status, out, err = aicr("verify", bundle, "--format", "json", *words)
    assert (status, out) == (2, "")
    assert '"dev" is no version' in err


def test_a_key_was_asked_for(
    bundle: pathlib.Path, mini: MiniSigstore, root: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    pytest.importorskip("aicr_local_key")
    full(bundle, mini)
    assert aicr("key", "generate", "-o", tmp_path / "k")[0] == 0
    status, report, _ = verified(bundle, "--trust-root", root, "--key", tmp_path / "k.pub")
    assert (status, report["trustLevel"]) == (2, "unknown")
    assert "--key asks for that very key" in report["errors"][0]


# --- signatures -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trusted(mini: MiniSigstore) -> Any:
    return roots.parse(json.dumps(mini.trusted_root()).encode(), "x")


def test_what_holds(mini: MiniSigstore, trusted: Any) -> None:
    found = check(mini.bundle(b'{"_type":1}', mini.leaf(WORKFLOW)), Trust(), trusted)
    assert (found.payload, found.identity, found.issuer) == (b'{"_type":1}', WORKFLOW, ISSUER)


def _refused(data: bytes, trusted: Any) -> str:
    with pytest.raises(AicrError) as caught:
        check(data, Trust(), trusted)
    assert caught.value.exit_status == 4
    assert "\n" not in caught.value.message
    return caught.value.message


def test_an_expired_certificate(mini: MiniSigstore, trusted: Any) -> None:
    """It has to have been good at the time that the log says, not now."""
    old = mini.leaf("dev@example.com", at=mini.now - 7200)
    _refused(mini.bundle(b"{}", old), trusted)
    assert check(mini.bundle(b"{}", old, at=mini.now - 7100), Trust(), trusted).payload == b"{}"


def test_another_authority(mini: MiniSigstore, trusted: Any) -> None:
    other = MiniSigstore()
    _refused(other.bundle(b"{}", other.leaf("dev@example.com")), trusted)
    # A good certificate, and a log entry of a log that nobody knows.
    _refused(other.bundle(b"{}", mini.leaf("dev@example.com")), trusted)
    _refused(mini.bundle(b"{}", other.leaf("dev@example.com")), trusted)


def test_whatever_is_changed_in_it(mini: MiniSigstore, trusted: Any) -> None:
    """Every text and number of the file, one after another, and every field left out."""
    whole = json.loads(mini.bundle(b'{"_type":1}', mini.leaf("dev@example.com")))

    places: list[tuple[Any, ...]] = []

    def walk(value: Any, path: tuple[Any, ...]) -> None:
        if path:
            places.append(path)
        for key, item in (
            value.items()
            if isinstance(value, dict)
            else enumerate(value)
            if isinstance(value, list)
            else ()
        ):
            walk(item, (*path, key))

    walk(whole, ())
    assert len(places) > 20
    for path in places:
        for change in ("drop", "other"):
            document = json.loads(json.dumps(whole))
            place = document
            for part in path[:-1]:
                place = place[part]
            if change == "drop":
                del place[path[-1]]
            elif isinstance(place[path[-1]], str):
                text = place[path[-1]]
                place[path[-1]] = (
                    "7" if text.isdecimal() and text != "7" else base64.b64encode(b"other").decode()
                )
            else:
                place[path[-1]] = 7
            try:
                found = check(json.dumps(document).encode(), Trust(), trusted)
            except AicrError as error:
                assert error.exit_status == 4, path
            else:
                raise AssertionError(f"{change} {path} is accepted: {found}")


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000, b'{"mediaType": "x"}']
)
def test_what_is_no_bundle_at_all(data: bytes, trusted: Any) -> None:
    _refused(data, trusted)


# --- names and roots ------------------------------------------------------------------------------


def test_names(mini: MiniSigstore) -> None:
    for name in ("dev@example.com", WORKFLOW):
        certificate = mini.leaf(name).certificate
        assert (name_of(certificate), issuer_of(certificate)) == (name, ISSUER)


def test_a_policy_asks_for_everything_it_is_told(mini: MiniSigstore) -> None:
    certificate = mini.leaf(WORKFLOW, hooks.ISSUER).certificate
    signer = next(iter(hooks.aicr_signers()))
    trust = Trust(
        identity=signer.tool_identity, prefix=signer.tool_repository, issuer=signer.tool_issuer
    )
    Policy(trust).verify(certificate)
    Policy(Trust()).verify(certificate)
    for wrong in (
        Trust(identity=WORKFLOW[:-1]),
        Trust(prefix="x"),
        Trust(issuer="x"),
        Trust(identity="^$"),
    ):
        with pytest.raises(VerificationError):
            Policy(wrong).verify(certificate)


def test_the_pinned_identity_is_a_pattern_of_its_repository() -> None:
    from aicr_core.engine.identity import check_pattern

    signer = next(iter(hooks.aicr_signers()))
    check_pattern(signer.tool_identity, signer.tool_repository)
    assert re.fullmatch(signer.tool_identity, WORKFLOW)


def test_the_root_that_is_shipped() -> None:
    """B-32: the public instance's root is there without a network; its certificates are those of that instance."""
    names = {
        certificate.issuer.rfc4514_string() for certificate in roots.shipped().get_fulcio_certs()
    }
    assert any("sigstore.dev" in name for name in names)


def test_which_root_counts(mini: MiniSigstore, tmp_path: pathlib.Path) -> None:
    """The user's own, else the one that was fetched, else the shipped one."""
    settings = Settings.from_env({"XDG_CONFIG_HOME": str(tmp_path)})

    def first(given: bytes = b"") -> str:
        root = roots.trusted_root(given, settings)
        return root.get_fulcio_certs()[0].issuer.rfc4514_string()

    assert "sigstore.dev" in first()
    path = pathlib.Path(roots.updated_path(settings))
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(mini.trusted_root()))
    assert first() == "CN=mini-ca,O=mini"
    path.write_text("{}")
    assert first(json.dumps(mini.trusted_root()).encode()) == "CN=mini-ca,O=mini"
    with pytest.raises(AicrError, match="no trusted root") as caught:
        first()
    assert (caught.value.exit_status, caught.value.where) == (2, str(path))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"null", b'{"trustedRoot": 7}', b"\xff", b"-----BEGIN"]
)
def test_roots_that_are_none(
    data: bytes, bundle: pathlib.Path, mini: MiniSigstore, tmp_path: pathlib.Path
) -> None:
    full(bundle, mini)
    (tmp_path / "bad.json").write_bytes(data or b" ")
    status, out, err = aicr("verify", bundle, "--trust-root", tmp_path / "bad.json")
    assert (status, out) == (2, "")
    assert "no trusted root" in err


# --- aicr trust update ----------------------------------------------------------------------------


def test_update_without_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    import socket

    def away(*_arguments: Any, **_more: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", away)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    status, out, err = aicr("trust", "update", "-o", tmp_path / "root.json")
    assert (status, out) == (6, "")
    assert err.startswith("[SERVICE_UNAVAILABLE] cannot fetch the trusted root: ")
    assert not (tmp_path / "root.json").exists()


def test_update_writes_what_verify_reads(
    services: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """The fetching itself (TUF) is the library's; what comes of it is written whole, where verify looks."""
    from sigstore.models import ClientTrustConfig

    fetched = ClientTrustConfig.from_json(json.dumps(services.config()))
    monkeypatch.setattr(ClientTrustConfig, "production", classmethod(lambda cls: fetched))
    status, out, err = aicr("trust", "update")
    assert (status, err) == (0, "")
    assert "1 certificate authorities, 1 logs of signatures" in out
    import os

    settings = Settings.from_env(os.environ)
    path = pathlib.Path(roots.updated_path(settings))
    try:
        root = roots.trusted_root(b"", settings)
        assert root.get_fulcio_certs()[0].issuer.rfc4514_string() == "CN=mini-ca,O=mini"
    finally:
        path.unlink()
    (tmp_path / "file").write_text("x")
    assert aicr("trust", "update", "-o", tmp_path / "file/root.json")[0] == 2


def test_an_update_follows_no_link_that_waits_for_it(
    services: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """In a folder that others write too, a name that can be foreseen could be a link to a file of ours."""
    import os

    from sigstore.models import ClientTrustConfig

    fetched = ClientTrustConfig.from_json(json.dumps(services.config()))
    monkeypatch.setattr(ClientTrustConfig, "production", classmethod(lambda cls: fetched))
    mine, shared = tmp_path / "mine", tmp_path / "shared"
    mine.write_text("mine")
    shared.mkdir()
    for name in (f"root.json.{os.getpid()}.tmp", "root.json.tmp"):
        (shared / name).symlink_to(mine)
    assert aicr("trust", "update", "-o", shared / "root.json")[0] == 0
    assert mine.read_text() == "mine"
    assert (shared / "root.json").stat().st_mode & 0o777 == 0o644
    (shared / "folder").mkdir()
    assert aicr("trust", "update", "-o", shared / "folder")[0] == 2
    assert sorted(p.name for p in shared.iterdir() if "trusted" in p.name) == []
