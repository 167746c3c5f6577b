"""A bundle is a closed world: whatever is changed in it is seen, and said in one line; and policies are kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trust_lab import (
    ATTESTATION,
    TOOL,
    aicr,
    copied,
    make_key,
    verified,
    write_bundle,
    write_recipe,
)

_KEYS = st.sampled_from([
    "_type", "predicateType", "predicate", "subject", "digest", "sha256", "buildDefinition", "resolvedDependencies",
    "internalParameters", "toolVersion", "verificationMaterial", "publicKey", "certificate", "dsseEnvelope", "path",
    "size", "mode",
])  # fmt: skip

pytest.importorskip("aicr_local_key")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with the bundle ``plain``, the same one signed, ``signed``, and the keys ``key``, ``other``."""
    folder = tmp_path_factory.mktemp("lab")
    make_key(folder / "key")
    make_key(folder / "other")
    assert write_bundle(folder / "plain")[0] == 0
    assert write_bundle(folder / "signed", "--attest", "--signing-key", folder / "key")[0] == 0
    return folder


@pytest.fixture
def bundle(lab: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of the unsigned bundle."""
    return copied(lab / "plain", tmp_path / "bundle")


def relist(bundle: pathlib.Path) -> None:
    """Write checksums.txt for what is there now, inventory and all, as somebody who covers up would."""
    paths = sorted(p for p in bundle.rglob("*") if p.is_file() and p.name != "checksums.txt")
    lines = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(bundle)}\n" for p in paths
    ]
    (bundle / "checksums.txt").write_text("".join(lines))


# --- integrity ------------------------------------------------------------------------------------


def test_a_whole_bundle_passes(bundle: pathlib.Path) -> None:
    status, report, err = verified(bundle)
    assert (status, err) == (0, "")
    assert report["trustLevel"] == "unverified"
    assert report["coverage"] == "inventory"
    files = sum(1 for path in bundle.rglob("*") if path.is_file())
    assert report["checksumFiles"] == files - 1
    assert "errors" not in report


CHANGES = ("flip", "append", "truncate", "remove", "rename", "add", "link", "chmod", "fifo", "swap")


@settings(
    max_examples=60, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data())
def test_any_change_is_seen(data: st.DataObject, lab: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Whatever file of the bundle, whatever is done to it: it is named, and the exit status is 4."""
    target = tmp_path / "changed"
    if target.exists():
        shutil.rmtree(target)
    copied(lab / "plain", target)
    files = sorted(path for path in target.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    before = path.read_bytes()
    change = data.draw(st.sampled_from(CHANGES))
    if change == "flip":
        place = data.draw(st.integers(0, len(before) - 1))
        bit = 1 << data.draw(st.integers(0, 7))
        path.write_bytes(before[:place] + bytes([before[place] ^ bit]) + before[place + 1 :])
    elif change == "append":
        # Blank lines at the end of the list change nothing that it says.
        path.write_bytes(before + b"x")
    elif change == "truncate":
        path.write_bytes(before[: data.draw(st.integers(0, len(before) - 2))])
    elif change == "remove":
        path.unlink()
    elif change == "rename":
        path.rename(path.with_name(f"{path.name}.bak"))
    elif change == "add":
        path.with_name(data.draw(st.sampled_from([".hidden", "evil.yaml", "z" * 200]))).write_text(
            "x"
        )
    elif change == "link":
        elsewhere = tmp_path / "elsewhere"
        elsewhere.write_bytes(before)
        path.unlink()
        path.symlink_to(elsewhere)
    elif change == "chmod":
        path.chmod(path.stat().st_mode ^ data.draw(st.sampled_from([0o001, 0o020, 0o100, 0o4000])))
        if path.stat().st_mode == (lab / "plain" / path.relative_to(target)).stat().st_mode:
            return  # this file system, or this user, cannot set it
    elif change == "fifo":
        path.unlink()
        os.mkfifo(path)
    else:
        other = data.draw(st.sampled_from([item for item in files if item != path]))
        if other.read_bytes() == before:
            return
        path.write_bytes(other.read_bytes())
    status, report, err = verified(target)
    if path.name == "checksums.txt" and status == 0:
        # A bit that makes a blank of a line end, or of a digest's case, says the same.
        before_lines = before.decode().split()
        assert (target / "checksums.txt").read_text("utf-8").split() == before_lines
        return
    assert status == 4, (change, path)
    assert report["trustLevel"] == "unknown"
    assert report["errors"]
    assert err.startswith("[UNAUTHORIZED] ")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a", "link"),
        ("a", "folder link"),
        ("a/b", "socket"),
        (".git/config", "file"),
        ("data", "file"),
    ],
)
def test_what_no_list_names_is_refused(bundle: pathlib.Path, path: str, kind: str) -> None:
    target = bundle / path
    target.parent.mkdir(exist_ok=True)
    if kind == "link":
        target.symlink_to("README.md")
    elif kind == "folder link":
        target.symlink_to("csi")
    elif kind == "socket":
        os.mknod(target, stat.S_IFIFO | 0o600)
    else:
        target.write_text("x")
    status, report, _ = verified(bundle)
    assert status == 4
    assert len(report["errors"]) == 1
    assert report["errors"][0].startswith(path.partition("/config")[0])


