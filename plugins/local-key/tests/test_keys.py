"""Keys: which are taken, which are refused and why; what is signed with one is verified with it and no other."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import subprocess
from typing import Any

import pytest
from aicr_local_key.keys import PASSWORD, fingerprint, generate, read_private, read_public
from aicr_local_key.signer import open_key, verify
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from trust_lab import aicr

from aicr_core.api import AicrError, Context, Settings, Trust, dsse_message

KIND = "application/vnd.in-toto+json"


def context(key: str = "", **env: str) -> Context:
    return Context(settings=Settings.from_env(env), options={"key": key})


def pem(key: Any, password: bytes = b"", form: Any = serialization.PrivateFormat.PKCS8) -> bytes:
    encryption: Any = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password)
    data: bytes = key.private_bytes(serialization.Encoding.PEM, form, encryption)
    return data


def public_pem(key: Any) -> bytes:
    data: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return data


def certificate() -> bytes:
    import datetime

    key = ec.generate_private_key(ec.SECP256R1())
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(x509.Name([]))
        .public_key(key.public_key()).serial_number(1).not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    return made.public_bytes(serialization.Encoding.PEM)


P256 = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


@pytest.mark.parametrize(
    "data",
    [
        pem(ED), pem(P256), pem(P256, form=serialization.PrivateFormat.TraditionalOpenSSL),
        b"# a comment before it\n" + pem(ED), certificate() + pem(ED),
        b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        + pem(P256, form=serialization.PrivateFormat.TraditionalOpenSSL), pem(ED, b"secret"),
        pem(P256, b"secret", serialization.PrivateFormat.TraditionalOpenSSL),
    ],
)  # fmt: skip
def test_keys_that_sign(data: bytes, tmp_path: pathlib.Path) -> None:
    """In any usual form; with a password in the environment also where the key needs none."""
    (tmp_path / "key").write_bytes(data)
    signing = open_key(context(str(tmp_path / "key"), **{PASSWORD: "secret"}))
    made = signing.sign(b"{}", KIND)
    key = read_private(str(tmp_path / "key"), {PASSWORD: "secret"})
    trust = Trust(key=public_pem(key))
    found = verify(context(), made, trust)
    assert (found.payload, found.payload_type, found.issuer) == (b"{}", KIND, "")
    assert found.identity == signing.identity == fingerprint(key.public_key())
    assert signing.sign(b"{}", KIND) == made, "the same bytes again"


@pytest.mark.parametrize(
    ("data", "password", "says"),
    [
        (pem(ED, b"secret"), "", "the key is encrypted"),
        (pem(ED, b"secret"), "wrong", f"the password in ${PASSWORD} does not open it"),
        (pem(P256, b"secret", serialization.PrivateFormat.TraditionalOpenSSL), "", "encrypted"),
        (pem(rsa.generate_private_key(65537, 2048)), "", "RSA is not supported, only Ed25519 and ECDSA P-256"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "", "ECDSA secp384r1 is not supported"),
        (pem(ed448.Ed448PrivateKey.generate()), "", "Ed448 is not supported"),
        (public_pem(ED), "", "this is a public key, not a private key"),
        (certificate(), "", "this is a certificate, not a private key"),
        (b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n", "x", 'a "ENCRYPTED SIGSTORE PRIVATE KEY" is no key'),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "", 'a "OPENSSH PRIVATE KEY" is no key'),
        (b"", "", "no private key in PEM"),
        (b"\x00\xff" * 100, "", "no private key in PEM"),
        (b"\x00\xff" * 100, "secret", "no private key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "", "no private key in PEM"),
        (pem(ED)[:60], "secret", "no private key in PEM"),
        (b"x" * 100_000, "", "too large"),
    ],
    ids=itertools.count(),  # made keys are different in every process, and names of tests may not be
)  # fmt: skip
def test_keys_that_do_not(data: bytes, password: str, says: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "key").write_bytes(data)
    with pytest.raises(AicrError) as caught:
        open_key(context(str(tmp_path / "key"), **({PASSWORD: password} if password else {})))
    assert says in caught.value.message
    assert caught.value.exit_status == 2
    assert caught.value.where == str(tmp_path / "key")
    assert "secret" not in str(caught.value)


def test_places_that_hold_no_key(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, status in ((tmp_path / "missing", 3), (tmp_path, 2), (tmp_path / "fifo", 2)):
        with pytest.raises(AicrError) as caught:
            open_key(context(str(path)))
        assert caught.value.exit_status == status, path


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (pem(ED), "this is a private key, not a public key"), (certificate(), "this is a certificate"),
        (b"", "no public key"), (b"ssh-ed25519 AAAA x@y", "no public key"),
        (public_pem(rsa.generate_private_key(65537, 2048)), "RSA is not supported"),
        (public_pem(ED) + public_pem(P256), "more than one key"),
    ],
)  # fmt: skip
def test_public_keys_that_are_none(data: bytes, says: str) -> None:
    with pytest.raises(AicrError, match=says) as caught:
        read_public(data)
    assert caught.value.exit_status == 2


def _made(key: Any = ED) -> dict[str, Any]:
    import base64

    message = dsse_message(b"{}", KIND)
    signature = key.sign(message) if key is ED else key.sign(message, ec.ECDSA(hashes.SHA256()))
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "made elsewhere"}},
        "dsseEnvelope": {
            "payload": base64.b64encode(b"{}").decode(), "payloadType": KIND,
            "signatures": [{"sig": base64.b64encode(signature).decode()}],
        },
    }  # fmt: skip


@pytest.mark.parametrize("key", [ED, P256], ids=["ed25519", "p256"])
def test_signatures_made_elsewhere(key: Any) -> None:
    """Another tool's signature counts; its hint is only a hint."""
    document = _made(key)
    assert (
        verify(context(), json.dumps(document).encode(), Trust(key=public_pem(key))).payload
        == b"{}"
    )
    del document["verificationMaterial"]["publicKey"]["hint"]
    assert (
        verify(context(), json.dumps(document).encode(), Trust(key=public_pem(key))).payload
        == b"{}"
    )


