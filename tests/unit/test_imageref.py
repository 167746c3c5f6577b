"""References of images: what is one, what is not, and that taking apart and putting together loses nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.kit.imageref import ImageReference, image_reference

SHA = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    ("text", "parts", "full"),
    [
        ("busybox", ("", "busybox", "", ""), "docker.io/library/busybox:latest"),
        ("busybox:1.36", ("", "busybox", "1.36", ""), "docker.io/library/busybox:1.36"),
        ("team/app:v1", ("", "team/app", "v1", ""), "docker.io/team/app:v1"),
        ("localhost/app", ("localhost", "app", "", ""), "localhost/app:latest"),
        ("reg:5000/a/b", ("reg:5000", "a/b", "", ""), "reg:5000/a/b:latest"),
        ("nvcr.io/nvidia/driver:570.1-ubuntu22.04", ("nvcr.io", "nvidia/driver", "570.1-ubuntu22.04", ""), None),
        (f"quay.io/a/b@{SHA}", ("quay.io", "a/b", "", SHA), None),
        (f"quay.io/a/b:1@{SHA}", ("quay.io", "a/b", "1", SHA), None),
        ("index.docker.io/library/x:1", ("index.docker.io", "library/x", "1", ""), "docker.io/library/x:1"),
        ("[2001:db8::1]:5000/a:1", ("[2001:db8::1]:5000", "a", "1", ""), None),
        ("MyHost/a:1", ("MyHost", "a", "1", ""), None),
        ("foo:8080", ("", "foo", "8080", ""), "docker.io/library/foo:8080"),
    ],
)  # fmt: skip
def test_is_one(text: str, parts: tuple[str, ...], full: str | None) -> None:
    found = image_reference(text)
    assert found == parts
    assert str(found) == text
    assert str(found.full) == (full or text)


@pytest.mark.parametrize(
    "text",
    [
        "", " busybox", "busybox ", "Busybox", "a//b", "/a", "a/", "a:", "a@", "a:tag:tag", "https://a/b:1", "a b:1",
        "{{ .Values.image }}", "${IMAGE}", "a@sha256:zz", "a:-x", "a..b", "x" * 2000, "reg:port/a", "a\n", "team/App:1",
    ],
)  # fmt: skip
def test_is_none(text: str) -> None:
    assert image_reference(text) is None


_PART = st.from_regex(r"[a-z0-9]{1,6}(?:(?:\.|_|__|-{1,2})[a-z0-9]{1,6}){0,2}", fullmatch=True)
_HOST = st.from_regex(r"(?:[a-z0-9]{1,5}\.[a-z]{2,3}|localhost|[A-Z][a-z]{0,3})(?::[0-9]{1,5})?", fullmatch=True)  # fmt: skip
_TAG = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(
    registry=st.just("") | _HOST,
    parts=st.lists(_PART, min_size=1, max_size=3),
    tag=st.just("") | _TAG,
    digest=st.just("") | st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True),
)
def test_parts_come_back(registry: str, parts: list[str], tag: str, digest: str) -> None:
    if (
        not registry
        and len(parts) > 1
        and (re.search(r"[.:]", parts[0]) or parts[0] == "localhost")
    ):
        return  # the first part is a registry then
    made = ImageReference(registry, "/".join(parts), tag, digest)
    assert image_reference(str(made)) == made
    assert image_reference(str(made.full)) == made.full, "the full form is a reference"
    assert made.full.full == made.full


@given(st.text(max_size=40))
def test_any_text_is_taken_whole_or_not_at_all(text: str) -> None:
    found = image_reference(text)
    assert found is None or str(found) == text