def test_a_checkout_gets_one_line_however_much_is_in_it(bundle: pathlib.Path) -> None:
    (bundle / ".git/objects").mkdir(parents=True)
    for number in range(50):
        (bundle / f".git/objects/{number}").write_text("x")
    _, report, _ = verified(bundle)
    assert report["errors"] == [
        ".git is no part of a bundle: verify an export (git archive), or a clean copy"
    ]


@pytest.mark.parametrize(
    "path",
    [".git/config", "csi/.git/hooks/post-checkout", ".GIT/config", ".g\u200cit/config", ".git./config", "GIT~1/config", ".hg/hgrc", ".git"],
)  # fmt: skip
def test_a_checkout_is_refused_though_it_is_listed(bundle: pathlib.Path, path: str) -> None:
    """Whoever publishes a bundle writes its lists; a configuration of git in it would run programs."""
    target = bundle / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("[core]\n\tfsmonitor = touch /tmp/ran\n")
    (bundle / "inventory.json").unlink()
    relist(bundle)
    status, report, _ = verified(bundle)
    assert status != 0
    assert len(report["errors"]) == 1
    assert "is no part of a bundle" in report["errors"][0]


def test_an_inventory_that_is_covered_up_for_is_seen(bundle: pathlib.Path) -> None:
    """New checksums for changed files: the inventory tells, and who changes that as well leaves no signature."""
    (bundle / "csi/values.yaml").write_text("x: 2\n")
    relist(bundle)
    status, report, _ = verified(bundle)
    assert status == 4
    assert report["errors"] == ["csi/values.yaml is not what inventory.json says"]
    (bundle / "extra").write_text("x")
    relist(bundle)
    assert "extra is in checksums.txt and not in inventory.json" in verified(bundle)[1]["errors"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 7}', '{"files": [{"path": "x"}, {"path": "x"}]}',
                                  "[" * 100_000, '{"files": [[]]}'])  # fmt: skip
def test_an_inventory_that_is_none(bundle: pathlib.Path, text: str) -> None:
    (bundle / "inventory.json").write_text(text)
    relist(bundle)
    status, report, _ = verified(bundle)
    assert status == 4
    assert report["errors"] == ["inventory.json is no inventory of a bundle"]