def _changes() -> list[Any]:
    def put(*path: Any, value: Any) -> Any:
        def change(document: dict[str, Any]) -> None:
            place: Any = document
            for part in path[:-1]:
                place = place[part]
            place[path[-1]] = value

        return change

    envelope, signature = "dsseEnvelope", ("dsseEnvelope", "signatures")
    return [
        put(envelope, "payload", value="e30K"), put(envelope, "payload", value="!"), put(envelope, "payload", value=7),
        put(envelope, "payloadType", value="x"), put(envelope, "payloadType", value=["x"]),
        put(*signature, value=[]), put(*signature, value=[{"sig": "AAAA"}] * 2), put(*signature, value={"sig": "A"}),
        put(*signature, 0, "sig", value="AAAA"), put(*signature, 0, "sig", value="\u00e9"),
        put("mediaType", value="text/plain"), put("mediaType", value=None),
        put("verificationMaterial", "publicKey", value=[]), put("verificationMaterial", "publicKey", "hint", value=7),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(len(_changes())))
def test_signatures_that_are_changed(number: int) -> None:
    document = _made()
    _changes()[number](document)
    with pytest.raises(AicrError) as caught:
        verify(context(), json.dumps(document).encode(), Trust(key=public_pem(ED)))
    assert caught.value.exit_status == 4


