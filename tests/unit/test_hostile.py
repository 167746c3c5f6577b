"""Bad input is one clear line and a documented exit code: never a traceback, never a partial file."""

from __future__ import annotations

import os
import pathlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aicr_core.cli.root import run
from aicr_core.engine import schemas
from aicr_core.engine.gotemplate import render
from aicr_core.engine.setflags import override, selectors, tolerations, typed
from aicr_core.kit import yamlio
from aicr_core.kit.errors import AicrError

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9)
)
HEAD = b"kind: RecipeResult\napiVersion: aicr.nvidia.com/v1alpha1\n"
CORPUS: dict[str, bytes] = {
    "empty": b"",
    "binary": bytes(range(256)),
    "latin1": b"kind: Caf\xe9\n",
    "nul": b"kind: \x00\n",
    "tab": b"kind:\n\t- x\n",
    "unclosed": b"kind: [a, b\n",
    "colon": b"kind: a: b: c\n",
    "duplicate": b"kind: RecipeResult\nkind: RecipeResult\n",
    "bomb": BOMB.encode(),
    "self-alias": b"a: &a [*a]\n",
    "no-anchor": b"a: *nope\n",
    "deep": b"[" * 5000,
    "deep-map": ("".join(" " * n + "a:\n" for n in range(300))).encode(),
    "tag": b"!!python/object/apply:os.system ['true']\n",
    "merge": b"<<: 5\n",
    "list": b"- a\n- b\n",
    "scalar": b"hello\n",
    "key": b"? [a, b]\n: c\n",
    "kind": b"kind: Snapshot\napiVersion: aicr.nvidia.com/v1alpha1\n",
    "overlay": b"kind: RecipeMetadata\nmetadata:\n  name: x\n",
    "version": b"kind: RecipeResult\napiVersion: foo/v9\n",
    "typo": HEAD + b"componentRef: []\n",
    "nothing": HEAD + b"componentRefs: []\n",
    "null-item": HEAD + b"componentRefs: [null]\n",
    "no-name": HEAD + b"componentRefs: [{type: Helm}]\n",
    "shell": HEAD + b"componentRefs: [{name: '$(id)', type: Helm, source: https://x, version: v1}]\n",
    "newline": HEAD + b'componentRefs: [{name: a, type: Helm, source: "https://x\\nrm", version: v1}]\n',
    "escape": HEAD + b"componentRefs: [{name: ../a, type: Helm, source: https://x, version: v1}]\n",
    "file": HEAD
    + b"componentRefs: [{name: a, type: Helm, source: https://x, version: v1, valuesFile: ../../etc/x}]\n",
    "twice": HEAD + b"componentRefs: [{name: a, manifestFiles: [x]}, {name: a, manifestFiles: [x]}]\n",
    "huge": b"#" + b"x" * (11 * 1024 * 1024),
}  # fmt: skip


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_recipe(
    name: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_bytes(CORPUS[name])
    status = run(["bundle", "-r", str(recipe), "-o", str(tmp_path / "out")])
    captured = capsys.readouterr()
    assert status in (2, 3)
    assert captured.err.startswith("[")
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.yaml"]


@pytest.mark.parametrize("name", sorted(set(CORPUS) - {"empty", "overlay", "scalar"}))
def test_a_hostile_data_directory(
    name: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    (data / "overlays").mkdir(parents=True)
    (data / "registry.yaml").write_text("components: []\n")
    (data / "overlays/x.yaml").write_bytes(CORPUS[name])
    status = run(["recipe", "--intent", "training", "--allow-partial", "--data", str(data)])
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert status in (0, 2, 3)
    assert "x.yaml" in err


def test_links_in_data_directories_are_refused(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "registry.yaml").write_text("components: []\n")
    (data / "passwd.yaml").symlink_to("/etc/passwd")
    assert run(["recipe", "--intent", "training", "--data", str(data)]) == 2
    assert "symbolic link" in capsys.readouterr().err


def test_places_are_named(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("kind: RecipeCriteria\nspec:\n  service: eks\n  acelerator: h100\n")
    assert run(["recipe", "--criteria", str(file)]) == 2
    err = capsys.readouterr().err
    assert f"{file}:4:3" in err
    assert 'did you mean "accelerator"' in err


class TestOutput:
    """Where a bundle may be written, and that a failure changes nothing."""

    RECIPE = (
        HEAD.decode()
        + "componentRefs: [{name: a, namespace: n, type: Helm, source: https://x, version: v1}]\n"
    )

    TWO = RECIPE.replace(
        "version: v1}", "version: v1}, {name: b, namespace: n, type: Helm, source: https://x, version: v1}"
    )  # fmt: skip

    def write(self, folder: pathlib.Path, *argv: str, text: str = RECIPE) -> int:
        recipe = folder / "recipe.yaml"
        recipe.write_text(text)
        return run(["bundle", "-r", str(recipe), "-o", str(folder / "out"), *argv])

    def test_a_foreign_directory_is_refused(self, tmp_path: pathlib.Path) -> None:
        out = tmp_path / "out"
        out.mkdir()
        (out / "precious.txt").write_text("mine")
        assert self.write(tmp_path) == 2
        assert sorted(path.name for path in out.iterdir()) == ["precious.txt"]
        assert self.write(tmp_path, "--force") == 0
        assert (out / "precious.txt").read_text() == "mine"

    def test_an_older_bundle_is_replaced_whole(self, tmp_path: pathlib.Path) -> None:
        assert self.write(tmp_path, text=self.TWO) == 0
        assert (tmp_path / "out/b/values.yaml").exists()
        assert self.write(tmp_path) == 0
        assert not (tmp_path / "out/b").exists()

    def test_files_of_others_beside_an_older_bundle_are_not_lost(
        self, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.write(tmp_path, text=self.TWO) == 0
        mine = [tmp_path / "out/.github/ci.yml", tmp_path / "out/b/notes.txt"]
        for path in mine:
            path.parent.mkdir(exist_ok=True)
            path.write_text("mine")
        assert self.write(tmp_path) == 2
        assert "none of its own: .github/ci.yml, b/notes.txt" in capsys.readouterr().err
        assert (tmp_path / "out/b/values.yaml").exists()
        assert self.write(tmp_path, "--force") == 0
        assert [path.read_text() for path in mine] == ["mine", "mine"]
        assert not (tmp_path / "out/b/values.yaml").exists()

    @pytest.mark.parametrize("files", ["[1]", "{}", "3", '[{"path": []}]', "null"])
    def test_an_older_bundle_with_a_broken_inventory(
        self, tmp_path: pathlib.Path, files: str
    ) -> None:
        assert self.write(tmp_path) == 0
        text = f'{{"kind": "BundleInventory", "files": {files}}}'
        (tmp_path / "out/inventory.json").write_text(text)
        assert self.write(tmp_path) == 2
        assert (tmp_path / "out/inventory.json").read_text() == text

    def test_standard_output_takes_no_bundle(
        self,
        tmp_path: pathlib.Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "recipe.yaml").write_text(self.RECIPE)
        assert run(["bundle", "-r", "recipe.yaml", "-o", "-"]) == 2
        assert "standard output" in capsys.readouterr().err
        assert [path.name for path in tmp_path.iterdir()] == ["recipe.yaml"]

    def test_the_history_of_a_checkout_stays(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "out/.git/objects").mkdir(parents=True)
        (tmp_path / "out/.git/HEAD").write_text("ref: refs/heads/main")
        assert self.write(tmp_path, text=self.TWO) == 0
        assert self.write(tmp_path) == 0
        assert (tmp_path / "out/.git/HEAD").read_text() == "ref: refs/heads/main"
        assert not (tmp_path / "out/b").exists()
        assert ".git" not in (tmp_path / "out/inventory.json").read_text()

    def test_an_output_that_is_a_file(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "out").write_text("x")
        assert self.write(tmp_path) == 2
        assert (tmp_path / "out").read_text() == "x"

    def test_an_unwritable_parent(self, tmp_path: pathlib.Path) -> None:
        recipe = tmp_path / "recipe.yaml"
        recipe.write_text(self.RECIPE)
        assert run(["bundle", "-r", str(recipe), "-o", "/proc/nowhere/out"]) in (3, 4)

    def test_an_interruption_leaves_the_old_bundle(
        self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.write(tmp_path) == 0
        before = {p: p.read_bytes() for p in sorted((tmp_path / "out").rglob("*")) if p.is_file()}

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "rename", interrupt)
        assert self.write(tmp_path, "--set", "a:x=1") == 9
        monkeypatch.undo()
        after = {p: p.read_bytes() for p in sorted((tmp_path / "out").rglob("*")) if p.is_file()}
        assert after == before
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "recipe.yaml"]


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_bytes_are_a_document_or_one_error(data: bytes) -> None:
    for read in (yamlio.compose, yamlio.compose_json):
        try:
            node = read(data, "x")
            if node is not None:
                yamlio.plain(node, "x")
        except AicrError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("text", ["0\n\n0", 'kind: RecipeResult\napiVersion: "\x1b[31m\\n"\n'])
def test_what_a_message_quotes_stays_on_its_line(text: str) -> None:
    with pytest.raises(AicrError) as caught:
        schemas.decode_document(text, "x", schemas.RECIPE, "RecipeResult")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan", "1e999"])
def test_a_number_that_is_no_number_is_refused(number: str) -> None:
    text = f"kind: RecipeCriteria\nspec:\n  nodes: {number}\n"
    with pytest.raises(AicrError, match=r"x:3:\d+: spec\.nodes must be"):
        schemas.decode_document(text, "x", schemas.CRITERIA_FILE, "RecipeCriteria")


@given(st.text(st.sampled_from("abc:-[]{}&*!|>'\"%@`#,? \n\t0123.e_<=~"), max_size=60))
@settings(deadline=None)
def test_any_yaml_like_text_is_a_document_or_one_error(text: str) -> None:
    for schema, kind in ((schemas.RECIPE, "RecipeResult"), (schemas.SNAPSHOT, "Snapshot")):
        try:
            schemas.decode_document(text, "x", schema, kind)
        except AicrError as error:
            assert "\n" not in str(error)


@given(st.text(max_size=40))
@settings(deadline=None)
def test_any_flag_text_parses_or_is_refused(text: str) -> None:
    typed(text)
    for parse in (
        lambda: override(text),
        lambda: selectors([text], "--x"),
        lambda: tolerations([text], "--x"),
    ):
        try:
            parse()
        except AicrError:
            continue


@given(st.text(st.sampled_from('{}-. $|()"ifendrangewithelse:=index Valuesab0\n'), max_size=80))
@settings(deadline=None)
def test_any_template_renders_or_is_refused(text: str) -> None:
    try:
        render(text, {"Values": {"a": {"b": [1, 2]}}})
    except AicrError:
        pass


@pytest.mark.parametrize(
    ("word", "said"), [("recipe.yaml", "given with --recipe"), ("chek", 'did you mean "check"?')]
)
def test_a_word_after_bundle_that_is_no_command(
    word: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bundle", word, "-o", "out"]) == 1
    assert said in capsys.readouterr().err