def test_modes_that_git_does_not_keep(lab: pathlib.Path, bundle: pathlib.Path) -> None:
    for path in bundle.rglob("*"):
        if path.is_file():
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    status, report, _ = verified(bundle)
    assert status == 4
    assert "recipe.yaml has the mode 0644, not 0600" in report["errors"]
    assert "--ignore-modes" in aicr("verify", bundle)[2]
    with (bundle / "recipe.yaml").open("a") as stream:
        stream.write("#")
    assert "--ignore-modes" not in aicr("verify", bundle)[2], "it would not help"
    shutil.copy(lab / "plain/recipe.yaml", bundle)
    assert verified(bundle, "--ignore-modes")[0] == 0
    (bundle / "deploy.sh").chmod(0o644)
    assert verified(bundle, "--ignore-modes")[0] == 4, "what can be run no longer can"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("\n", "\r\n"), ""),
        (lambda text: f"\n{text}\n\n  \n", ""),
        (lambda text: text + text.splitlines(keepends=True)[0], ""),
        (lambda text: text + f"{'0' * 64}  ../outside\n", "leads out of the bundle"),
        (lambda text: text + f"{'0' * 64}  /etc/passwd\n", "leads out of the bundle"),
        (lambda text: text + f"{'0' * 64}  csi/../../x\n", "leads out of the bundle"),
        (lambda text: text + f"{'0' * 64}  csi\n", "csi is missing"),
        (lambda text: text + "not a line\n", "this is no checksum and path"),
        (lambda text: text + f"{'0' * 63}  short\n", "this is no checksum and path"),
        (lambda text: text + text.splitlines(keepends=True)[0].replace("csi", "CSI"), "CSI"),
        (lambda text: "0" * 64 + text[64:], "is not what checksums.txt says"),
        (lambda text: text.upper(), "is missing"),
        (lambda text: "", "lists nothing"),
        (lambda text: " \n\n", "lists nothing"),
    ],
)
def test_lists_of_many_kinds(bundle: pathlib.Path, change: Any, says: str) -> None:
    listing = bundle / "checksums.txt"
    listing.write_bytes(change(listing.read_text("utf-8")).encode())
    status, report, _ = verified(bundle)
    assert status == (4 if says else 0), report
    assert any(says in text for text in report["errors"]) if says else "errors" not in report


