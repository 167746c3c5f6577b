"""References: what is one, what is none and why, and that no part is lost or taken for another."""

from __future__ import annotations

import pytest
from aicr_oci import publisher, reference
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.api import AicrError

HEX = "a" * 64


@pytest.mark.parametrize(
    ("uri", "host", "repository", "tag", "digest"),
    [
        ("oci://ghcr.io/org/x", "ghcr.io", "org/x", "", ""),
        ("oci://GHCR.io/org/x:V1", "ghcr.io", "org/x", "V1", ""),
        ("oci://localhost/x", "localhost", "x", "", ""),
        ("oci://localhost:5000/x:1", "localhost:5000", "x", "1", ""),
        ("oci://host:5000/a/b__c/d-e.f:_t", "host:5000", "a/b__c/d-e.f", "_t", ""),
        ("oci://[::1]:5000/x:1", "[::1]:5000", "x", "1", ""),
        (f"oci://10.0.0.1/x@sha256:{HEX}", "10.0.0.1", "x", "", f"sha256:{HEX}"),
        (f"oci://r.io/x:1@sha256:{HEX}", "r.io", "x", "1", f"sha256:{HEX}"),
    ],
)
def test_parts(uri: str, host: str, repository: str, tag: str, digest: str) -> None:
    assert reference.parse(uri) == (host, repository, tag, digest)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("oci://", "names no repository"),
        ("oci:///x", '"" is no host'),
        ("oci://ghcr.io", "names no repository"),
        ("oci://ghcr.io/", "is no name of a repository"),
        ("oci://foo:tag", "names no repository"),  # B-26: not docker.io/library/foo
        ("oci://foo/bar:tag", "has no dot and no port"),
        ("oci://GHCR.io/Org/x", '"Org/x" is no name of a repository'),
        ("oci://ghcr.io/org/x:", '"" is no tag'),
        ("oci://ghcr.io/org/x:-a", "is no tag"),
        (f"oci://ghcr.io/org/x:{'a' * 129}", "is no tag"),
        ("oci://ghcr.io/org//x", "is no name of a repository"),
        ("oci://ghcr.io/../x", "is no name of a repository"),
        ("oci://ghcr.io/x?y=1", "is no name of a repository"),
        ("oci://ghcr.io/x#f", "is no name of a repository"),
        ("oci://ghcr.io/a___b", "is no name of a repository"),
        ("oci://ghcr.io/x\n", "is no name of a repository"),
        ("oci://ghcr.io:0/x", "0 is no port"),
        ("oci://ghcr.io:65536/x", "65536 is no port"),
        ("oci://ghcr.io:/x", "is no host"),
        ("oci://ghcr..io/x", "is no host"),
        ("oci://gh%63r.io/x", "is no host"),
        ("oci://bücher.example/x", "is no host"),
        ("oci://ghcr.io/x@sha256:abc", "is no digest"),
        (f"oci://ghcr.io/x@sha512:{HEX}{HEX}", "is no digest"),
        (f"oci://ghcr.io/x@sha256:{HEX.upper()}", "is no digest"),
        (f"oci://ghcr.io/{'a' * 255}", "is no name of a repository"),
        (f"oci://ghcr.io/{'a' * 5000}", "too long"),
    ],
)
def test_refused(uri: str, reason: str) -> None:
    with pytest.raises(AicrError) as caught:
        reference.parse(uri)
    assert reason in str(caught.value)
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)


def test_a_password_in_a_reference_is_not_repeated() -> None:
    with pytest.raises(AicrError) as caught:
        reference.parse("oci://robin:sesame@ghcr.io/x:1")
    assert "sesame" not in f"{caught.value} {caught.value.hint}"
    assert "docker login" in (caught.value.hint or "")


def test_docker_hub_answers_under_another_name() -> None:
    assert reference.parse("oci://docker.io/team/x:1").api_host == "registry-1.docker.io"
    assert reference.parse("oci://ghcr.io/team/x:1").api_host == "ghcr.io"


def test_the_version_is_the_tag_of_what_is_pushed() -> None:
    assert publisher.check("oci://r.io/x", "1.2.3") == "oci://r.io/x:1.2.3"
    assert publisher.check("oci://r.io/x", "1.2.3+g12") == "oci://r.io/x:1.2.3_g12"
    assert publisher.check("oci://R.io/x:v1", "1.2.3") == "oci://r.io/x:v1"


def test_a_digest_is_pulled_not_pushed_to() -> None:
    uri = f"oci://r.io/x@sha256:{HEX}"
    assert publisher.check(uri, "") == uri
    with pytest.raises(AicrError, match="digest is what pushing gives"):
        publisher.check(uri, "1")
    with pytest.raises(AicrError, match="which bundle"):
        publisher.check("oci://r.io/x", "")


label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
part = st.from_regex(r"[a-z0-9]{1,5}((\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}", fullmatch=True)
tag = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)
digest = st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)


@given(
    st.lists(label, min_size=2, max_size=4).map(".".join),
    st.none() | st.integers(1, 65535),
    st.lists(part, min_size=1, max_size=4).map("/".join),
    st.just("") | tag,
    st.just("") | digest,
)
def test_what_is_written_is_read(
    name: str, port: int | None, repository: str, tag: str, digest: str
) -> None:
    host = f"{name}:{port}" if port else name
    made = reference.Reference(host, repository, tag, digest)
    assert reference.parse(made.uri) == made
    assert reference.parse(f"oci://{made}") == made


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_any_text_is_a_reference_or_one_clear_error(text: str) -> None:
    try:
        found = reference.parse(f"oci://{text}")
    except AicrError as error:
        assert error.exit_status == 2
        assert error.hint or "too long" in error.message
    else:
        assert reference.parse(found.uri) == found
        assert found.uri.isascii()
