"""Whatever lies in a folder that is said to be a release: a ReleaseError of one printable line, or it is good."""

from __future__ import annotations

import json
import pathlib
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from aicr_release import check, checksums, command, layout, provenance, signing
from aicr_release.failure import Kind, ReleaseError
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Made

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,20}", fullmatch=True).filter(
    lambda name: name not in layout.UNLISTED
)
DIGESTS = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def _refused(call: Callable[[], object]) -> None:
    """Call it: it may succeed or raise a ReleaseError, and that is one line."""
    try:
        call()
    except ReleaseError as error:
        assert str(error).isprintable()


@given(st.dictionaries(NAMES, DIGESTS, min_size=1, max_size=8))
def test_sums_are_read_as_they_were_written(sums: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, layout.SUMS).write_text(checksums.text(sums))
        assert checksums.read(pathlib.Path(folder)) == sums


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda t: t.encode("utf-8", "replace")))
def test_sums_of_anything(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, layout.SUMS).write_bytes(content)
        _refused(lambda: checksums.read(pathlib.Path(folder)))


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Give the path of every value in a document."""
    found = [at]
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, one in inner:
        found += _places(one, (*at, key))
    return found


def _put(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = _put(value[at[0]], at[1:], new)
    return copy


@settings(deadline=None)
@given(st.data())
def test_a_document_with_anything_at_any_place(made: Made, data: st.DataObject) -> None:
    """The statement, the envelope and an SBOM of a good release, each with one value replaced."""
    statement = (made.folder / layout.STATEMENT).read_text("utf-8")
    envelope = (made.folder / layout.ENVELOPE).read_text("utf-8")
    new = data.draw(ANYTHING)
    for text, read in (
        (statement, provenance.read),
        (envelope, lambda t: signing.verify(t, statement.encode(), made.public.read_bytes())),
    ):
        document = json.loads(text)
        changed = _put(document, data.draw(st.sampled_from(_places(document))), new)
        _refused(lambda read=read, changed=changed: read(json.dumps(changed)))
    bom = json.loads((made.folder / "aicr_helm-0.1.0.cdx.json").read_text("utf-8"))
    changed = _put(bom, data.draw(st.sampled_from(_places(bom))), new)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "x.cdx.json")
        path.write_text(json.dumps(changed), "utf-8")
        _refused(lambda: check._described(path))


@given(ANYTHING)
def test_any_document_in_place_of_one(value: Any) -> None:
    _refused(lambda: provenance.read(json.dumps(value)))
    with pytest.raises(ReleaseError):
        signing._signatures(json.dumps(value), b"{}")


def test_names_cannot_steer_a_terminal(
    release: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (release / "a\x1b[2J\nb").touch()
    assert command.main([str(release)]) == Kind.DIFFERS.value
    assert (
        capsys.readouterr().err == "[DIFFERS] a\\x1b[2J b: is added: the release does not list it\n"
    )
    (release / "a\x1b[2J\nb").unlink()
    odd = release.rename(release.parent / "odd\udcff\x07")
    assert command.main([str(odd)]) == 0
    assert capsys.readouterr().out.startswith("odd\\udcff\\x07: 3 distributions")