def test_two_names_that_differ_in_case_alone(tmp_path: pathlib.Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("Straße.yaml", "STRASSE.yaml"):
        (tmp_path / "b" / name).write_text("x")
    relist(tmp_path / "b")
    status, report, _ = verified(tmp_path / "b")
    assert status == 4
    assert report["errors"] == ["STRASSE.yaml and Straße.yaml are one file on some systems"]
    (tmp_path / "b/STRASSE.yaml").unlink()
    relist(tmp_path / "b")
    assert verified(tmp_path / "b")[1]["coverage"] == "checksums"


def test_names_that_are_no_text(bundle: pathlib.Path) -> None:
    (bundle / os.fsdecode(b"\xff\x1b[31m")).write_text("x")
    status, report, err = verified(bundle)
    assert status == 4
    assert report["errors"] == [r"\xff\x1b[31m is not listed in checksums.txt"] or (
        "\x1b" not in json.dumps(report) and "\x1b" not in err
    )


def test_a_file_that_becomes_a_link_is_not_followed(
    bundle: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first look and the reading somebody puts a link there, to the very same bytes."""
    from aicr_core.app import bundle_tree

    look = bundle_tree._look

    def swap(path: str) -> Any:
        seen = look(path)
        if path.endswith("values.yaml"):
            os.rename(path, tmp_path / "elsewhere")
            os.symlink(tmp_path / "elsewhere", path)
        return seen

    monkeypatch.setattr(bundle_tree, "_look", swap)
    status, report, _ = verified(bundle)
    assert status == 4
    assert report["errors"][0].startswith("csi/values.yaml cannot be read: ")


def test_a_folder_that_cannot_be_read_hides_nothing(
    bundle: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bundle / "hidden").mkdir()
    (bundle / "hidden/evil.yaml").write_text("x")
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("hidden"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    status, out, err = aicr("verify", bundle)
    assert (status, out) == (4, "")
    assert "hidden: cannot read the folder: Permission denied" in err


def test_many_threads_see_what_one_sees(tmp_path: pathlib.Path) -> None:
    from aicr_core.app.bundle_tree import Folder, Memory
    from aicr_core.engine.bundles import File

    files = [File(f"f{n}", bytes([n]) * (700_000 + n), 0o600, "x") for n in range(12)]
    (tmp_path / "b").mkdir()
    for file in files:
        (tmp_path / "b" / file.path).write_bytes(file.data)
        (tmp_path / "b" / file.path).chmod(file.mode)
    one, many = (Folder(str(tmp_path / "b"), jobs).seen for jobs in (1, 5))
    assert one == many == Memory(files).seen


def test_a_huge_list_is_refused(bundle: pathlib.Path) -> None:
    with (bundle / "checksums.txt").open("ab") as stream:
        stream.truncate(11 * 1024 * 1024)
    status, report, _ = verified(bundle)
    assert status == 4
    assert report["errors"] == ["checksums.txt is larger than 10 MiB, which none is"]


def test_what_is_no_bundle(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("x")
    assert aicr("verify", tmp_path / "missing")[0] == 8
    assert aicr("verify", tmp_path / "file")[0] == 8
    assert aicr("verify")[0] == 2
    assert aicr("verify", "nowhere://x")[0] == 2
    assert aicr("verify", tmp_path, "--nonsense")[0] == 1
    status, _, err = aicr("verify", tmp_path)
    assert (status, err) == (4, f"[UNAUTHORIZED] {tmp_path}: checksums.txt is missing\n")


# --- signatures -----------------------------------------------------------------------------------


def test_signed_with_a_key(lab: pathlib.Path) -> None:
    status, report, err = verified(lab / "signed", "--key", lab / "key.pub")
    assert (status, err) == (0, "")
    assert (report["trustLevel"], report["bundleAttested"]) == ("attested", True)
    assert report["bundleCreator"].startswith("sha256:")
    assert report["toolVersion"]
    creator = report["bundleCreator"]
    asked = ["--key", lab / "key.pub", "--require-creator", creator]
    assert verified(lab / "signed", *asked, "--cli-version-constraint", "0.0.1")[0] == 0
    status, report, err = verified(lab / "signed", *asked, "--min-trust-level", "verified")
    assert status == 2
    assert report["policyFailures"] == ['the trust level is "attested", it has to be "verified"']
    for more in (["--require-creator", creator.upper()], ["--require-issuer", "https://x"],
                 ["--cli-version-constraint", "> 99.0.0"]):  # fmt: skip
        status, report, _ = verified(lab / "signed", "--key", lab / "key.pub", *more)
        assert (status, len(report["policyFailures"])) == (2, 1), more


def test_the_text_says_the_same(lab: pathlib.Path) -> None:
    status, out, err = aicr("verify", lab / "signed", "--key", lab / "key.pub")
    assert (status, err) == (0, "")
    assert "✓ signed by sha256:" in out
    assert out.endswith("\nPASSED\n")
    status, out, err = aicr("verify", lab / "signed", "--key", lab / "other.pub")
    assert status == 2
    assert out.endswith("\nFAILED\n")
    assert err.startswith("[INVALID_REQUEST] ")


def test_another_key(lab: pathlib.Path) -> None:
    status, report, _ = verified(lab / "signed", "--key", lab / "other.pub")
    assert (status, report["trustLevel"], report["bundleAttested"]) == (2, "unknown", False)
    assert "has not signed it: it names the key sha256:" in report["errors"][0]
    # Less than the default is asked for: what does not hold is an error all the same.
    words = ["--key", lab / "other.pub", "--min-trust-level", "unknown"]
    assert verified(lab / "signed", *words)[0] == 4


def test_a_key_is_named_and_nobody_signed(lab: pathlib.Path) -> None:
    status, report, _ = verified(lab / "plain", "--key", lab / "key.pub")
    assert status == 2
    assert report["policyFailures"] == ['the trust level is "unverified", it has to be "attested"']


def test_signed_and_no_key_given(lab: pathlib.Path) -> None:
    status, report, _ = verified(lab / "signed")
    assert status == 2
    assert "give its public key with --key" in report["errors"][0]
    _, out, err = aicr("verify", lab / "signed")
    assert "not signed" not in out
    assert "give its public key with --key" in err, "the cause, not only the level that it costs"


@pytest.mark.parametrize("what", ["csi/values.yaml", "checksums.txt"])
def test_signed_and_changed(lab: pathlib.Path, tmp_path: pathlib.Path, what: str) -> None:
    """Who changes a file and all its lists is found out by the signature."""
    bundle = copied(lab / "signed", tmp_path / "b")
    if what == "checksums.txt":
        (bundle / what).write_text((bundle / what).read_text() + "\n")
        expected = (2, "it is signed for another checksums.txt")
    else:
        (bundle / what).write_text("x: 2\n")
        expected = (4, f"{what} is not what checksums.txt says")
    status, report, _ = verified(bundle, "--key", lab / "key.pub")
    assert status == expected[0]
    assert expected[1] in report["errors"][0]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no JSON"), (b"{", "no JSON"), (b"[]", "no JSON object"), (b"{}", "no Sigstore bundle"),
        (b"[" * 200_000, "no JSON"), (b"\xff\xfe", "no JSON"),
        (b'{"verificationMaterial": {"publicKey": {}, "certificate": {}}, "dsseEnvelope": {}}', "no Sigstore"),
        (b'{"verificationMaterial": {"publicKey": {}}, "dsseEnvelope": {}}', "no Sigstore bundle"),
        (b'{"verificationMaterial": {"publicKey": 7}, "dsseEnvelope": {}}', "no Sigstore bundle"),
        (b" " * (11 * 1024 * 1024), "larger than 10 MiB"),
    ],
)  # fmt: skip
def test_attestations_that_are_none(
    lab: pathlib.Path, tmp_path: pathlib.Path, data: bytes, says: str
) -> None:
    bundle = copied(lab / "signed", tmp_path / "b")
    (bundle / ATTESTATION).write_bytes(data)
    status, report, _ = verified(bundle, "--key", lab / "key.pub")
    assert (status, report["trustLevel"]) == (2, "unknown")
    assert says in report["errors"][0]


def test_an_attestation_that_is_cut_off(lab: pathlib.Path, tmp_path: pathlib.Path) -> None:
    bundle = copied(lab / "signed", tmp_path / "b")
    whole = (bundle / ATTESTATION).read_bytes()
    for size in range(0, len(whole) - 2, 97):
        (bundle / ATTESTATION).write_bytes(whole[:size])
        assert verified(bundle, "--key", lab / "key.pub")[0] == 2, size


def test_an_attestation_that_is_a_link(lab: pathlib.Path, tmp_path: pathlib.Path) -> None:
    bundle = copied(lab / "signed", tmp_path / "b")
    (bundle / ATTESTATION).unlink()
    (bundle / ATTESTATION).symlink_to(lab / "signed" / ATTESTATION)
    status, report, _ = verified(bundle, "--key", lab / "key.pub")
    assert status == 4
    assert report["errors"] == [f"{ATTESTATION} is a link"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("_type", "https://in-toto.io/Statement/v0.1"), ("predicateType", "https://slsa.dev/provenance/v0.2"),
     ("predicateType", None), ("_type", {"x": 1})],
)  # fmt: skip
def test_statements_that_nobody_knows(
    lab: pathlib.Path, tmp_path: pathlib.Path, field: str, value: Any
) -> None:
    """A valid signature over something else says nothing about a bundle; one clear line says so."""
    from aicr_local_key.signer import open_key
    from trust_lab import environment, statement_of

    bundle = copied(lab / "signed", tmp_path / "b")
    document = {**statement_of(bundle), field: value}
    signing = open_key(environment().context({"key": str(lab / "key")}))
    payload = json.dumps(document).encode()
    (bundle / ATTESTATION).write_bytes(signing.sign(payload, "application/vnd.in-toto+json"))
    words = ["--key", lab / "key.pub", "--min-trust-level", "unknown"]
    status, report, err = verified(bundle, *words)
    assert status == 4
    assert err.startswith("[UNAUTHORIZED] ")
    assert "is unknown, only" in report["errors"][0]
    (bundle / ATTESTATION).write_bytes(signing.sign(payload, "text/plain"))
    assert 'payload type "text/plain" is unknown' in verified(bundle, *words)[1]["errors"][0]


def test_a_tool_s_attestation_with_a_key_is_not_enough(
    lab: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Also where it verifies with the user's key: who makes the tool is not who makes the bundle."""
    bundle = copied(lab / "signed", tmp_path / "b")
    (bundle / TOOL).write_bytes((bundle / ATTESTATION).read_bytes())
    status, report, _ = verified(bundle, "--key", lab / "key.pub")
    assert (status, report["trustLevel"], report["binaryAttested"]) == (2, "attested", False)
    assert report["errors"][0].startswith(TOOL)


# --- what a user asks -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--min-trust-level", "verifed"], 'did you mean "verified"?'),
        (["--cli-version-constraint", "~> 1"], "is no version"),
        (["--cli-version-constraint", ">="], "no value"),
        (["--certificate-identity-regexp", ".*"], "does not begin with"),
        (
            ["--certificate-identity-regexp", "https://github.com/NVIDIA/aicr/("],
            "no regular expression",
        ),
        (["--certificate-identity-regexp", "https://github.com/NVIDIA/aicr/a|b"], "alternative"),
        (["--format", "yaml"], "known: text, json"),
        (["--key", "missing.pem"], "missing.pem"),
        (["--key", "https://host.example/key.pem"], "give a file, not a URL"),
        (["--trust-root", "missing.json"], "missing.json"),
    ],
)
def test_requests_that_mean_nothing(lab: pathlib.Path, words: list[str], says: str) -> None:
    status, out, err = aicr("verify", lab / "plain", *words)
    assert status in (2, 3)
    assert out == ""
    assert says in err


