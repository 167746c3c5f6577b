"""Against a real registry (Debian's docker-registry) and with a second real client (skopeo), through the command line."""

from __future__ import annotations

import base64
import filecmp
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import registry as real
from aicr_oci import publisher, transport

from aicr_core.api import AicrError, Artifact, Context
from aicr_core.cli.root import run
from aicr_core.kit.emit import to_yaml

Make = Callable[..., Context]
Docker = Callable[[dict[str, Any] | str], pathlib.Path]
Files = tuple[Artifact, ...]
FACTS = {"version": "1", "title": "AICR Bundle"}
RECIPE: dict[str, Any] = {
    "kind": "RecipeResult",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "criteria": {"service": "eks"},
    "componentRefs": [
        {"name": name, "namespace": "n", "type": "Helm", "source": "https://e.example", "version": "1"}
        for name in ("csi", "cert-manager")
    ],
}  # fmt: skip


@pytest.fixture
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A working directory with a recipe."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(to_yaml(RECIPE))
    return tmp_path


def aicr(*arguments: str) -> int:
    return run(list(arguments))


def bundle(*arguments: str) -> int:
    return aicr("bundle", "-r", "recipe.yaml", *arguments)


def same(first: pathlib.Path, second: pathlib.Path) -> bool:
    """Tell whether two trees are alike: names, bytes, modes."""
    trees = []
    for root in (first, second):
        paths = sorted(root.rglob("*"))
        trees.append(
            [(p.relative_to(root), p.stat().st_mode, p.read_bytes() if p.is_file() else b"") for p in paths]
        )  # fmt: skip
    return trees[0] == trees[1] and not filecmp.dircmp(first, second).diff_files


def document(host: str, repository: str, version: str) -> tuple[dict[str, Any], str]:
    """Ask the registry for a manifest, by hand; give it and its digest."""
    kind = "application/vnd.oci.image.manifest.v1+json"
    path = f"/v2/{repository}/manifests/{version}"
    status, headers, body = real.ask(host, "GET", path, Accept=kind)
    assert status == 200, body
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    assert headers["Docker-Content-Digest"] == digest
    return json.loads(body), digest


# --- through the command line --------------------------------------------------------------------


