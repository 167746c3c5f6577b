"""``POST /v1/bundle``: what is in the archive is the command line's bundle, with every parameter and deployer."""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from aicr_server import zipfiles
from aicr_server.zipfiles import Entry
from http_ask import Got, ask
from http_server import running
from hypothesis import given, settings
from hypothesis import strategies as st

from aicr_core.api import AicrError, Session, load
from aicr_core.cli.root import run

QUERY = "service=eks&accelerator=h100&intent=training&os=ubuntu&platform=kubeflow"
DEPLOYERS = Session().deployers()
REPO = "repo=https://git.example/r.git"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running("uvicorn", AICR_RATE_LIMIT="0", LOG_LEVEL="error") as (port, process):
        yield port
        assert not [event for event in process.events() if event["msg"] == "defect"]


@pytest.fixture(scope="module")
def recipe(port: int) -> bytes:
    return ask(port, f"/v1/recipe?{QUERY}").body


def _bundle(port: int, body: bytes, query: str = "") -> Got:
    return ask(port, f"/v1/bundle?{query}", "POST", body, Content_Type="application/json")


def _files(answer: Got) -> dict[str, tuple[bytes, int]]:
    assert answer.status == 200, answer.body
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        return {
            info.filename: (archive.read(info), info.external_attr >> 16 & 0o7777)
            for info in archive.infolist()
            if not info.is_dir()
        }


def _on_disk(folder: pathlib.Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o7777)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_an_archive_is_the_bundle_of_the_command_line_and_verifies(
    port: int, recipe: bytes, tmp_path: pathlib.Path, deployer: str
) -> None:
    (tmp_path / "recipe.json").write_bytes(recipe)
    query, words = f"deployer={deployer}", ["-d", deployer]
    if deployer.startswith("argocd"):
        query, words = f"{query}&{REPO}", [*words, "--repo", "https://git.example/r.git"]
    answer = _bundle(port, recipe, query)
    target = tmp_path / "cli"
    assert run(["bundle", "-r", str(tmp_path / "recipe.json"), "-o", str(target), *words]) == 0
    assert _files(answer) == _on_disk(target)
    unpacked = tmp_path / "zip"
    for path, (data, mode) in _files(answer).items():
        (unpacked / path).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / path).write_bytes(data)
        (unpacked / path).chmod(mode)
    assert run(["verify", str(unpacked)]) == 0
    assert _bundle(port, recipe, query).body == answer.body


def test_another_process_gives_the_same_bytes(port: int, recipe: bytes) -> None:
    with running("granian", AICR_RATE_LIMIT="0", LOG_LEVEL="error", TZ="Asia/Tokyo") as (other, _):
        one, two = _bundle(port, recipe), _bundle(other, recipe)
    assert one.body == two.body
    assert one.headers["etag"] == two.headers["etag"]
    assert one.headers["cache-control"] == "no-store"


def test_a_dry_run_lists_what_would_be_there(port: int, recipe: bytes) -> None:
    archive = _bundle(port, recipe)
    listed = _bundle(port, recipe, "dry-run=true")
    assert listed.headers["content-type"] == "application/json"
    found = listed.json
    expected = [
        {"path": path, "mode": f"{mode:04o}", "size": len(data),
         "digest": f"sha256:{hashlib.sha256(data).hexdigest()}"}
        for path, (data, mode) in _files(archive).items()
    ]  # fmt: skip
    assert found["files"] == expected
    assert found["archive"] == {
        "size": len(archive.body),
        "etag": archive.headers["etag"].strip('"'),
    }
    assert found["size"] == int(archive.headers["x-bundle-size"])
    assert len(found["notes"]) == int(archive.headers["x-bundle-notes"])
    assert _bundle(port, recipe, "dry-run=perhaps").status == 400


def test_notes_of_a_bundle_are_told(port: int) -> None:
    """The reference says nothing of them (spec/bundle.md 11, B-29)."""
    chart = {
        "type": "Helm",
        "source": "https://charts.example",
        "chart": "c",
        "version": "1.0.0",
        "namespace": "n",
    }
    recipe = {"kind": "RecipeResult", "apiVersion": "aicr.nvidia.com/v1alpha1", "componentRefs": [
        {"name": "nvsentinel", **chart}, {"name": "aws-efa", **chart, "dependencyRefs": ["nvsentinel"]}]}  # fmt: skip
    body = json.dumps(recipe).encode()
    answer = _bundle(port, body, "bundlers=aws-efa")
    listed = _bundle(port, body, "bundlers=aws-efa&dry-run=1").json
    assert int(answer.headers["x-bundle-notes"]) == len(listed["notes"]) > 0
    assert answer.headers["x-aicr-warnings"] == answer.headers["x-bundle-notes"]
    assert listed["notes"][0] in answer.headers["x-aicr-warning"]