def test_a_key_that_stands_twice_and_a_hint_without_end() -> None:
    """Verifiers do not agree which of two counts; and what nobody vouches for is not repeated at any length."""
    document = _made()
    text = json.dumps(document)
    twice = text.replace('"dsseEnvelope": {', '"dsseEnvelope": {"payload": "ZXZpbA==", ', 1)
    assert twice != text
    document["verificationMaterial"]["publicKey"]["hint"] = "A" * 100_000
    for data in (twice, json.dumps(document)):
        with pytest.raises(AicrError) as caught:
            verify(context(), data.encode(), Trust(key=public_pem(ED)))
        assert caught.value.exit_status == 4
        assert len(str(caught.value)) < 300


def test_another_kind_of_key() -> None:
    for signer, other in ((ED, P256), (P256, ED)):
        with pytest.raises(AicrError, match="has not signed it") as caught:
            verify(context(), json.dumps(_made(signer)).encode(), Trust(key=public_pem(other)))
        assert caught.value.exit_status == 4


def test_lengths_are_signed() -> None:
    """Type and payload cannot be moved into each other."""
    assert dsse_message(b"payload", "type") == b"DSSEv1 4 type 7 payload"
    assert dsse_message(b"", "é") == b"DSSEv1 2 \xc3\xa9 0 "


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256"])
def test_generate(kind: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = os.umask(0o077)
    try:
        status, out, _ = aicr("key", "generate", "-o", tmp_path / "k", "--type", kind)
    finally:
        os.umask(old)
    assert status == 0
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "k.pub").stat().st_mode & 0o777 == 0o644
    key = read_private(str(tmp_path / "k"), {})
    assert fingerprint(key.public_key()) == fingerprint(
        read_public((tmp_path / "k.pub").read_bytes())
    )
    assert fingerprint(key.public_key()) in out
    before = (tmp_path / "k").read_bytes()
    status, _, err = aicr("key", "generate", "-o", tmp_path / "k")
    assert (status, (tmp_path / "k").read_bytes()) == (2, before)
    assert "a key is never overwritten" in err
    (tmp_path / "k").unlink()
    assert aicr("key", "generate", "-o", tmp_path / "k")[0] == 2, "nor is the public one"
    assert aicr("key", "generate", "-o", tmp_path / "no/such/folder")[0] == 2
    monkeypatch.setenv(PASSWORD, "secret")
    assert aicr("key", "generate", "-o", tmp_path / "locked")[0] == 0
    assert b"ENCRYPTED" in (tmp_path / "locked").read_bytes()
    read_private(str(tmp_path / "locked"), {PASSWORD: "secret"})


def test_the_fingerprint_is_what_openssl_says(tmp_path: pathlib.Path) -> None:
    import shutil

    if shutil.which("openssl") is None:
        pytest.skip("no openssl is here to compare with")
    _, public, identity = generate("ed25519", "")
    (tmp_path / "p").write_bytes(public)
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", str(tmp_path / "p"), "-outform", "DER"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    import hashlib

    assert identity == f"sha256:{hashlib.sha256(der).hexdigest()}"


@pytest.mark.parametrize("key", [ED, P256], ids=["ed25519", "p256"])
def test_another_library_verifies_what_we_sign(key: Any, tmp_path: pathlib.Path) -> None:
    """securesystemslib, which TUF's and in-toto's own tools use, reads the envelope and the key."""
    dsse = pytest.importorskip("securesystemslib.dsse")
    from securesystemslib.signer import SSlibKey

    (tmp_path / "key").write_bytes(pem(key))
    made = json.loads(open_key(context(str(tmp_path / "key"))).sign(b'{"x":1}', KIND))[
        "dsseEnvelope"
    ]
    theirs = SSlibKey.from_crypto(key.public_key())
    for signature in made["signatures"]:
        signature["keyid"] = theirs.keyid
    envelope = dsse.Envelope.from_dict(made)
    assert list(envelope.verify([theirs], 1)) == [theirs.keyid]
    assert envelope.payload == b'{"x":1}'
    envelope.payload = b'{"x":2}'
    with pytest.raises(Exception, match="do not match threshold"):
        envelope.verify([theirs], 1)
