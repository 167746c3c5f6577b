"""``aicr recipe validate``: every rule has a wrong catalogue that it alone catches; what we ship is clean."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
import sarif
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.api import Session
from aicr_core.app.environment import Environment
from aicr_core.app.recipe_lint import LintRequest, lint_catalogue
from aicr_core.cli.root import run
from aicr_core.engine.layers import Layer
from aicr_core.engine.lint import lint
from aicr_core.engine.lint_allow import allowances
from aicr_core.engine.lint_findings import Finding, LintReport
from aicr_core.engine.lint_formats import write
from aicr_core.engine.lint_project import Checks
from aicr_core.engine.lint_reading import Reader
from aicr_core.engine.lint_rules import RULES, SEVERITIES
from aicr_core.kit import yamlio
from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.settings import Settings

ROOT = pathlib.Path(__file__).resolve().parents[2]

SOUND = {
    "registry.yaml": """\
apiVersion: aicr.nvidia.com/v1alpha1
kind: ComponentRegistry
components:
  - name: alpha
    displayName: Alpha
    valueOverrideKeys: [first]
    healthCheck:
      assertFile: checks/alpha/health-check.yaml
    helm:
      defaultRepository: https://charts.example.com
      defaultChart: alpha
      defaultNamespace: alpha
  - name: beta
    displayName: Beta
    helm:
      defaultRepository: https://charts.example.com
      defaultChart: beta
      defaultVersion: v2.0.0
""",
    "overlays/base.yaml": """\
kind: RecipeMetadata
apiVersion: aicr.nvidia.com/v1alpha1
metadata:
  name: base
spec:
  constraints:
    - name: K8s.server.version
      value: ">= 1.30"
  componentRefs:
    - name: alpha
      type: Helm
      version: v1.0.0
      valuesFile: components/alpha/values.yaml
      manifestFiles:
        - components/alpha/manifests/extra.yaml
""",
    "overlays/cloud.yaml": """\
kind: RecipeMetadata
apiVersion: aicr.nvidia.com/v1alpha1
metadata:
  name: cloud
spec:
  base: base
  mixins: [tools]
  criteria:
    service: eks
  componentRefs:
    - name: alpha
      overrides:
        size: large
""",
    "overlays/cloud-training.yaml": """\
kind: RecipeMetadata
apiVersion: aicr.nvidia.com/v1alpha1
metadata:
  name: cloud-training
spec:
  base: cloud
  criteria:
    service: eks
    intent: training
  constraints:
    - name: OS.release.ID
      value: ubuntu
  componentRefs:
    - name: beta
      type: Helm
      dependencyRefs: [alpha]
  validation:
    deployment:
      checks: [operator-health]
""",
    "mixins/tools.yaml": """\
kind: RecipeMixin
apiVersion: aicr.nvidia.com/v1alpha1
metadata:
  name: tools
spec:
  constraints:
    - name: OS.release.VERSION_ID
      value: "24.04"
