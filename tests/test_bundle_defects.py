"""The reference's measured defects in bundles (spec/bundle.md 11), each as the better behaviour that we owe.

A test is named after its defect. What a defect needs in depth (scripts, deployers, registries, signatures) is tested
beside that part; here stands one proof for each, so that the list can be read and nothing on it comes back.
"""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import re
import subprocess
from typing import Any

import pytest
from registry import registry

from aicr_core.cli.root import run
from aicr_core.kit import yamlio

HEAD = {"kind": "RecipeResult", "apiVersion": "aicr.nvidia.com/v1alpha1"}
CHART: dict[str, Any] = {
    "name": "nvsentinel", "namespace": "nvs", "type": "Helm", "source": "https://charts.example",
    "chart": "c", "version": "v1.0.0",
}  # fmt: skip
KUSTOMIZE = {
    "name": "kust", "namespace": "three", "type": "Kustomize", "source": "https://git.example/repo",
    "path": "deploy", "tag": "v1",
    "manifestFiles": ["components/gpu-operator/manifests/gke-resource-quota.yaml"],
}  # fmt: skip
MANIFESTS = {
    "name": "quota", "namespace": "gpu-operator", "type": "Helm",
    "manifestFiles": ["components/gpu-operator/manifests/gke-resource-quota.yaml"],
}  # fmt: skip
RESERVED = {29: "the HTTP API: it is issue 6"}


class Lab:
    """A folder, and ``aicr bundle`` in it."""

    def __init__(self, folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.target = folder / "out"
        self._capsys = capsys

    def recipe(self, *refs: dict[str, Any], **fields: Any) -> Lab:
        document = {**HEAD, "componentRefs": list(refs), **fields}
        (self.folder / "recipe.json").write_text(json.dumps(document), "utf-8")
        return self

    def bundle(self, *argv: str, status: int = 0) -> str:
        """Run it; give what was said on both streams."""
        self._capsys.readouterr()
        got = run(["bundle", "-r", str(self.folder / "recipe.json"), "-o", str(self.target), *argv])
        said = self._capsys.readouterr()
        assert got == status, said.err
        assert "Traceback" not in said.err
        if status:
            assert not self.target.exists(), "a failed bundle leaves nothing behind"
        return said.out + said.err

    def values(self, name: str = "nvsentinel") -> Any:
        path = self.target / name / "values.yaml"
        return yamlio.load(path.read_bytes(), str(path)) or {}

    def files(self) -> list[str]:
        found = (path for path in self.target.rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.target)) for path in found)