def test_a_published_bundle_is_verified_where_it_is(
    lab: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of a publisher go through the same checks, in memory."""
    from aicr_core.app import verify
    from aicr_core.engine.bundles import File

    files = [
        File(
            str(p.relative_to(lab / "signed")), p.read_bytes(), stat.S_IMODE(p.stat().st_mode), "x"
        )
        for p in sorted((lab / "signed").rglob("*"))
        if p.is_file()
    ]
    monkeypatch.setattr("aicr_core.app.bundle_place.pull", lambda *_: files)
    from trust_lab import environment

    request = verify.VerifyRequest("oci://x", key=str(lab / "key.pub"))
    report = verify.verify_bundle(environment(), request)
    assert (report.good, report.level) == (True, "attested")
    files[0] = files[0]._replace(data=b"other")
    assert not verify.verify_bundle(environment(), request).passed


def test_signed_pushed_pulled_and_verified(
    lab: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a real registry: the attestation goes along, and modes come back."""
    import registry

    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with registry.registry(tmp_path / "registry") as host:
        uri = f"oci://{host}/team/stack:v1"
        words = ["--attest", "--signing-key", lab / "key", "--plain-http"]
        status, out, err = aicr("bundle", "-r", write_recipe(tmp_path), "-o", uri, *words)
        assert status == 0, err
        assert "Signed by: sha256:" in out
        status, report, err = verified(uri, "--plain-http", "--key", lab / "key.pub")
        assert (status, err, report["trustLevel"]) == (0, "", "attested")
        assert verified(uri, "--plain-http", "--key", lab / "other.pub")[0] == 2
        back = tmp_path / "back"
        assert aicr("bundle", "pull", uri, "-o", back, "--plain-http")[0] == 0
    assert verified(back, "--key", lab / "key.pub")[0] == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None, derandomize=True)