""",
    "components/alpha/values.yaml": "size: small\nnested:\n  on: true\n",
    "components/alpha/manifests/extra.yaml": "kind: ConfigMap\n",
    "checks/alpha/health-check.yaml": "kind: Test\n",
}
LEAF, CLOUD, BASE, REGISTRY = (
    "overlays/cloud-training.yaml", "overlays/cloud.yaml", "overlays/base.yaml", "registry.yaml",
)  # fmt: skip


def edit(path: str, old: str, new: str) -> dict[str, str]:
    """Give a file of the sound catalogue with one thing changed."""
    assert SOUND[path].count(old) == 1, (path, old)
    return {path: SOUND[path].replace(old, new)}


def overlay(name: str, spec: str, path: str = "") -> dict[str, str]:
    """Give a further overlay."""
    head = "kind: RecipeMetadata\napiVersion: aicr.nvidia.com/v1alpha1\n"
    return {path or f"overlays/{name}.yaml": f"{head}metadata:\n  name: {name}\nspec:\n{spec}"}


# Rule -> what makes the sound catalogue break it, and nothing else, and the place of the finding.
WRONG: dict[str, tuple[dict[str, str], str]] = {
    "R001": (edit(LEAF, "  base: cloud\n", "  base: [cloud\n"), f"{LEAF}:7:11"),
    "R002": (edit(LEAF, "checks: [operator-health]", "checks: operator-health"), f"{LEAF}:19:15"),
    "R003": (edit(LEAF, "      dependencyRefs", "      dependsOn: [alpha]\n      dependencyRefs"), f"{LEAF}:16:7"),
    "R004": (edit(LEAF, "v1alpha1", "v9"), f"{LEAF}:2:13"),
    "R005": (edit(LEAF, "name: cloud-training", "name: cloud-train"), f"{LEAF}:4:9"),
    "R006": (edit(LEAF, "  name: cloud-training", "  version: '1'"), f"{LEAF}:3:1"),
    "R007": (edit(LEAF, "base: cloud", "base: clod"), f"{LEAF}:6:9"),
    "R008": (edit(CLOUD, "base: base", "base: cloud"), f"{CLOUD}:6:9"),
    "R009": (edit(CLOUD, "[tools]", "[tools, tolls]"), f"{CLOUD}:7:19"),
    "R010": (overlay("other", "  criteria: {service: eks}\n"), "overlays/other.yaml:6:3"),
    "R012": (edit(LEAF, "intent: training", "intent: trainning"), f"{LEAF}:9:13"),
    "R013": (edit(LEAF, "intent: training", "intent: gaming"), f"{LEAF}:9:13"),
    "R014": (edit(LEAF, "service: eks", "service: gke"), f"{LEAF}:8:14"),
    "R015": (edit(LEAF, "    service: eks\n", ""), f"{LEAF}:7:3"),
    "R016": (edit(LEAF, "OS.release.ID", "Os.release.ID"), f"{LEAF}:11:7"),
    "R017": (edit(LEAF, "OS.release.ID", "OS.releese.ID"), f"{LEAF}:11:13"),
    "R018": (edit(LEAF, "value: ubuntu", 'value: ">= jammy"'), f"{LEAF}:12:14"),
    "R019": (
        edit(LEAF, "    - name: OS", '    - name: K8s.server.version\n      value: ">= 1.28"\n    - name: OS'),
        f"{LEAF}:12:14",
    ),
    "R020": (edit(LEAF, "[operator-health]", "[operator-helth]"), f"{LEAF}:19:16"),
    "R021": (edit(LEAF, "    deployment:", "    performance:"), f"{LEAF}:19:16"),
    "R022": (edit(LEAF, "    deployment:\n", "    deployment:\n      timeout: soon\n"), f"{LEAF}:19:16"),
    "R023": (edit(LEAF, "      type: Helm\n", "      type: Helm\n      valuesFile: components/beta/v.yaml\n"), f"{LEAF}:16:19"),
    "R024": (edit(LEAF, "      type: Helm\n", "      manifestFiles:\n        - components/beta/m.yaml\n"), f"{LEAF}:16:11"),
    "R025": (edit(BASE, "version: v1.0.0", "version: ^1.0"), f"{BASE}:12:16"),
    "R026": (edit(LEAF, "[alpha]", "[gamma]"), f"{LEAF}:16:24"),
    "R027": (edit(CLOUD, "      overrides", "      dependencyRefs: [alpha]\n      overrides"), f"{CLOUD}:12:7"),
    "R028": (edit(LEAF, "name: beta", "name: gamma"), f"{LEAF}:14:13"),
    "R029": (edit(LEAF, "      type: Helm", "      tag: v1\n      type: Helm"), f"{LEAF}:14:13"),
    "R030": (edit(CLOUD, "  componentRefs", "  constraints:\n    - {name: OS.release.VERSION_ID, value: x}\n  componentRefs"),
             f"{CLOUD}:7:3"),
    "R031": (edit(LEAF, "  criteria:\n    service: eks\n    intent: training\n", ""), f"{LEAF}:4:9"),
    "R032": (
        overlay("wide", "  criteria: {intent: training}\n  constraints:\n    - {name: OS.release.ID, value: cos}\n"),
        "overlays/wide.yaml:4:9",
    ),
    "R033": (edit(CLOUD, "size: large", "size: small"), f"{CLOUD}:13:15"),
    "R034": (
        edit(LEAF, "    - name: beta", "    - name: gamma\n      overrides: {enabled: false}\n    - name: beta"),
        f"{LEAF}:14:13",
    ),
    "R035": (edit(CLOUD, "size: large", 'enabled: "no"'), f"{CLOUD}:13:18"),
    "R036": ({"components/alpha/values-old.yaml": "size: tiny\n"}, "components/alpha/values-old.yaml:1:1"),
    "R037": ({LEAF: SOUND[LEAF] + "---\nkind: RecipeMetadata\n"}, f"{LEAF}:1:1"),
    "R038": (edit(REGISTRY, "    displayName: Beta", "    valueOverrideKeys: [first]"), f"{REGISTRY}:14:25"),
    "R041": (edit(LEAF, "    - name: beta", "    - name: beta\n    - name: beta"), f"{LEAF}:15:13"),
    "R042": (edit(LEAF, "  base: cloud", "  base: cloud # aicr: allow R007"), f"{LEAF}:6:15"),
}  # fmt: skip
PACKAGES = ("R011", "R039", "R040")
"""Rules that take two packages to break: in tests of their own below."""


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment(Settings.from_env({}))


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(folder: pathlib.Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def look(environment: Environment, **request: Any) -> tuple[Finding, ...]:
    return lint_catalogue(environment, LintRequest(**request)).findings


def test_a_sound_catalogue_is_clean(environment: Environment, folder: pathlib.Path) -> None:
    put(folder, SOUND)
    assert look(environment, data=(".",), external_only=True) == ()


@pytest.mark.parametrize("rule", WRONG)
def test_every_rule_catches_its_fault_and_no_other_does(
    environment: Environment, folder: pathlib.Path, rule: str
) -> None:
    files, place = WRONG[rule]
    put(folder, {**SOUND, **files})
    found = look(environment, data=(".",), external_only=True)
    assert {one.rule for one in found} == {rule}, found
    assert place in {one.place for one in found}
    assert all(one.message and one.hint and one.severity in SEVERITIES for one in found)


def test_no_rule_is_without_a_fault() -> None:
    assert {*WRONG, *PACKAGES} == set(RULES)


def test_one_file_of_faults_hides_no_other(environment: Environment, folder: pathlib.Path) -> None:
    """A file that is not YAML is one finding; the others are looked at all the same."""
    put(folder, {**SOUND, **overlay("more", "  base: clowd\n  criteria: {service: gke}\n")})
    put(
        folder,
        {"overlays/torn.yaml": "kind: [", "overlays/odd.yaml": "kind: RecipeMetadata\nspeck: 1\n"},
    )
    put(folder, edit(REGISTRY, "    displayName: Beta", "    displayname: Beta"))
    found = look(environment, data=(".",), external_only=True)
    assert {(one.path, one.rule) for one in found} == {
        ("overlays/torn.yaml", "R001"), ("overlays/odd.yaml", "R003"), ("overlays/odd.yaml", "R006"),
        ("overlays/more.yaml", "R007"), ("registry.yaml", "R003"),
    }  # fmt: skip


def test_what_we_ship_is_clean(environment: Environment) -> None:
    found = lint_catalogue(environment, LintRequest(severity="warning"))
    assert [one for one in found.findings if one.severity != "info"] == []
    assert found.notes == ()
    assert found.files > 90
    # That something loosens a bound is a fact of the reference's catalogue.
    assert {one.rule for one in found.findings} <= {"R019"}


def layers(
    tmp_path: pathlib.Path, second: dict[str, str], overrides: tuple[str, ...] = ()
) -> Reader:
    """Read two packages, the second of which is under the lint."""
    put(tmp_path / "one", SOUND)
    put(tmp_path / "two", second)
    reader = Reader(
        Environment(Settings.from_env({})).catalogue().criteria_values(), {},  # type: ignore[arg-type]
        lambda layer, path: f"{layer.name}/{path}", lambda layer, _: layer.name == "two",
    )  # fmt: skip
    reader.add(Layer("one", "dist-one", "1", str(tmp_path / "one")))
    reader.add(Layer("two", "dist-two", "1", str(tmp_path / "two"), overrides))
    return reader


def test_equal_criteria_of_two_packages_are_worth_knowing(tmp_path: pathlib.Path) -> None:
    files = overlay(
        "site", "  criteria: {service: eks}\n  constraints:\n    - {name: GPU.smi.x, value: y}\n"
    )
    found = lint(layers(tmp_path, files), Checks(), {}, "error").findings
    assert [(one.rule, one.place) for one in found] == [("R011", "two/overlays/site.yaml:6:3")]
    assert '"cloud" of one' in found[0].message


def test_what_two_packages_bring_names_both(tmp_path: pathlib.Path) -> None:
    found = lint(layers(tmp_path, {CLOUD: SOUND[CLOUD]}), Checks(), {}, "error").findings
    assert {one.rule for one in found} == {"R040"}
    assert all("dist-one and dist-two" in one.message for one in found)


def test_an_override_of_a_manifest_that_overrides_nothing(tmp_path: pathlib.Path) -> None:
    manifest = tmp_path / "aicr-plugin.toml"
    manifest.write_text(f'name = "two"\noverrides = ["cloud", "{CLOUD}", "clouds"]\n')
    reader = layers(tmp_path, {CLOUD: SOUND[CLOUD]}, ("cloud", CLOUD, "clouds"))
    found = lint(reader, Checks(), {"two": str(manifest)}, "error").findings
    assert [(one.rule, one.line) for one in found] == [("R039", 2)]
    assert '"clouds"' in found[0].message


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("intent: training", "intent: training\n    nodes: -3", f"{LEAF}:10:12"),
        ("name: beta", "name: ''", f"{LEAF}:14:7"),
        ("name: beta", "version: [1]", f"{LEAF}:14:16"),
    ],
)
def test_a_field_that_has_the_type_and_no_sense(
    environment: Environment, folder: pathlib.Path, old: str, new: str, place: str
) -> None:
    put(folder, {**SOUND, **edit(LEAF, old, new)})
    found = look(environment, data=(".",), external_only=True)
    assert {one.rule for one in found} == {"R002"}
    assert place in {one.place for one in found}


# --- files ----------------------------------------------------------------------------------------


def test_a_file_is_looked_at_in_the_context_of_what_is_installed(
    environment: Environment, folder: pathlib.Path
) -> None:
    put(
        folder,
        overlay(
            "site",
            "  base: eks-training\n  criteria: {service: eks, intent: training, os: rhel}\n",
            "site.yaml",
        ),
    )
    assert look(environment, files=("site.yaml",)) == ()
    put(folder, overlay("site", "  base: eks-trainin\n  criteria: {service: eks}\n", "site.yaml"))
    (found, *_) = [one for one in look(environment, files=("site.yaml",)) if one.rule == "R007"]
    assert found.place == "site.yaml:6:9"
    assert "eks-training" in found.hint


def test_a_file_of_a_data_directory_is_looked_at_with_its_neighbours(
    environment: Environment, folder: pathlib.Path
) -> None:
    put(folder / "data", {**SOUND, **edit(CLOUD, "[tools]", "[tolls]")})
    leaf = look(environment, files=(f"data/{LEAF}",), external_only=True)
    cloud = look(environment, files=(f"data/{CLOUD}",), external_only=True)
    assert leaf == ()
    assert [(one.rule, one.path) for one in cloud] == [("R009", f"data/{CLOUD}")]


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        ({"files": ("gone.yaml",)}, Code.NOT_FOUND, "no such file"),
        ({"files": (".",)}, Code.INVALID_REQUEST, "a directory"),
        ({"files": ("/dev/null",)}, Code.INVALID_REQUEST, "not a regular file"),
        ({"data": ("gone",)}, Code.NOT_FOUND, "no such data directory"),
        ({"data": (".",)}, Code.INVALID_REQUEST, "no registry.yaml"),
        ({"external_only": True}, Code.INVALID_REQUEST, "without --data"),
        ({"files": ("",)}, Code.INVALID_REQUEST, "the name of a file is empty"),
        ({"plugin": "ekz"}, Code.NOT_FOUND, 'no plugin "ekz"'),
    ],
)
def test_what_is_not_there_is_an_error_of_the_request(
    environment: Environment, folder: pathlib.Path, request_: dict[str, Any], code: Code, words: str
) -> None:
    with pytest.raises(AicrError) as caught:
        lint_catalogue(environment, LintRequest(**request_))
    assert caught.value.code is code
    assert words in caught.value.message


# --- comments, formats ----------------------------------------------------------------------------


def test_a_comment_allows_its_line_the_next_or_the_file() -> None:
    text = "a: 1 # aicr: allow R001\n# aicr: allow R002, R003\n# why\n\nb: 2\n# aicr: allow-file R036\n"
    assert [(one.rule, one.line) for one in allowances(text)] == [
        ("R001", 1), ("R002", 5), ("R003", 5), ("R036", 0),
    ]  # fmt: skip


def test_an_allowed_finding_is_counted(environment: Environment, folder: pathlib.Path) -> None:
    put(
        folder,
        {
            **SOUND,
            **edit(
                CLOUD,
                "        size: large",
                "        # aicr: allow R033 it has to show\n        size: small",
            ),
        },
    )
    report = lint_catalogue(environment, LintRequest(data=(".",), external_only=True))
    assert report.findings == ()
    assert report.allowed == 1
    assert "1 allowed by comments" in write(report, "text", "1")


def report_of(*findings: Finding, threshold: str = "error") -> LintReport:
    return LintReport(findings, 1, ("a note",), threshold)


HOSTILE = Finding(
    "R007", "error", "a b/ü,:%.yaml", 3, 0, "no\n::error::overlay \x1b[1m", "try 100%"
)


def test_workflow_commands_are_one_line_and_escaped() -> None:
    text = write(report_of(HOSTILE), "github", "1")
    assert text.count("\n") == 1
    assert text.startswith("::error file=a b/ü%2C%3A%25.yaml,line=3,col=0,title=R007 ")
    assert text.rstrip().endswith("::no%0A::error::overlay \\x1b[1m (try 100%25)")


def test_what_is_worth_knowing_is_shown_when_it_is_asked_for() -> None:
    one = Finding("R019", "info", "a.yaml", 1, 1, "less", "no")
    assert "R019" not in write(report_of(one), "text", "1")
    assert "R019" in write(report_of(one, threshold="info"), "text", "1")
    assert "R019" in write(report_of(one), "json", "1")


def test_sarif_is_what_the_published_schema_says(
    environment: Environment, folder: pathlib.Path
) -> None:
    for rule, (files, _) in WRONG.items():
        put(folder / rule, {**SOUND, **files})
    data = [f"./{rule}" for rule in WRONG if rule not in ("R006",)]
    found = tuple(
        one for name in data for one in look(environment, data=(name,), external_only=True)
    )
    text = write(report_of(*found, HOSTILE), "sarif", "1.2.3")
    (run,) = sarif.valid(text)["runs"]
    assert len(run["results"]) == len(found) + 1 > 35
    broken = json.loads(text)
    broken["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(ValueError, match="level"):
        sarif.valid(broken)


def aicr(*arguments: str, cwd: pathlib.Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aicr_core", *arguments], cwd=cwd, capture_output=True, text=True
    )


@pytest.mark.parametrize(("severity", "status"), [("error", 0), ("warning", 2), ("info", 2)])
def test_the_threshold_decides_the_exit(folder: pathlib.Path, severity: str, status: int) -> None:
    put(folder, {**SOUND, **WRONG["R005"][0]})
    done = aicr(
        "recipe", "validate", "--data", ".", "--external-only", "--severity", severity, cwd=folder
    )
    assert done.returncode == status, done.stderr
    assert f"{LEAF}:4:9: warning R005: " in done.stdout


def test_the_pre_commit_hook_runs_as_pre_commit_would(folder: pathlib.Path) -> None:
    """pre-commit filters the names by ``files``, and calls the entry, split as a shell would, with some of them."""
    (hook,) = yamlio.load((ROOT / ".pre-commit-hooks.yaml").read_bytes(), "hooks")
    assert {"id", "name", "entry", "language", "files"} <= set(hook)
    put(folder / "catalogue", {**SOUND, **edit(LEAF, "base: cloud", "base: clod")})
    names = [str(p.relative_to(folder)) for p in sorted(folder.rglob("*")) if p.is_file()]
    taken = [name for name in names if re.search(hook["files"], name)]
    assert taken == [
        f"catalogue/{name}" for name in sorted([BASE, CLOUD, LEAF, REGISTRY, "mixins/tools.yaml"])
    ]
    program, *arguments = shlex.split(hook["entry"])
    assert program == "aicr"
    done = aicr(*arguments, *hook.get("args", []), *taken, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert f"catalogue/{LEAF}:6:9: error R007" in done.stdout
    put(folder / "catalogue", SOUND)
    assert aicr(*arguments, *hook.get("args", []), *taken, cwd=folder).returncode == 0


# --- hostile --------------------------------------------------------------------------------------


@given(st.text(max_size=200) | st.binary(max_size=100))
def test_no_file_brings_it_down(
    tmp_path_factory: pytest.TempPathFactory, text: str | bytes
) -> None:
    folder = tmp_path_factory.mktemp("lint")
    put(folder, SOUND)
    (folder / LEAF).write_bytes(
        text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    )
    environment = Environment(Settings.from_env({}))
    report = lint_catalogue(environment, LintRequest(data=(str(folder),), external_only=True))
    assert all(one.line >= 0 and one.rule in RULES for one in report.findings)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
            ["name", "value", "spec", "base", "criteria", "componentRefs", "constraints", "overrides", "mixins",
             "validation", "deployment", "checks", "service", "version", "dependencyRefs"]), inner, max_size=4),
        max_leaves=12,
    )
)  # fmt: skip
def test_no_shape_brings_it_down(tmp_path_factory: pytest.TempPathFactory, spec: Any) -> None:
    from aicr_core.kit.emit import to_yaml

    folder = tmp_path_factory.mktemp("lint")
    document = {"kind": "RecipeMetadata", "metadata": {"name": "cloud-training"}, "spec": spec}
    put(folder, {**SOUND, LEAF: to_yaml(document)})
    lint_catalogue(
        Environment(Settings.from_env({})), LintRequest(data=(str(folder),), external_only=True)
    )


# --- the command and the session ------------------------------------------------------------------


def test_one_plugin_by_its_name_or_its_distribution(environment: Environment) -> None:
    one = lint_catalogue(environment, LintRequest(plugin="eks"))
    other = lint_catalogue(environment, LintRequest(plugin="aicr-eks"))
    assert one == other
    assert one.files > 10
    assert one.allowed > 0
    assert all("/aicr_eks/data/" in finding.path for finding in one.findings)


def test_a_plugin_may_be_looked_at_beside_a_directory(
    environment: Environment, folder: pathlib.Path
) -> None:
    put(folder, {"registry.yaml": "components: []\n", **overlay("site", "  bass: x\n")})
    assert look(environment, data=(".",), plugin="kind") == ()


def test_programs_get_what_the_command_prints(folder: pathlib.Path) -> None:
    put(
        folder,
        {
            "registry.yaml": "components: []\n",
            **overlay("site", "  base: ekz\n  criteria: {service: eks, os: cos}\n"),
        },
    )
    session = Session(data=["."])
    found = session.lint()
    done = aicr("recipe", "validate", "--data", ".", "-t", "json", cwd=folder)
    assert (done.returncode, json.loads(done.stdout)) == (2, found)
    assert [one["rule"] for one in found["findings"]] == ["R007"]
    assert session.lint(["overlays/site.yaml"])["findings"] == found["findings"]


def test_findings_are_the_same_whatever_the_seed(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, (files, _) in enumerate(WRONG.values()):
        put(folder / str(number), {**SOUND, **files})
    data = [word for number in range(len(WRONG)) for word in ("--data", f"./{number}")]
    texts = set()
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        texts.add(
            aicr("recipe", "validate", *data, "--external-only", "-t", "json", cwd=folder).stdout
        )
    assert len(texts) == 1
    assert len(json.loads(texts.pop())["findings"]) > 20


def test_hints_fit_what_was_found(environment: Environment, folder: pathlib.Path) -> None:
    files = {"registry.yaml": "components: []\n", "overlays/empty.yaml": ""}
    put(folder, files)
    (empty,) = look(environment, files=("overlays/empty.yaml",))
    assert (empty.rule, empty.hint) == ("R036", "write what it is to say, or remove it")
    (folder / "alone").mkdir()
    (folder / "alone/large.yaml").write_bytes(b"#" * (11 << 20))
    (large,) = look(environment, files=("alone/large.yaml",), external_only=True)
    assert (large.rule, large.message) == ("R001", "the file is over the limit of 10 MiB")
    assert "size" in large.hint
    (folder / "dangling.yaml").symlink_to("nowhere")
    with pytest.raises(AicrError, match="a link to a file that is not there"):
        look(environment, files=("dangling.yaml",))


def test_a_circle_elsewhere_is_no_fault_of_what_is_looked_at(
    environment: Environment, folder: pathlib.Path
) -> None:
    put(folder, {"registry.yaml": "components: []\n"})
    (folder / "overlays").mkdir()
    (folder / "overlays/site.yaml").write_text(
        "kind: RecipeMetadata\nmetadata: {name: site}\nspec:\n  base: site\n"
        "  criteria: {service: eks, intent: training, platform: kubeflow}\n"
    )
    found = look(environment, data=(".",))
    assert [one.rule for one in found] == ["R008"]
    assert look(environment, data=(".",), plugin="eks") == ()


def test_an_empty_name_of_a_directory_is_no_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """An unset variable in a pipeline would otherwise have the installed data looked at, which passes."""
    assert run(["recipe", "validate", "--data", ""]) == 2
    assert "--data: an empty name" in capsys.readouterr().err