@pytest.fixture
def lab(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> Lab:
    return Lab(tmp_path, capsys).recipe(CHART)


def test_b1_commas_part_overrides_only_where_another_one_begins(lab: Lab) -> None:
    lab.bundle("--set", "nvsentinel:x=p,q", "--set", "nvsentinel:y=1,nvsentinel:z=2")
    assert lab.values() | {} == {**lab.values(), "x": "p,q", "y": 1, "z": 2}


def test_b2_what_is_no_recipe_is_named(lab: Lab) -> None:
    lab.recipe(CHART, kind="Snapshot")
    assert "Snapshot" in lab.bundle(status=2)
    lab.recipe({**CHART, "verison": "1"})
    assert 'did you mean "version"' in lab.bundle(status=2)


def test_b3_overrides_that_do_nothing_are_refused(lab: Lab) -> None:
    assert 'did you mean "nvsentinel"' in lab.bundle("--set", "nvsentinal:a=1", status=2)
    lab.recipe({**CHART, "overrides": {"s": "text"}})
    assert "nvsentinel:s.x" in lab.bundle("--set", "nvsentinel:s.x=1", status=2)


@pytest.mark.parametrize("text", [":NoSchedule", "=v:NoSchedule", "a b=c:NoSchedule"])
def test_b4_keys_and_values_are_labels(lab: Lab, text: str) -> None:
    if text == ":NoSchedule":
        # Kubernetes does know a toleration without a key: it tolerates every taint of that effect.
        lab.bundle("--accelerated-node-toleration", text)
    else:
        lab.bundle("--accelerated-node-toleration", text, status=2)
    if not lab.target.exists():
        lab.bundle("--system-node-selector", "=y", status=2)


def test_b5_enabled_is_no_value_of_a_chart(lab: Lab) -> None:
    lab.recipe({**CHART, "overrides": {"enabled": True, "a": 1}}).bundle("--enable", "nvsentinel")
    assert "enabled" not in lab.values()


def test_b6_a_values_file_that_is_not_there_is_an_error(lab: Lab) -> None:
    lab.recipe({**CHART, "valuesFile": "components/nvsentinel/none.yaml", "overrides": {"a": 1}})
    assert "components/nvsentinel/none.yaml" in lab.bundle(status=3)


def test_b7_aliases_are_joined(lab: Lab) -> None:
    ref = {**CHART, "name": "gpu-operator", "chart": "gpu-operator"}
    words = ["--set", "gpuoperator:a.x=alias", "--set", "gpuoperator:a.y=alias"]
    lab.recipe(ref).bundle(*words, "--set", "gpu-operator:a.x=own")
    assert lab.values("gpu-operator")["a"] == {"x": "own", "y": "alias"}


def test_b8_versions_stay_text(lab: Lab) -> None:
    lab.recipe({**CHART, "overrides": {"image": {"tag": "1.9"}}})
    lab.bundle("--set", "nvsentinel:image.tag=1.10", "--set-string", "nvsentinel:other=1.10")
    assert lab.values()["image"]["tag"] == "1.10"
    assert lab.values()["other"] == "1.10"


def test_b9_defaults_do_not_overwrite_what_somebody_said(lab: Lab) -> None:
    own = [{"key": "mine", "operator": "Exists"}]
    lab.recipe({**CHART, "overrides": {"global": {"systemNodeTolerations": own}}}).bundle()
    assert lab.values()["global"]["systemNodeTolerations"] == own
    lab.bundle("--system-node-toleration", "flag:NoSchedule")
    assert lab.values()["global"]["systemNodeTolerations"][0]["key"] == "flag"


def test_b10_the_node_exporter_stays_on_gpu_nodes(lab: Lab) -> None:
    ref = {**CHART, "name": "kube-prometheus-stack", "chart": "kube-prometheus-stack"}
    lab.recipe(ref).bundle("--system-node-selector", "pool=system")
    values = lab.values("kube-prometheus-stack")
    assert values["grafana"]["nodeSelector"] == {"pool": "system"}
    assert "nodeSelector" not in values["prometheus-node-exporter"]


def test_b11_an_unknown_validation_is_an_error(lab: Lab, tmp_path: pathlib.Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "registry.yaml").write_text(
        "components:\n  - name: mine\n    displayName: m\n    validations:\n      - {function: NoSuchCheck, severity: error}\n"
    )
    lab.recipe({**CHART, "name": "mine"})
    assert "NoSuchCheck" in lab.bundle("--data", str(data), status=2)


def test_b12_two_manifests_of_one_name_are_refused(lab: Lab, tmp_path: pathlib.Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / "data/components" / folder).mkdir(parents=True)
        (tmp_path / "data/components" / folder / "x.yaml").write_text(f"kind: {folder}\n")
    (tmp_path / "data/registry.yaml").write_text("components: []\n")
    lab.recipe({**CHART, "manifestFiles": ["components/a/x.yaml", "components/b/x.yaml"]})
    assert "two manifest files are called x.yaml" in lab.bundle(
        "--data", str(tmp_path / "data"), status=2
    )


def _listed(lab: Lab) -> set[str]:
    lines = (lab.target / "checksums.txt").read_text("utf-8").splitlines()
    for line in lines:
        data = (lab.target / line[66:]).read_bytes()
        assert line[:64] == hashlib.sha256(data).hexdigest(), line
    return {line[66:] for line in lines}


DEPLOYERS = ("helm", "argocd", "argocd-helm", "flux", "helmfile")


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_b13_b15_every_file_is_in_the_checksums(
    lab: Lab, tmp_path: pathlib.Path, deployer: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/registry.yaml").write_text("components: []\n")
    (tmp_path / "data/extra.txt").write_text("mine\n")
    lab.bundle(
        "-d", deployer, "--data", str(tmp_path / "data"), "--repo", "https://git.example/r.git"
    )
    assert _listed(lab) == set(lab.files()) - {"checksums.txt"}
    assert {"recipe.yaml", "bundle-info.yaml", "data/extra.txt"} <= _listed(lab)


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_b14_no_manifest_is_lost(lab: Lab, deployer: str) -> None:
    lab.recipe(CHART, MANIFESTS)
    lab.bundle("-d", deployer, "--repo", "https://git.example/r.git")
    found = [path for path in lab.files() if path.endswith("gke-resource-quota.yaml")]
    assert found
    assert "kind: ResourceQuota" in (lab.target / found[0]).read_text("utf-8")
    assert "recipe.yaml" in lab.files()


def test_b16_the_same_output_can_be_written_again(lab: Lab, tmp_path: pathlib.Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/registry.yaml").write_text("components: []\n")
    lab.bundle("--data", str(tmp_path / "data"))
    before = lab.files()
    lab.bundle("--data", str(tmp_path / "data"))
    assert lab.files() == before


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a;touch /tmp/x"}, {"name": "$(id)"}, {"namespace": "Upper"}, {"chart": "`id`"},
        {"version": "1$(id)"}, {"source": "https://x/'y"},
    ],
)  # fmt: skip
def test_b17_nothing_of_a_recipe_reaches_a_shell(lab: Lab, change: dict[str, str]) -> None:
    lab.recipe({**CHART, **change}).bundle(status=2)


def test_b18_foreign_folders_are_left_alone_and_old_files_go(lab: Lab) -> None:
    lab.target.mkdir()
    (lab.target / "precious.txt").write_text("mine")
    run(["bundle", "-r", str(lab.folder / "recipe.json"), "-o", str(lab.target)])
    assert lab.files() == ["precious.txt"]
    (lab.target / "precious.txt").unlink()
    lab.recipe(CHART, MANIFESTS).bundle()
    assert "quota/values.yaml" in lab.files()
    lab.recipe(CHART).bundle()
    assert not [path for path in lab.files() if path.startswith("quota/")]


def test_b19_readmes_say_what_the_script_does(lab: Lab) -> None:
    lab.recipe(MANIFESTS).bundle()
    text = (lab.target / "README.md").read_text("utf-8")
    assert "kubectl apply -f quota/manifests/" in text
    assert "helm upgrade" not in text


def test_b20_an_unreachable_cluster_stops_at_once(lab: Lab) -> None:
    lab.bundle()
    tools = lab.folder / "none"
    tools.mkdir()
    for name, text in (("kubectl", "exit 1"), ("helm", "echo v4.1.4")):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    done = subprocess.run(
        ["bash", str(lab.target / "deploy.sh"), "--yes"], capture_output=True, text=True, check=False,
        env={"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(lab.folder)}, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the cluster does not answer" in done.stderr


def test_b21_manifests_of_kustomize_components_are_applied(lab: Lab) -> None:
    lab.recipe(KUSTOMIZE).bundle()
    text = (lab.target / "README.md").read_text("utf-8")
    assert "kustomize build" in text
    assert "kubectl apply -f kust/manifests/" in text


def test_b22_undeploy_touches_only_what_the_bundle_owns(lab: Lab, tmp_path: pathlib.Path) -> None:
    from fakes import calls, run_script

    lab.bundle()
    done = run_script(lab.target / "undeploy.sh", ["--yes"], tmp_path, {})
    assert done.returncode == 0, done.stderr
    changes = [
        call for call in calls(tmp_path, lab.target) if "uninstall" in call or "delete" in call
    ]
    assert changes
    for call in changes:
        assert "nvsentinel" in call or "nvs" in call, call
        assert not {"customresourcedefinitions", "crd", "crds", "--all"} & set(call), call
        assert "finalize" not in " ".join(call)


def test_b23_the_repository_is_the_real_one_everywhere(lab: Lab) -> None:
    repo = "https://git.example/org/repo.git"
    lab.recipe(CHART, MANIFESTS).bundle("-d", "argocd", "--repo", repo)
    texts = {path: (lab.target / path).read_text("utf-8") for path in lab.files()}
    assert not [path for path, text in texts.items() if "YOUR-ORG" in text or "{{ .RepoURL" in text]
    assert repo in texts["app-of-apps.yaml"]
    assert repo in texts["nvsentinel/application.yaml"]
    assert "--repo" in lab.bundle("-d", "argocd")


def test_b24_no_application_holds_a_null(lab: Lab) -> None:
    lab.recipe(CHART, MANIFESTS, KUSTOMIZE).bundle(
        "-d", "argocd", "--repo", "https://git.example/r"
    )
    seen = 0
    for path in lab.files():
        if path.endswith("application.yaml"):
            seen += 1
            document = yamlio.load((lab.target / path).read_bytes(), path)
            assert "null" not in json.dumps(document), path
            assert document["spec"]["destination"]["namespace"], path
    assert seen >= 3


def test_b25_b27_a_published_bundle_holds_just_the_bundle(
    lab: Lab, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference writes absolute paths, packs its own layout along, and grows with every run."""
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    lab.bundle()
    with registry(tmp_path / "registry") as host:
        references = []
        for target in ("oci://{}/team/stack:v1", "oci://{}/team/stack:v1"):
            recipe = str(tmp_path / "recipe.json")
            words = ["bundle", "-r", recipe, "-o", target.format(host), "--plain-http"]
            assert run([*words, "--image-refs", "refs"]) == 0
            references.append(pathlib.Path("refs").read_text())
        assert references[0] == references[1]
        uri = f"oci://{host}/team/stack:v1"
        assert run(["bundle", "pull", uri, "-o", "pulled", "--plain-http"]) == 0
    pulled = Lab(tmp_path, lab._capsys)
    pulled.target = tmp_path / "pulled"
    assert pulled.files() == lab.files()
    assert _listed(pulled) == set(pulled.files()) - {"checksums.txt"}
    left = {path.name for path in set(tmp_path.iterdir()) - before}
    assert left == {"out", "registry", "refs", "pulled"}


def test_b26_a_registry_is_named(lab: Lab) -> None:
    recipe = str(lab.folder / "recipe.json")
    assert run(["bundle", "-r", recipe, "-o", "oci://foo:tag"]) == 2


def test_b28_image_refs_name_registry_and_repository(lab: Lab, tmp_path: pathlib.Path) -> None:
    with registry(tmp_path / "registry") as host:
        words = ["-o", f"oci://{host}/team/stack", "--plain-http", "--image-refs"]
        recipe = str(lab.folder / "recipe.json")
        assert run(["bundle", "-r", recipe, *words, str(tmp_path / "refs")]) == 0
    text = (tmp_path / "refs").read_text()
    assert re.fullmatch(rf"{re.escape(host)}/team/stack@sha256:[0-9a-f]{{64}}\n", text)


def _signed(lab: Lab) -> str:
    key = str(lab.folder / "key.pem")
    assert run(["key", "generate", "-o", key]) == 0
    lab.bundle("--attest", "--signing-key", key)
    return key


def test_b30_a_statement_names_its_builder_and_no_path(lab: Lab) -> None:
    _signed(lab)
    data = json.loads((lab.target / "attestation/bundle-attestation.sigstore.json").read_bytes())
    statement = json.loads(base64.b64decode(data["dsseEnvelope"]["payload"]))
    assert statement["predicate"]["runDetails"]["builder"]["id"]
    assert str(lab.folder) not in json.dumps(statement)


def test_b31_what_no_list_names_fails_and_json_holds_the_verdict(lab: Lab) -> None:
    lab.bundle()
    assert run(["verify", str(lab.target)]) == 0
    (lab.target / "extra.sh").write_text("curl evil")
    lab._capsys.readouterr()
    assert run(["verify", str(lab.target), "--format", "json"]) == 4
    result = json.loads(lab._capsys.readouterr().out)
    assert result["verdict"] == "failed"
    assert any("extra.sh" in text for text in result["errors"])
    (lab.target / "extra.sh").unlink()
    (lab.target / "checksums.txt").write_text("")
    assert run(["verify", str(lab.target)]) == 4


def test_b32_verification_makes_no_connection(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    public = f"{_signed(lab)}.pub"

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "socket", refuse)
    words = ["--min-trust-level", "attested", "--key", public]
    assert run(["verify", str(lab.target), *words]) == 0


def test_b33_a_missing_template_value_is_an_error_that_names_it(lab: Lab) -> None:
    ref = {
        **CHART, "name": "skyhook-customizations", "source": "", "chart": "",
        "manifestFiles": ["components/skyhook-customizations/manifests/tuning.yaml"],
    }  # fmt: skip
    said = lab.recipe(ref).bundle(status=2)
    assert "skyhook-customizations" in said
    assert "tuning.yaml" in said
    assert "<no value>" not in said


def test_every_defect_has_a_test() -> None:
    names = " ".join(name for name in globals() if name.startswith("test_b"))
    tested = {int(number) for number in re.findall(r"_?b(\d+)(?=_)", names)}
    assert tested | set(RESERVED) == set(range(1, 34))
