"""Signing without a key, from end to end, against services of our own on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import pty
import subprocess
import sys

import pytest
from mini_sigstore import ISSUER, Services, token
from trust_lab import ATTESTATION, RECIPE, statement_of, verified, write_bundle

from aicr_core.kit.emit import to_yaml


def test_signed_for_a_person(
    services: Services, config: pathlib.Path, root: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    words = ["--attest", "--signing-config", config, "--identity-token", token("dev@example.com")]
    status, _, err = write_bundle(tmp_path / "b", *words)
    assert status == 0, err
    assert "Your name" in err, "what becomes public is said, also where nobody can answer"
    assert services.asked == ["/api/v2/signingCert", "/api/v1/log/entries"]
    services.asked.clear()
    asked = [
        "--trust-root",
        root,
        "--require-creator",
        "dev@example.com",
        "--require-issuer",
        ISSUER,
    ]
    status, report, err = verified(tmp_path / "b", *asked, "--min-trust-level", "attested")
    assert (status, err) == (0, "")
    assert (report["trustLevel"], report["bundleCreator"]) == ("attested", "dev@example.com")
    assert report["bundleIssuer"] == ISSUER
    assert statement_of(tmp_path / "b")["predicate"]["runDetails"]["builder"] == {
        "id": "dev@example.com"
    }
    assert services.asked == [], "verifying asks nobody"
    # The root of the services' own configuration is as good as the bare one.
    assert verified(tmp_path / "b", "--trust-root", config)[0] == 0
    for more in (["--require-creator", "DEV@example.com"], ["--require-issuer", f"{ISSUER}/"]):
        assert verified(tmp_path / "b", "--trust-root", root, *more)[0] == 2
    # The public root, which is the default, knows nothing of these services.
    status, report, _ = verified(tmp_path / "b")
    assert status == 2
    assert "its certificate is not of the trusted root" in report["errors"][0]
    assert "aicr trust update" in report["errors"][0]


def test_signed_for_a_workflow(
    services: Services, config: pathlib.Path, root: pathlib.Path, tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The CI gives the token: nobody has to say who he is."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{services.url}/token?x=1")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer")
    status, _, err = write_bundle(tmp_path / "b", "--attest", "--signing-config", config)
    assert status == 0, err
    name = "https://git.example/team/repo/.ci/build.yaml@refs/heads/main"
    assert verified(tmp_path / "b", "--trust-root", root)[1]["bundleCreator"] == name


def test_a_token_in_the_environment(
    config: pathlib.Path,
    root: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AICR_IDENTITY_TOKEN", token("env@example.com"))
    assert write_bundle(tmp_path / "b", "--attest", "--signing-config", config, "--yes")[0] == 0
    words = ["--trust-root", root, "--require-creator", "env@example.com"]
    assert verified(tmp_path / "b", *words)[0] == 0


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ("", 2, "nobody is here to sign in"),
        ("garbage", 4, "the identity token cannot be used"),
        (token("a@b", audience="other"), 4, "the identity token cannot be used"),
        (token("a@b", expires=-600), 4, "the identity token cannot be used"),
    ],
)
def test_nobody_to_sign(
    given: str,
    status: int,
    says: str,
    services: Services,
    config: pathlib.Path,
    tmp_path: pathlib.Path,
) -> None:
    words = ["--identity-token", given] if given else []
    got, _, err = write_bundle(tmp_path / "b", "--attest", "--signing-config", config, *words)
    assert got == status, err
    assert says in err
    assert services.asked == []
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("path", "http", "status"),
    [
        ("/api/v2/signingCert", 400, 4), ("/api/v2/signingCert", 503, 6), ("/api/v1/log/entries", 500, 6),
        ("/api/v1/log/entries", 403, 4),
    ],
)  # fmt: skip
def test_services_that_refuse(
    path: str,
    http: int,
    status: int,
    services: Services,
    config: pathlib.Path,
    tmp_path: pathlib.Path,
) -> None:
    """Nothing is written, whichever service it is."""
    services.refuse[path] = http
    words = ["--attest", "--signing-config", config, "--identity-token", token("dev@example.com")]
    got, _, err = write_bundle(tmp_path / "b", *words)
    assert got == status, err
    assert services.asked[-1] == path
    assert not (tmp_path / "b").exists()


def test_services_that_are_away(services: Services, tmp_path: pathlib.Path) -> None:
    document = services.config()
    for service in ("caUrls", "rekorTlogUrls"):
        document["signingConfig"][service] = [
            {**document["signingConfig"][service][0], "url": "http://127.0.0.1:9"}
        ]
    (tmp_path / "c.json").write_text(json.dumps(document))
    words = ["--signing-config", tmp_path / "c.json", "--identity-token", token("dev@example.com")]
    status, _, err = write_bundle(tmp_path / "b", "--attest", *words)
    assert status == 6
    assert "with one it needs no network: --signing-key FILE" in err
    assert not (tmp_path / "b").exists()


def test_services_that_nobody_would_trust(services: Services, tmp_path: pathlib.Path) -> None:
    """What is signed is verified before it is written: here the log signs with a key that the root does not know."""
    from mini_sigstore import MiniSigstore

    document = services.config()
    document["trustedRoot"]["tlogs"] = MiniSigstore().trusted_root()["tlogs"]
    (tmp_path / "c.json").write_text(json.dumps(document))
    words = ["--signing-config", tmp_path / "c.json", "--identity-token", token("dev@example.com")]
    status, _, err = write_bundle(tmp_path / "b", "--attest", *words)
    assert status == 4, err
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"mediaType": "x"}', "\x00"])
def test_configurations_that_are_none(text: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "c.json").write_text(text)
    words = ["--signing-config", tmp_path / "c.json", "--identity-token", token("dev@example.com")]
    status, _, err = write_bundle(tmp_path / "b", "--attest", *words)
    assert status == 2, err
    assert "no client trust configuration" in err
    words[1] = tmp_path / "missing.json"
    assert write_bundle(tmp_path / "b", "--attest", *words)[0] == 3


def test_the_attestation_is_the_only_difference(
    config: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    words = ["--attest", "--signing-config", config, "--identity-token", token("dev@example.com")]
    assert write_bundle(tmp_path / "b", *words)[0] == 0
    assert (tmp_path / "b" / ATTESTATION).stat().st_mode & 0o777 == 0o600
    assert "attestation" not in (tmp_path / "b/checksums.txt").read_text()
    assert "attestation" not in (tmp_path / "b/inventory.json").read_text()


@pytest.mark.parametrize(("answer", "status"), [("n", 9), ("", 9), ("y", 0)])
def test_a_person_is_asked(
    answer: str, status: int, services: Services, config: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """On a real terminal: nothing is asked of the services, or written, before a yes."""
    (tmp_path / "recipe.yaml").write_text(to_yaml(RECIPE))
    words = [
        sys.executable, "-m", "aicr_core", "bundle", "-r", "recipe.yaml", "-o", "b", "--attest",
        "--signing-config", str(config), "--identity-token", token("dev@example.com"),
    ]  # fmt: skip
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        words, cwd=tmp_path, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, start_new_session=True
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(ours, 4096)
    assert services.asked == []
    assert "public logs" in shown.decode().replace("\r\n", " ")
    os.write(ours, f"{answer}\n".encode())
    with contextlib.suppress(OSError):
        while True:
            shown += os.read(ours, 4096) or b""
    assert process.wait(60) == status, shown
    os.close(ours)
    assert bool(services.asked) is (status == 0)
    assert (tmp_path / "b").exists() is (status == 0)