@given(document=JSON)
def test_whatever_json_a_list_or_statement_is(document: Any) -> None:
    """It is refused or read, and never anything else happens."""
    from aicr_core.engine.attestation import material_of, read_statement
    from aicr_core.engine.verify import FILE, Seen, integrity
    from aicr_core.kit.errors import AicrError
    from aicr_core.model.trust import PAYLOAD_TYPE

    data = json.dumps(document).encode()
    for read in (material_of, lambda text: read_statement(text, PAYLOAD_TYPE)):
        with contextlib.suppress(AicrError):
            read(data)
    with_inventory = json.dumps({"files": document}).encode()
    seen = {
        name: Seen(FILE, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
        for name, content in (("a", b"a"), ("inventory.json", with_inventory))
    }
    lines = "".join(f"{item.sha256}  {name}\n" for name, item in seen.items())
    assert integrity(seen, lines.encode(), with_inventory).errors


def test_texts_that_are_no_text(lab: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Half a pair of surrogates in an attestation: JSON can hold it, UTF-8 cannot."""
    bundle = copied(lab / "signed", tmp_path / "b")
    document = json.loads((bundle / ATTESTATION).read_bytes())
    document["verificationMaterial"]["publicKey"]["hint"] = "\ud83d\x1b[31m"
    (bundle / ATTESTATION).write_bytes(json.dumps(document).encode())
    for words in ([], ["--format", "json"], ["--key", str(lab / "other.pub")]):
        status, out, err = aicr("verify", bundle, *words)
        assert status == 2
        assert "\\ud83d" in out + err
        assert "\x1b" not in out + err


def test_nothing_heavy_is_imported_for_an_unsigned_bundle(lab: pathlib.Path) -> None:
    code = (
        "import sys\nfrom aicr_core.cli.root import run\n"
        f"assert run(['verify', {str(lab / 'plain')!r}]) == 0\n"
        "print(sorted(sys.modules.keys() & {'cryptography', 'sigstore', 'attr', 'jinja2', 'pluggy', 'requests'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("Data/x", "Data and data are one file on some systems"),
        ("Checksums.txt", "Checksums.txt and checksums.txt are one file on some systems"),
        ("Attestation/x", "Attestation and attestation are one file on some systems"),
    ],
)
def test_folders_and_unlisted_files_that_differ_in_case_alone(
    tmp_path: pathlib.Path, path: str, says: str
) -> None:
    for name in ("data/y", path):
        (tmp_path / "b" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "b" / name).write_text("x")
    relist(tmp_path / "b")
    status, report, _ = verified(tmp_path / "b")
    assert (status, report["errors"]) == (4, [says])


def test_an_inventory_that_changes_between_two_looks_is_seen() -> None:
    """What was hashed is one file, what is read next may be another: a link in the path was moved in between."""
    from aicr_core.engine.verify import FILE, Seen, integrity

    def seen(data: bytes, mode: int = 0o600) -> Seen:
        return Seen(FILE, mode, len(data), hashlib.sha256(data).hexdigest())

    good = json.dumps(
        {"files": [{"path": "a", "sha256": seen(b"x").sha256, "size": 1, "mode": "0600"}]}
    ).encode()
    listing = f"{seen(b'x').sha256}  a\n{seen(good).sha256}  inventory.json\n".encode()
    here = {"a": seen(b"x"), "inventory.json": seen(good), "checksums.txt": seen(listing)}
    assert integrity(here, listing, good).errors == ()
    assert integrity(here, listing, good + b" ").errors == (
        "inventory.json changed while it was looked at",
    )


def test_holes_of_terabytes_are_not_read(bundle: pathlib.Path) -> None:
    """A file of holes costs its author nothing, and would be hashed for hours."""
    with (bundle / "holes").open("wb") as stream:
        stream.truncate(1 << 42)
    status, report, _ = verified(bundle)
    assert (status, report["errors"]) == (4, ["holes is not listed in checksums.txt"])
    with (bundle / "csi/values.yaml").open("wb") as stream:
        stream.truncate(1 << 42)
    (bundle / "holes").unlink()
    status, report, _ = verified(bundle)
    assert (status, report["errors"]) == (
        4,
        ["csi/values.yaml cannot be read: it is larger than 1 GiB"],
    )


def test_a_folder_that_is_larger_than_any_bundle(bundle: pathlib.Path) -> None:
    for number in range(5):
        with (bundle / f"holes{number}").open("wb") as stream:
            stream.truncate(1 << 30)
    status, out, err = aicr("verify", bundle)
    assert (status, out) == (2, "")
    assert "more than 4 GiB" in err