def test_bundlers_choose_components(port: int, recipe: bytes) -> None:
    def folders(query: str) -> set[str]:
        return {path.split("/")[0] for path in _files(_bundle(port, recipe, query)) if "/" in path}

    assert folders("bundlers=cert-manager") == {"cert-manager"}
    both = {"cert-manager", "gpu-operator"}
    for query in (
        "bundlers=cert-manager,gpu-operator",
        "bundlers=gpu-operator&bundlers=cert-manager",
    ):
        assert folders(query) == both
    assert folders("bundlers=%20gpu-operator%20,cert-manager") == both
    for query, word in (
        ("bundlers=", "names no component"),
        ("bundlers=nope", "cert-manager"),
        ("bundlers=,", ""),
    ):
        refused = _bundle(port, recipe, query)
        assert refused.status == 400, query
        assert word in refused.json["details"]["error"]
    document = json.loads(recipe)
    for ref in document["componentRefs"]:
        if ref["name"] == "cert-manager":
            ref["overrides"] = {"enabled": False}
    assert _bundle(port, json.dumps(document).encode(), "bundlers=cert-manager").status == 400


def _values(answer: Got, name: str) -> Any:
    return load(_files(answer)[f"{name}/values.yaml"][0], name)


def test_values_are_set_as_texts_and_as_json(port: int, recipe: bytes) -> None:
    query = (
        'set=gpuoperator:a.b=1&set-string=gpuoperator:a.c=1&set-json=gpuoperator:a.d={"e":[1,"x"]}'
    )
    found = _values(_bundle(port, recipe, query.replace('"', "%22")), "gpu-operator")
    assert found["a"] == {"b": 1, "c": "1", "d": {"e": [1, "x"]}}
    for wrong in ("set-json=gpuoperator:a={", "set-string=x", "set-json=x:y"):
        assert _bundle(port, recipe, wrong).status == 400, wrong
        assert _bundle(port, recipe, wrong).json["message"].startswith("Invalid set-"), wrong


def test_values_can_be_left_open_where_the_deployer_can(port: int, recipe: bytes) -> None:
    query = (
        "deployer=argocd-helm&repo=https://git.example/r.git&dynamic=gpu-operator:driver.version"
    )
    assert _bundle(port, recipe, query).status == 200
    refused = _bundle(port, recipe, "deployer=helmfile&dynamic=nope:x")
    assert refused.status == 400


def test_files_of_this_machine_are_not_to_be_had(port: int, recipe: bytes) -> None:
    """--set-file has no counterpart: an unknown parameter counts for nothing."""
    answer = _bundle(port, recipe, "set-file=gpuoperator:a=/etc/hostname")
    assert answer.body == _bundle(port, recipe).body


def test_the_same_parameters_in_any_spelling_are_one_bundle(port: int, recipe: bytes) -> None:
    one = _bundle(port, recipe, "deployer=helm&nodes=4")
    assert one.body == _bundle(port, recipe, "nodes=004&deployer=%20HELM").body
    # A parameter that is wrong is wrong also after the same body was bundled.
    assert _bundle(port, recipe, "nodes=4x").status == 400
    # A body that is wrong is wrong with parameters that were right before.
    assert _bundle(port, recipe + b"{}", "deployer=helm&nodes=4").status == 400


# --- the archive, without a server ----------------------------------------------------------------

_NAMES = st.lists(
    st.text("abcä/.-", min_size=1, max_size=12).filter(lambda name: not name.endswith("/")),
    unique=True, max_size=6,
)  # fmt: skip


@settings(deadline=None)
@given(_NAMES, st.binary(max_size=200), st.sampled_from([0o600, 0o644, 0o755]))
def test_any_archive_is_read_back(names: list[str], data: bytes, mode: int) -> None:
    entries = [
        Entry("folder/"),
        *(Entry(name, data * number, mode) for number, name in enumerate(names)),
    ]
    packed = zipfiles.write(entries)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert [info.filename for info in archive.infolist()] == [entry.path for entry in entries]
        for info, entry in zip(archive.infolist(), entries, strict=True):
            assert archive.read(info) == entry.data
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.is_dir() or info.external_attr >> 16 & 0o7777 == mode
    assert zipfiles.write(entries) == packed


def test_more_files_than_an_archive_counts_are_refused() -> None:
    with pytest.raises(AicrError, match="65536 files"):
        zipfiles.write([Entry(str(number)) for number in range(65536)])
