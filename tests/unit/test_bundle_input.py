"""What ``aicr bundle`` refuses and remarks on: contradicting flags, texts no script should get."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from aicr_core.engine import setflags
from aicr_core.kit.errors import AicrError

REF = {
    "name": "one",
    "namespace": "n",
    "type": "Helm",
    "source": "https://charts.example",
    "chart": "c",
    "version": "1.0.0",
}


def write(folder: pathlib.Path, refs: list[dict[str, Any]], *argv: str) -> int:
    from aicr_core.cli.root import run

    recipe = folder / "recipe.json"
    head = {"kind": "RecipeResult", "apiVersion": "aicr.nvidia.com/v1alpha1"}
    recipe.write_text(json.dumps({**head, "componentRefs": refs}), "utf-8")
    return run(["bundle", "-r", str(recipe), "-o", str(folder / "out"), *argv])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"name": "one\n"}, "DNS-1123"),
        ({"namespace": "n\n"}, "DNS-1123"),
        ({"namespace": ""}, "a chart needs a namespace"),
        ({"chart": "--post-renderer=/tmp/x"}, "starts with -"),
        ({"version": "-"}, "starts with -"),
        ({"chart": "a\u2028b"}, "control character"),
        ({"type": "Kustomize", "path": "a", "tag": "v1\n"}, "control character"),
        ({"type": "Kustomize", "path": "a", "tag": "v1", "source": ""}, "needs a source"),
    ],
)
def test_texts_that_would_mislead_a_script_are_refused(
    change: dict[str, str], text: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(tmp_path, [{**REF, **change}]) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_line_break_at_the_end_is_no_part_of_a_value() -> None:
    for parse in (setflags.selectors, setflags.tolerations):
        for text in ("a=b\n", "a\n=b", "a=b\n:NoSchedule", "a\n:NoSchedule"):
            with pytest.raises(AicrError):
                parse([text], "--flag")
    assert setflags.typed("7\n") == "7\n"
    assert setflags.typed("1.5\n") == "1.5\n"
    assert setflags.typed("inf\n") == "inf\n"


def test_numbers_of_any_length() -> None:
    assert setflags.typed("9" * 30) == 1e30
    for length in (400, 5000):
        assert setflags.typed("9" * length) == "9" * length


@pytest.mark.parametrize(
    "argv",
    [
        ["--enable", "one", "--disable", "one"],
        ["--enable", "one", "--set", "one:enabled=0"],
        ["--set", "one:enabled=true", "--disable", "one"],
    ],
)
def test_on_and_off_at_once_is_refused(
    argv: list[str], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(tmp_path, [REF], *argv) == 2
    assert "one is switched both on and off" in capsys.readouterr().err


def test_an_unknown_component_is_named_with_the_flag_that_named_it(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(tmp_path, [REF], "--disable", "ones") == 2
    err = capsys.readouterr().err
    assert "--disable ones" in err
    assert 'did you mean "one"' in err


def test_what_is_most_likely_not_meant_is_noted(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = {**REF, "name": "two", "dependencyRefs": ["one"]}
    bare = {"name": "bare", "namespace": "n", "type": "Helm"}
    assert write(tmp_path, [REF, two, bare], "--disable", "one") == 0
    out = capsys.readouterr().out
    assert "two needs one, which this bundle leaves out" in out
    assert "bare has neither a chart's source nor manifests" in out


def test_repo_is_for_other_deployers_and_may_stand_once(tmp_path: pathlib.Path) -> None:
    assert write(tmp_path, [REF], "--repo", "https://git.example/r") == 0
    assert write(tmp_path, [REF], "--repo", "a", "--repo", "b") == 2


def test_values_of_a_kustomize_folder_are_remarked_on(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = {
        "name": "k",
        "namespace": "n",
        "type": "Kustomize",
        "source": "https://g.example/k",
        "path": "p",
    }
    for more, said in (
        ({}, False),
        ({"overrides": {"a": 1}}, True),
        ({"overrides": {"enabled": True}}, False),
    ):
        assert write(tmp_path, [{**folder, **more}]) == 0
        assert ("takes none of" in capsys.readouterr().out) is said


@pytest.mark.parametrize("deployer", ["helm", "argocd", "argocd-helm", "flux", "helmfile"])
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://git example.com/r", "blank"),
        ("https://git.example.com/r\nx", "blank"),
        ("https://git.example.com/\x1b[31m", "control"),
        ("https://git.example.com/$(id)", "$"),
        ('https://git.example.com/"', "quote"),
        ("--upload-pack=x", "begins with -"),
        ("oci://reg.example/x", "no Git repository"),
        ("https://user:token@git.example.com/r.git", "password"),
        ("ssh://user:token@git.example.com/r.git", "password"),
    ],
)
def test_a_repository_that_cannot_work_is_refused(
    deployer: str, url: str, reason: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(tmp_path, [REF], "-d", deployer, f"--repo={url}") == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "--repo" in line]
    assert reason in line
    assert "token@" not in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("deployer", ["argocd", "argocd-helm", "flux"])
@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/r.git",
        "git@github.com:team/r.git",
        "ssh://git@host:22/r",
        "https://[::1]:8443/r",
    ],
)
def test_every_form_of_a_repository(deployer: str, url: str, tmp_path: pathlib.Path) -> None:
    manifest = {
        **REF,
        "name": "gpu-operator",
        "manifestFiles": ["components/gpu-operator/manifests/gke-resource-quota.yaml"],
    }
    made = []
    for number, text in enumerate((url, f"  {url} ")):
        (tmp_path / str(number)).mkdir()
        assert write(tmp_path / str(number), [manifest], "-d", deployer, "--repo", text) == 0
        files = sorted(
            path for path in (tmp_path / str(number) / "out").rglob("*") if path.is_file()
        )
        made.append([path.read_bytes() for path in files])
    assert made[0] == made[1]
    address = {"flux": url.replace("git@github.com:", "ssh://git@github.com/")}.get(deployer, url)
    assert any(address.encode() in data for data in made[0])


@pytest.mark.parametrize("deployer", ["helm", "argocd", "argocd-helm", "flux", "helmfile"])
def test_a_bundle_that_would_install_nothing_is_refused(
    deployer: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = {"name": "one", "namespace": "n", "type": "Helm"}
    assert write(tmp_path, [nothing], "-d", deployer) == 2
    assert "nothing" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert write(tmp_path, [nothing, {**REF, "name": "two"}], "-d", deployer) == 0


KUSTOMIZE = {
    "name": "k",
    "namespace": "n",
    "type": "Kustomize",
    "source": "https://g.example/k",
    "path": "p",
    "tag": "v1",
}


@pytest.mark.parametrize("deployer", ["helm", "argocd", "argocd-helm", "flux", "helmfile"])
@pytest.mark.parametrize("path", ["../x", "a/../../x", "..", "/etc"])
def test_a_folder_outside_of_the_repository_is_refused(
    deployer: str, path: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(tmp_path, [{**KUSTOMIZE, "path": path}], "-d", deployer) == 2
    assert "leaves the repository" in capsys.readouterr().err
    assert write(tmp_path, [{**KUSTOMIZE, "path": "a..b/c"}], "-d", deployer) == 0


@pytest.mark.parametrize("deployer", ["argocd", "argocd-helm", "flux", "helmfile"])
@pytest.mark.parametrize(
    "source", ["charts.example/x", "ftp://charts.example", "s3://bucket", "file:///x", "https://"]
)
def test_a_chart_that_only_a_plugin_of_helm_can_fetch(
    deployer: str, source: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(tmp_path, [{**REF, "source": source}], "-d", deployer) == 2
    assert f'cannot fetch charts from "{source}"' in capsys.readouterr().err


@pytest.mark.parametrize("deployer", ["helm", "argocd-helm", "flux", "helmfile"])
def test_a_value_stands_in_the_way_of_what_is_given_later(
    deployer: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for value, status in ((1, 2), ([1], 2), ("x", 2), (None, 0), ({"c": 1}, 0)):
        argv = ["-d", deployer, "--dynamic", "one:a.b"]
        assert write(tmp_path, [{**REF, "overrides": {"a": value}}], *argv) == status
        assert ('"a" is no mapping' in capsys.readouterr().err) is bool(status)


def test_the_slash_behind_a_registry_is_no_part_of_it(tmp_path: pathlib.Path) -> None:
    assert write(tmp_path, [{**REF, "source": "oci://r.example/x//"}]) == 0
    assert "\toci://r.example/x\tc\t" in (tmp_path / "out/releases.tsv").read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"overrides": {"a": [{"b": "X"}]}}, "no finite number"),
        ({"source": "https://user:secret@charts.example"}, "holds a password"),
    ],
)
def test_what_will_hardly_work_is_remarked_on(
    change: dict[str, Any], note: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        write(
            tmp_path,
            [{**REF, **change}],
            "--set",
            "one:x=nan" if "overrides" in change else "one:x=1",
        )
        == 0
    )
    assert note in capsys.readouterr().out


def test_a_file_of_data_is_none_of_the_applications(tmp_path: pathlib.Path) -> None:
    data = tmp_path / "data"
    (data / "x").mkdir(parents=True)
    (data / "registry.yaml").write_text(
        "kind: ComponentRegistry\napiVersion: aicr.nvidia.com/v1alpha1\ncomponents: []\n"
    )
    (data / "x/application.yaml").write_text("kind: Application\n")
    assert write(tmp_path, [REF], "-d", "argocd", "--data", str(data)) == 0
    assert (tmp_path / "out/data/x/application.yaml").is_file()
    assert "include: one/application.yaml" in (tmp_path / "out/app-of-apps.yaml").read_text("utf-8")