def test_a_bundle_goes_and_comes_back(
    plain_registry: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = f"oci://{plain_registry}/team/whole"
    assert bundle("-o", f"{target}:v1", "--plain-http", "--image-refs", "refs") == 0
    out = capsys.readouterr().out
    reference = (place / "refs").read_text()
    manifest, digest = document(plain_registry, "team/whole", "v1")
    assert reference == f"{plain_registry}/team/whole@{digest}\n"  # B-28
    assert f"Reference: {reference}" in out
    assert sorted(path.name for path in place.iterdir() if path.is_file()) == [
        "recipe.yaml",
        "refs",
    ]
    assert not (place / "bundle").exists()  # B-27
    assert manifest["annotations"]["org.opencontainers.image.title"] == "AICR Bundle"
    assert bundle("-o", "straight") == 0
    assert aicr("bundle", "pull", f"{target}:v1", "-o", "back", "--plain-http") == 0
    assert same(place / "straight", place / "back")
    checked = subprocess.run(
        ["sha256sum", "-c", "--quiet", "--strict", "checksums.txt"], cwd=place / "back", check=False
    )
    assert checked.returncode == 0  # B-25
    assert aicr("bundle", "pull", f"oci://{reference.strip()}", "-o", "exact", "--plain-http") == 0
    assert same(place / "straight", place / "exact")
    # The command that the report shows is one that works.
    (command,) = [
        line.partition(". ")[2] for line in out.splitlines() if "aicr bundle pull" in line
    ]
    (place / "elsewhere").mkdir()
    os.chdir(place / "elsewhere")
    assert aicr(*command.split()[1:]) == 0
    assert same(place / "straight", place / "elsewhere/bundle")


def test_pushing_again_changes_nothing(plain_registry: str, place: pathlib.Path) -> None:
    found = set()
    for n, jobs in enumerate(("1", "4")):
        uri = f"oci://{plain_registry}/team/again:{n}"
        assert bundle("-o", uri, "--plain-http", "--image-refs", "refs", "--jobs", jobs) == 0
        found.add((place / "refs").read_text())
    assert len(found) == 1


def test_the_same_digest_in_other_surroundings(plain_registry: str, place: pathlib.Path) -> None:
    found = set()
    for n, (umask, zone, language, seed) in enumerate(
        [(0o022, "UTC", "C", "0"), (0o077, "Asia/Kolkata", "C.UTF-8", "7")]
    ):
        folder = place / f"folder {n}"
        folder.mkdir()
        subprocess.run(
            [
                sys.executable, "-m", "aicr_core", "bundle", "-r", str(place / "recipe.yaml"), "-o",
                f"oci://{plain_registry}/team/other-{n}", "--plain-http", "--image-refs", "refs",
            ],
            cwd=folder, umask=umask, check=True, capture_output=True,
            env={**os.environ, "TZ": zone, "LC_ALL": language, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        found.add((folder / "refs").read_text().rpartition("@")[2])
    assert len(found) == 1


def test_without_a_tag_it_is_the_version(
    plain_registry: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from aicr_core.api import __version__

    assert bundle("-o", f"oci://{plain_registry}/team/version", "--plain-http") == 0
    assert document(plain_registry, "team/version", __version__)
    assert (
        aicr("bundle", "pull", f"oci://{plain_registry}/team/version", "-o", "x", "--plain-http")
        == 2
    )
    assert "does not say which bundle" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["-o", "oci://foo:tag"], 2, "names no repository"),  # B-26
        (["-o", "oci://foo/bar:tag"], 2, "has no dot and no port"),
        (["-o", f"oci://r.example/x@sha256:{'a' * 64}"], 2, "a digest is what pushing gives"),
        (
            ["-o", "oci://r.example/x", "--image-refs", "no/such/folder/refs"],
            3,
            "there is no such folder",
        ),
        (["-o", "oci://r.example/x", "--recipe", "gone.yaml"], 2, "--recipe"),
    ],
)
def test_what_cannot_work_is_refused_first(
    place: pathlib.Path, arguments: list[str], status: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    assert bundle(*arguments) == status
    assert text in capsys.readouterr().err


def test_flags_of_registries_mean_nothing_for_a_directory(place: pathlib.Path) -> None:
    assert bundle("-o", "out", "--plain-http", "--insecure-tls", "--image-refs", "refs") == 0
    assert not (place / "refs").exists()


def test_an_attested_bundle_passes_whole(
    plain_registry: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stands in ``attestation/`` is listed nowhere, and travels all the same."""
    uri = f"oci://{plain_registry}/team/attested:1"
    assert aicr("key", "generate", "-o", "key.pem") == 0
    (public,) = place.glob("key*.pub*")
    for target in (uri, "straight"):
        sign = ("--attest", "--signing-key", "key.pem")
        assert bundle("-o", target, "--plain-http", *sign) == 0
    assert aicr("bundle", "pull", uri, "-o", "back", "--plain-http") == 0
    assert (place / "back/attestation").is_dir()
    assert same(
        place / "straight", place / "back"
    )  # a signature of that kind of key is the same each time
    capsys.readouterr()
    for bundle_ in ("back", uri):
        assert aicr("verify", bundle_, "--key", str(public), "--plain-http") == 0
        assert "attested" in capsys.readouterr().out
    assert aicr("key", "generate", "-o", "other.pem") == 0
    (other,) = place.glob("other*.pub*")
    assert aicr("verify", uri, "--key", str(other), "--plain-http") == 2


def tree(root: pathlib.Path) -> list[Artifact]:
    return [
        Artifact(path=str(p.relative_to(root)), data=p.read_bytes(), mode=p.stat().st_mode & 0o777)
        for p in root.rglob("*")
        if p.is_file()
    ]


def _edit(root: pathlib.Path) -> None:
    (root / "deploy.sh").write_text("#!/bin/sh\nrm -rf /\n")


def _add(root: pathlib.Path) -> None:
    (root / "csi/more.yaml").write_text("x: 1\n")


def _remove(root: pathlib.Path) -> None:
    (root / "csi/values.yaml").unlink()


def _rename(root: pathlib.Path) -> None:
    (root / "csi/values.yaml").rename(root / "csi/value.yaml")


def _layout(root: pathlib.Path) -> None:
    """What v0.11.1 of the reference packs along (B-27)."""
    (root / "oci-layout").mkdir()
    (root / "oci-layout/index.json").write_text("{}")


def _absolute(root: pathlib.Path) -> None:
    """Its checksums of a pushed bundle (B-25)."""
    text = (root / "checksums.txt").read_text()
    (root / "checksums.txt").write_text(text.replace("  ", "  /home/ci/bundle/"))


@pytest.mark.parametrize("change", [_edit, _add, _remove, _rename, _layout, _absolute])
def test_what_another_tool_changed_is_not_written(
    plain_registry: str, context: Make, place: pathlib.Path, change: Callable[[pathlib.Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert bundle("-o", "straight") == 0
    change(place / "straight")
    uri = f"oci://{plain_registry}/team/changed:1"
    publisher.push(context(), uri, tree(place / "straight"), FACTS)
    capsys.readouterr()
    assert aicr("bundle", "pull", uri, "-o", "back", "--plain-http") == 4
    err = capsys.readouterr().err
    assert err.count("\n") <= 2, err
    assert not (place / "back").exists()


def test_what_is_no_bundle_is_not_written(
    plain_registry: str, context: Make, place: pathlib.Path, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    uri = f"oci://{plain_registry}/team/none:1"
    publisher.push(context(), uri, [f for f in files if f.path != "checksums.txt"], FACTS)
    assert aicr("bundle", "pull", uri, "-o", "back", "--plain-http") == 2
    assert "no bundle of aicr" in capsys.readouterr().err
    assert not (place / "back").exists()


def test_a_directory_that_holds_something_stays(
    plain_registry: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = f"oci://{plain_registry}/team/stays:1"
    assert bundle("-o", uri, "--plain-http") == 0
    (place / "mine").mkdir()
    (place / "mine/thesis.txt").write_text("words")
    assert aicr("bundle", "pull", uri, "-o", "mine", "--plain-http") == 2
    assert sorted(os.listdir(place / "mine")) == ["thesis.txt"]
    # Known before anything is fetched.
    assert aicr("bundle", "pull", "oci://127.0.0.1:1/x:1", "-o", "mine", "--plain-http") == 2
    assert aicr("bundle", "pull", uri, "-o", "mine", "--plain-http", "--force") == 0
    assert (place / "mine/thesis.txt").read_text() == "words"
    assert (place / "mine/deploy.sh").exists()


def test_foreign_artifacts_are_named(
    plain_registry: str, context: Make, files: Files, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    publisher.push(context(), f"oci://{plain_registry}/team/foreign:1", files, FACTS)
    manifest, _ = document(plain_registry, "team/foreign", "1")
    index = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [],
    }  # fmt: skip
    chart = {**manifest, "artifactType": "application/vnd.cncf.helm.config.v1+json"}
    for body, text in ((index, "an index of several images"), (chart, "helm")):
        _put(plain_registry, "team/foreign", "2", body)
        uri = f"oci://{plain_registry}/team/foreign:2"
        assert aicr("bundle", "pull", uri, "-o", "back", "--plain-http") == 2
        assert text in capsys.readouterr().err


def _put(host: str, repository: str, tag: str, body: dict[str, Any]) -> None:
    path, data = f"/v2/{repository}/manifests/{tag}", json.dumps(body).encode()
    status, _, answer = real.ask(host, "PUT", path, data, Content_Type=body["mediaType"])
    assert status == 201, answer


def test_nothing_of_that_name(
    plain_registry: str, place: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle("-o", f"oci://{plain_registry}/team/there:1", "--plain-http") == 0
    for name in ("there:2", f"there@sha256:{'0' * 64}", "nowhere:1"):
        uri = f"oci://{plain_registry}/team/{name}"
        assert aicr("bundle", "pull", uri, "-o", "back", "--plain-http") == 3
        assert "MANIFEST_UNKNOWN" in capsys.readouterr().err


def test_a_large_bundle(plain_registry: str, context: Make) -> None:
    """40 MiB that do not pack: in one piece, byte for byte."""
    noise = hashlib.shake_256(b"seed").digest(40 * 1024**2)
    files = [Artifact(path=f"charts/{n}.tgz", data=noise[n::8], mode=0o644) for n in range(8)]
    uri = f"oci://{plain_registry}/team/large:1"
    publisher.push(context(), uri, files, FACTS)
    assert publisher.pull(context(), uri) == files


# --- a second client -----------------------------------------------------------------------------


@pytest.fixture
def skopeo() -> Callable[..., None]:
    found = shutil.which("skopeo")
    if found is None:
        pytest.skip("skopeo (Debian package of that name) is not installed")

    def call(*arguments: str) -> None:
        subprocess.run([found, *arguments], check=True, capture_output=True)

    return call


def test_skopeo_copies_it(
    plain_registry: str,
    skopeo: Callable[..., None],
    context: Make,
    files: Files,
    tmp_path: pathlib.Path,
) -> None:
    reference = publisher.push(context(), f"oci://{plain_registry}/team/skopeo:1", files, FACTS)
    flags = ("--src-tls-verify=false", "--dest-tls-verify=false", "--preserve-digests")
    skopeo("copy", *flags, f"docker://{reference}", f"docker://{plain_registry}/copied/elsewhere:2")
    digest = reference.partition("@")[2]
    for version in (":2", f"@{digest}"):
        back = publisher.pull(context(), f"oci://{plain_registry}/copied/elsewhere{version}")
        assert sorted(back, key=str) == sorted(files, key=str)
    skopeo("copy", "--src-tls-verify=false", f"docker://{reference}", f"dir:{tmp_path / 'copy'}")
    layers = [p for p in (tmp_path / "copy").iterdir() if p.read_bytes()[:2] == b"\x1f\x8b"]
    (layer,) = layers
    with tarfile.open(fileobj=gzip.open(layer)) as archive:
        archive.extractall(tmp_path / "out", filter="data")
    assert (tmp_path / "out/deploy.sh").read_bytes() == files[0].data


# --- users, tokens, TLS --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry with one user."""
    folder = tmp_path_factory.mktemp("users")
    with real.registry(folder, real.with_users(folder)) as host:
        yield host


def denied(call: Callable[[], Any], host: str) -> AicrError:
    with pytest.raises(AicrError) as caught:
        call()
    assert caught.value.exit_status == 4
    assert f"docker login {host}" in (caught.value.hint or "")
    assert real.PASSWORD not in f"{caught.value} {caught.value.hint}"
    return caught.value


def test_a_user(guarded: str, context: Make, files: Files, docker: Docker) -> None:
    uri = f"oci://{guarded}/team/x:1"

    def push() -> str:
        return publisher.push(context(), uri, files, FACTS)

    denied(push, guarded)
    docker({"auths": {guarded: {"auth": base64.b64encode(b"robin:wrong").decode()}}})
    assert "with the credentials for it" in str(denied(push, guarded))
    docker({"auths": {guarded: {"auth": real.BASIC}}})
    push()
    assert sorted(publisher.pull(context(), uri), key=str) == sorted(files, key=str)


def test_a_user_of_a_helper(
    guarded: str, context: Make, files: Files, docker: Docker, tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    helper = tmp_path / "bin/docker-credential-tests"
    helper.parent.mkdir()
    answer = json.dumps({"Username": real.USER, "Secret": real.PASSWORD})
    helper.write_text(f"#!/bin/sh\n[ \"$(cat)\" = {guarded} ] && echo '{answer}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
    docker({"credHelpers": {guarded: "tests"}})
    assert publisher.push(context(), f"oci://{guarded}/team/helper:1", files, FACTS)


@pytest.fixture
def tokens(tmp_path: pathlib.Path) -> Iterator[tuple[str, real.TokenServer]]:
    """A registry that believes a token server, and that server."""
    server = real.TokenServer(tmp_path)
    try:
        with real.registry(tmp_path / "registry", server.settings()) as host:
            yield host, server
    finally:
        server.close()


def test_tokens(
    tokens: tuple[str, real.TokenServer], context: Make, files: Files, docker: Docker
) -> None:
    host, server = tokens
    uri = f"oci://{host}/team/x:1"
    denied(lambda: publisher.push(context(), uri, files, FACTS), host)
    docker({"auths": {host: {"auth": real.BASIC}}})
    server.asked.clear()
    publisher.push(context(), uri, files, FACTS)
    scope = {"service": ["tests"], "scope": ["repository:team/x:pull,push"]}
    assert server.asked == [("GET", scope)]  # one token is enough for all of it
    docker({})
    assert publisher.pull(context(), uri)  # anybody may pull, with a token for nobody
    assert server.asked[-1][1]["scope"] == ["repository:team/x:pull"]


def test_identity_tokens(
    tokens: tuple[str, real.TokenServer], context: Make, files: Files, docker: Docker
) -> None:
    host, server = tokens
    docker({"auths": {host: {"identitytoken": server.identity}}})
    assert publisher.push(context(), f"oci://{host}/team/x:1", files, FACTS)
    ((method, form),) = server.asked
    assert method == "POST"
    assert form["grant_type"] == ["refresh_token"]
    docker({"auths": {host: {"identitytoken": "of somebody else"}}})
    error = denied(lambda: publisher.push(context(), f"oci://{host}/team/y:1", files, FACTS), host)
    assert "get a token" in str(error)
    assert "somebody" not in str(error)


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, pathlib.Path]]:
    """A registry with TLS, and its certificate."""
    folder = tmp_path_factory.mktemp("tls")
    settings, certificate = real.with_tls(folder)
    with real.registry(folder / "registry", settings) as host:
        yield host, certificate


def test_tls(
    secure: tuple[str, pathlib.Path], context: Make, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, certificate = secure
    uri = f"oci://{host}/team/x:1"
    with pytest.raises(AicrError, match="its certificate is not trusted: self-signed") as caught:
        publisher.push(context(plain_http=False), uri, files, FACTS)
    assert caught.value.exit_status == 6
    assert "SSL_CERT_FILE" in (caught.value.hint or "")
    first = publisher.push(context(plain_http=False, insecure_tls=True), uri, files, FACTS)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert publisher.push(context(plain_http=False), uri, files, FACTS) == first
    assert publisher.pull(context(plain_http=False), uri.replace("127.0.0.1", "localhost"))


def test_plain_http_wins_over_insecure_tls(
    secure: tuple[str, pathlib.Path], plain_registry: str, context: Make, files: Files
) -> None:
    uri = f"oci://{plain_registry}/team/both:1"
    assert publisher.push(context(plain_http=True, insecure_tls=True), uri, files, FACTS)
    with pytest.raises(AicrError, match="400") as caught:
        publisher.push(
            context(plain_http=True, insecure_tls=True), f"oci://{secure[0]}/x:1", files, FACTS
        )
    assert caught.value.exit_status == 2


def test_a_certificate_for_another_name(
    tmp_path: pathlib.Path, context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faulty_registry import FaultyRegistry

    certificate, key = real.certificate(tmp_path, by_address=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with FaultyRegistry((str(certificate), str(key))) as server:
        port = server.host.partition(":")[2]
        with pytest.raises(AicrError, match="404"):
            publisher.pull(context(plain_http=False), f"oci://localhost:{port}/x:1")
        with pytest.raises(AicrError, match=r"certificate is not trusted: .*mismatch"):
            publisher.pull(context(plain_http=False), f"oci://{server.host}/x:1")


def test_a_secure_registry_sends_nobody_to_an_unsafe_place(
    tmp_path: pathlib.Path, context: Make, files: Files, docker: Docker
) -> None:
    import faulty_registry as fault

    certificate, key = real.certificate(tmp_path)
    with (
        fault.FaultyRegistry((str(certificate), str(key))) as server,
        fault.FaultyRegistry() as other,
    ):
        docker({"auths": {server.host: {"auth": real.BASIC}}})

        def push() -> str:
            options = context(plain_http=False, insecure_tls=True)
            return publisher.push(options, f"oci://{server.host}/x:1", files, FACTS)

        server.rule("POST", "", fault.reply(202, Location=f"http://{other.host}/up"))
        with pytest.raises(AicrError, match="a place that is not safe") as caught:
            push()
        assert caught.value.exit_status == 6
        bearer = f'Bearer realm="http://{other.host}/token"'
        server.rule("HEAD", "", fault.reply(401, WWW_Authenticate=bearer))
        with pytest.raises(AicrError, match="a place that is not safe") as caught:
            push()
        assert other.log == []


# --- proxies -------------------------------------------------------------------------------------


def test_proxies(
    context: Make, files: Files, monkeypatch: pytest.MonkeyPatch, docker: Docker
) -> None:
    """A plain registry behind a proxy, which stands in for it here; a TLS registry is asked for with CONNECT."""
    import faulty_registry as fault

    with fault.FaultyRegistry() as proxy:
        login = base64.b64encode(b"me:pass word").decode()
        monkeypatch.setenv("HTTP_PROXY", f"http://me:pass%20word@{proxy.host}")
        monkeypatch.setenv("HTTPS_PROXY", proxy.host)
        uri = "oci://registry.example:5000/team/x:1"
        publisher.push(context(), uri, files, FACTS)
        assert publisher.pull(context(), uri)
        assert all(s.path.startswith("http://registry.example:5000/v2/team/x/") for s in proxy.log)
        assert all(s.headers["proxy-authorization"] == f"Basic {login}" for s in proxy.log)
        assert all(s.headers["host"] == "registry.example:5000" for s in proxy.log)
        proxy.rule("CONNECT", "", fault.reply(407))
        with pytest.raises(AicrError, match="407") as caught:
            publisher.pull(context(plain_http=False), uri)
        assert caught.value.exit_status == 6
        assert proxy.log[-1].path == "registry.example:5000"
        proxy.log.clear()
        monkeypatch.setenv("NO_PROXY", "registry.example")
        with pytest.raises(AicrError, match="cannot connect"):
            publisher.pull(context(), uri)
        with pytest.raises(AicrError, match="404"):  # this machine is never asked through a proxy
            publisher.pull(context(), f"oci://{proxy.host}/x:none")
        assert [s.path for s in proxy.log] == ["/v2/x/manifests/none"]


@pytest.mark.parametrize(
    "proxy", ["socks5://me:secret@127.0.0.1:1", "https://p:1", "http://", "http://p:x"]
)
def test_proxies_of_another_kind(
    context: Make, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(AicrError, match="only proxies with an address like") as caught:
        publisher.pull(context(), "oci://registry.example/x:1")
    assert caught.value.exit_status == 2
    assert "secret" not in str(caught.value)


def test_a_slow_upload_is_given_up(
    context: Make, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes no more of a body than fits its buffers."""
    import socket
    import threading

    monkeypatch.setattr(transport, "SECONDS", 0.5)
    monkeypatch.setattr(transport, "BYTES_A_SECOND", 10**9)
    listener = socket.create_server(("127.0.0.1", 0))
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    held = []

    def serve() -> None:
        connection, _ = listener.accept()
        held.append(connection)
        for answer in (b"404 Not Found\r\n", b"202 Accepted\r\nLocation: /up\r\n"):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 " + answer + b"Content-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    noise = [Artifact(path="x", data=os.urandom(30_000_000))]
    with pytest.raises(AicrError, match="not complete within") as caught:
        publisher.push(context(), f"oci://{host}/x:1", noise, FACTS)
    assert caught.value.exit_status == 5
    thread.join()
    for item in (listener, *held):
        item.close()
