"""Each hook that this version calls does what its page says, shown by the smallest plugin that implements it.

A test is named after its hook; the last one fails when a hook is called and has none.
"""

from __future__ import annotations

import base64
import json
import os
import pathlib
import re
import sys
from typing import Any

import pytest
from distributions import distribution

from aicr_core.cli.root import run
from aicr_core.kit import yamlio
from aicr_core.kit.emit import to_yaml

RECIPE: dict[str, Any] = {
    "kind": "RecipeResult",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "criteria": {"service": "eks"},
    "componentRefs": [
        {"name": "csi", "namespace": "n", "type": "Helm", "source": "https://e.example", "version": "1"}
    ],
}  # fmt: skip


BOUND = {
    "aicr_agents", "aicr_check_runners", "aicr_clusters", "aicr_commands", "aicr_signers",
}  # fmt: skip
"""Hooks whose providers cannot run in a process of their own."""


@pytest.fixture(params=["inline", "thread", "process"])
def plugin(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Any:
    """Install the plugin ``probe`` of one hook; its source may name ``LOG``, a file it can write to."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("AICR_INDEX_DIR", str(tmp_path / "index"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(to_yaml(RECIPE))
    # Each test writes its own module of that name.
    for module in ("aicr_probe", "aicr_probe.hooks"):
        monkeypatch.delitem(sys.modules, module, raising=False)

    def install(hook: str, source: str, manifest: str = "") -> pathlib.Path:
        if request.param == "process" and BOUND & set(hook.split('", "')):
            pytest.skip("refused there: tests/unit/test_isolation.py")
        log = tmp_path / "log"
        head = f"import pathlib\nfrom aicr_core import api\nLOG = pathlib.Path({str(log)!r})\n"
        declared = f'name = "probe"\nhooks = ["{hook}"]\nisolation = "{request.param}"\n{manifest}'
        distribution(site, "probe", declared, f"{head}{source}")
        return log

    return install


def bundle(*arguments: str) -> int:
    return run(["bundle", "-r", "recipe.yaml", "-o", "bundle", *arguments])


def test_aicr_bundlers(plugin: Any, tmp_path: pathlib.Path) -> None:
    plugin("aicr_bundlers", """
def one(ctx, component, values, plan):
    return api.ComponentBundle(name=component["name"], values={"seen": values["x"]})
@api.hookimpl
def aicr_bundlers():
    yield api.Bundler(component="csi", call=one)
""")  # fmt: skip
    assert bundle("--set", "csi:x=7") == 0
    assert (tmp_path / "bundle/csi/values.yaml").read_text().endswith("seen: 7\n")


def test_aicr_bundle_checks(
    plugin: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin("aicr_bundle_checks", """
def needs(component, recipe, conditions):
    return [f"{component} wants {recipe['criteria']['service']} {conditions}"]
@api.hookimpl
def aicr_bundle_checks():
    yield api.BundleCheck(name="CheckProbe", call=needs)
""")  # fmt: skip
    entry = {"name": "csi", "displayName": "csi", "validations": [
        {"function": "CheckProbe", "severity": "warning", "conditions": {"service": ["eks"]}}]}  # fmt: skip
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/registry.yaml").write_text(to_yaml({"components": [entry]}))
    assert bundle("--data", "mine") == 0
    assert "csi wants eks {'service': ['eks']}" in capsys.readouterr().out
    entry["validations"][0]["severity"] = "error"  # type: ignore[index]
    (tmp_path / "mine/registry.yaml").write_text(to_yaml({"components": [entry]}))
    assert bundle("--data", "mine") == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("1 / 0; yield", "the deployer failed: ZeroDivisionError"),
        ("return 3", "the deployer failed: TypeError"),
        ("yield api.Artifact(path='x', data='text')", "gives x, which is no Artifact of bytes"),
        ("yield 'x'", "gives str, which is no Artifact of bytes"),
        ("yield api.Artifact(path='../x', data=b'')", '"../x" is no safe path'),
    ],
)
def test_a_deployer_at_fault_is_named(
    plugin: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], body: str, says: str
) -> None:
    plugin("aicr_deployers", f"""
def deploy(ctx, plan):
    {body}
@api.hookimpl
def aicr_deployers():
    yield api.Deployer(name="paper", title="Paper", call=deploy, steps=lambda plan, folder: [])
""")  # fmt: skip
    assert bundle("-d", "paper") != 0
    err = capsys.readouterr().err
    assert says in err
    assert "(plugin probe)" in err
    assert "defect of aicr" not in err
    assert not (tmp_path / "bundle").exists()


def test_aicr_deployers(
    plugin: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin("aicr_deployers", """
def deploy(ctx, plan):
    yield api.Artifact(path="plan.txt", data=plan.releases[0].name.encode())
@api.hookimpl
def aicr_deployers():
    yield api.Deployer(name="paper", title="Paper bundle", call=deploy, steps=lambda plan, directory: ["read it"])
""")  # fmt: skip
    assert bundle("--deployer", "paper") == 0
    assert (tmp_path / "bundle/plan.txt").read_text() == "csi"
    out = capsys.readouterr().out
    assert "Paper bundle written." in out
    assert "1. read it" in out


def test_aicr_matchers(plugin: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plugin("aicr_matchers", """
def detect(snapshot):
    if snapshot["measurements"]:
        return api.Detection(value="probe", confidence=0.9, reading="K8s.server.version")
@api.hookimpl
def aicr_matchers():
    yield api.Matcher(name="probe", dimension="service", detect=detect)
""", "[criteria.service.probe]")  # fmt: skip
    server = {"subtype": "server", "data": {"version": "v1.33.0-probe"}}
    snapshot = {"measurements": [{"type": "K8s", "subtypes": [server]}]}
    pathlib.Path("s.yaml").write_text(to_yaml(snapshot))
    assert run(["recipe", "-s", "s.yaml", "--explain-criteria"]) == 0
    out = capsys.readouterr().out
    assert re.search(
        r"service +probe +K8s.server.version +v1.33.0-probe +0.90 +probe/probe +yes", out
    )


def test_aicr_stores(plugin: Any) -> None:
    plugin("aicr_stores", f"""
def read(ctx, uri):
    return api.StoredDocument(data={to_yaml(RECIPE).encode()!r} if uri == "mem://recipe" else b"")
@api.hookimpl
def aicr_stores():
    yield api.Store(scheme="mem", read=read, write=lambda ctx, uri, document: None)
""")  # fmt: skip
    assert run(["bundle", "-r", "mem://recipe", "-o", "bundle"]) == 0
    assert run(["bundle", "-r", "other://recipe", "-o", "bundle"]) == 3


def test_aicr_commands(plugin: Any, capsys: pytest.CaptureFixture[str]) -> None:
    listed = (
        '[[provides]]\nkind = "command"\nname = "hello"\nsection = "Probe"\nsummary = "Greet"\n'
    )
    plugin("aicr_commands", """
import click
@click.command()
def hello():
    click.echo("hello from a plugin")
@api.hookimpl
def aicr_commands():
    yield api.Command(name="hello", section="Probe", summary="Greet", call="aicr_probe.hooks:hello")
""", listed)  # fmt: skip
    assert run(["--help"]) == 0
    assert re.search(r"Probe:\n +hello +Greet", capsys.readouterr().out)
    assert run(["hello"]) == 0
    assert capsys.readouterr().out == "hello from a plugin\n"


def test_aicr_patch_values(plugin: Any, tmp_path: pathlib.Path) -> None:
    plugin("aicr_patch_values", """
@api.hookimpl
def aicr_patch_values(component, values, criteria):
    return {**values, "from": criteria["service"], "x": 0} if component["name"] == "csi" else None
""")  # fmt: skip
    assert bundle("--set", "csi:x=7") == 0
    written = yamlio.load((tmp_path / "bundle/csi/values.yaml").read_text(), "values.yaml")
    assert written == {"from": "eks", "x": 7}, "--set comes after the hook"


@pytest.mark.parametrize(("verdict", "status"), [("warn", 0), ("deny", 2)])
def test_aicr_policy(
    verdict: str,
    status: int,
    plugin: Any,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plugin("aicr_policy", f"""
@api.hookimpl
def aicr_policy(subject, stage):
    yield {{"verdict": "{verdict}", "message": f"{{stage}} of {{subject['criteria']['service']}}"}}
""")  # fmt: skip
    assert bundle() == status
    said = capsys.readouterr()
    assert "bundle of eks" in said.out + said.err
    assert (tmp_path / "bundle").exists() is (status == 0)
    assert run(["recipe", "--service", "eks", "-o", "r.yaml"]) == status
    assert "recipe of eks" in capsys.readouterr().err
    assert (tmp_path / "r.yaml").exists() is (status == 0)


def test_aicr_configure(plugin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE", "told")
    log = plugin("aicr_configure", """
@api.hookimpl
def aicr_configure(settings):
    LOG.write_text(settings.env["PROBE"])
@api.hookimpl
def aicr_policy(subject, stage):
    return ()
""")  # fmt: skip
    # Only a plugin that is imported for another hook learns the settings.
    manifest = pathlib.Path("site/aicr_probe/aicr-plugin.toml")
    manifest.write_text('name = "probe"\nhooks = ["aicr_configure", "aicr_policy"]\n')
    assert bundle() == 0
    assert log.read_text() == "told"


def test_aicr_recipe_built(plugin: Any) -> None:
    log = plugin("aicr_recipe_built", """
import json
@api.hookimpl
def aicr_recipe_built(recipe):
    LOG.write_text(json.dumps(recipe))
""")  # fmt: skip
    assert run(["recipe", "--service", "eks", "-o", "r.yaml"]) == 0
    assert json.loads(log.read_text()) == yamlio.load(pathlib.Path("r.yaml").read_text(), "r")


def test_aicr_bundle_written(plugin: Any, tmp_path: pathlib.Path) -> None:
    log = plugin("aicr_bundle_written", """
@api.hookimpl
def aicr_bundle_written(report):
    LOG.write_text(report.directory)
    raise RuntimeError("an event cannot fail a command")
""")  # fmt: skip
    assert bundle() == 0
    assert os.path.samefile(log.read_text(), tmp_path / "bundle")


COLLECTOR = """
def measure(ctx):
    return api.Measurement(type="Probe", subtypes=(api.Subtype(name="x", data={"answer": 42}),))
@api.hookimpl
def aicr_collectors(settings):
    yield api.Collector(name="probe", produces="Probe", call=measure)
"""


def test_aicr_collectors(plugin: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plugin("aicr_collectors", COLLECTOR)
    assert run(["snapshot", "--local", "--collector", "probe", "-t", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["measurements"] == [
        {"type": "Probe", "subtypes": [{"subtype": "x", "data": {"answer": 42}}]}
    ]


def test_aicr_snapshot_taken(plugin: Any, capsys: pytest.CaptureFixture[str]) -> None:
    log = plugin('aicr_snapshot_taken", "aicr_collectors', COLLECTOR + """
@api.hookimpl
def aicr_snapshot_taken(snapshot, outcomes):
    LOG.write_text(snapshot["kind"] + " " + " ".join(f"{o.name}={o.status}" for o in outcomes))
""")  # fmt: skip
    assert run(["snapshot", "--local", "--collector", "probe"]) == 0
    assert log.read_text() == "Snapshot probe=ok"


def test_aicr_agents(plugin: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plugin("aicr_agents", """
def measure(ctx, request):
    document = {"kind": "Snapshot", "measurements": [{"type": "Probe", "subtypes": []}]}
    node = api.NodeResult(node=request.namespace, status="ok", document=document)
    return api.AgentResult(run="r", results=(node,))
@api.hookimpl
def aicr_agents():
    yield api.Agent(name="probe", call=measure)
""")  # fmt: skip
    words = ["snapshot", "--agent", "probe", "-n", "there", "--only", "host", "-t", "json"]
    assert run(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metadata"]["source-node"] == "there"
    assert "Probe" in [item["type"] for item in found["measurements"]]


PHASE = """
@api.hookimpl
def aicr_phases():
    yield api.Phase(name="probing", order=5)
"""
CLUSTER = """
class Nowhere:
    host = "nowhere"
    def version(self): return {"gitVersion": "v1"}
    def within(self, timeout): return self
    def can_i(self, *right): return True
@api.hookimpl
def aicr_clusters():
    yield api.ClusterAccess(name="nowhere", connect=lambda ctx: Nowhere())
"""
CHECK = """
def look(ctx, target):
    target.evidence("Seen", f"{target.criteria('service')} on {target.cluster.host}")
    return api.failed(api.Code.NOT_FOUND, "NoProbe", "no probe is there", remediation="add one")
@api.hookimpl
def aicr_checks():
    yield api.Check(name="probe", phase="probing", description="a probe", call=look)
"""


def _validated(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, *constraints: str) -> None:
    """Write a recipe that asks for the probe, and leave only our plugin and the reports in."""
    recipe = {**RECIPE, "validation": {"deployment": {"checks": ["probe"]}}}
    recipe["constraints"] = [{"name": name, "value": "1"} for name in constraints]
    (tmp_path / "recipe.yaml").write_text(to_yaml(recipe))
    (tmp_path / "snapshot.yaml").write_text("kind: Snapshot\nmeasurements: []\n")
    monkeypatch.setenv("AICR_PLUGINS", "probe,validators,recipes")


def validate(*arguments: str) -> int:
    return run(["validate", "-r", "recipe.yaml", "-s", "snapshot.yaml", *arguments])


def test_aicr_phases(
    plugin: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AICR_PLUGINS", "probe,validators,recipes")
    plugin('aicr_phases", "aicr_checks', PHASE + CHECK)
    assert run(["validate", "--list"]) == 0
    assert re.search(r"^probe +probing ", capsys.readouterr().out, re.M)


def test_aicr_checks(
    plugin: Any,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _validated(tmp_path, monkeypatch)
    plugin('aicr_checks", "aicr_clusters', CLUSTER + CHECK.replace('"probing"', '"deployment"'))
    assert validate("--phase", "deployment") == 8
    (test,) = json.loads(capsys.readouterr().out)["results"]["tests"]
    assert (test["name"], test["status"]) == ("probe", "failed")
    assert test["message"] == "[NOT_FOUND] no probe is there"
    assert test["stdout"] == ["--- Seen ---", "eks on nowhere"]
    assert test["extra"]["remediation"] == "add one"


def test_aicr_clusters(
    plugin: Any,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _validated(tmp_path, monkeypatch)
    plugin("aicr_checks", CHECK.replace('"probing"', '"deployment"'))
    assert validate("--phase", "deployment") == 8
    out, err = capsys.readouterr()
    assert "no plugin is installed that reaches a cluster" in err
    (test,) = json.loads(out)["results"]["tests"]
    assert (test["status"], test["extra"]["reason"]) == ("other", "NoCluster")


def test_aicr_check_runners(
    plugin: Any,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _validated(tmp_path, monkeypatch)
    log = plugin('aicr_checks", "aicr_clusters", "aicr_check_runners', CLUSTER + CHECK.replace('"probing"', '"deployment", image="probe:1"') + """
class Session:
    def run(self, ctx, check, entry):
        return api.ReportItem(name=check.name, phase=check.phase, result=api.passed(), output=("elsewhere",))
    def publish(self, phase, report):
        LOG.write_text(f"{phase} {'CTRF' in report}")
    def close(self):
        return ("kubectl delete everything",)
@api.hookimpl
def aicr_check_runners():
    yield api.CheckRunner(name="elsewhere", open=lambda ctx, run: Session())
""")  # fmt: skip
    assert validate("--runner", "elsewhere") == 8  # what is left in the cluster is no success
    out, err = capsys.readouterr()
    (test,) = json.loads(out)["results"]["tests"]
    assert (test["status"], test["stdout"]) == ("passed", ["elsewhere"])
    assert log.read_text() == "deployment True"
    assert "kubectl delete everything" in err


def test_aicr_report_writers(
    plugin: Any,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _validated(tmp_path, monkeypatch)
    plugin('aicr_checks", "aicr_report_writers', CHECK.replace('"probing"', '"deployment"') + """
@api.hookimpl
def aicr_report_writers():
    yield api.ReportWriter(name="haiku", write=lambda report: f"{len(report.checks)} lines\\n")
""")  # fmt: skip
    assert validate("--no-cluster", "--phase", "deployment", "-t", "haiku") == 0
    assert capsys.readouterr().out == "5 lines\n"


def test_aicr_evidence_writers(
    plugin: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin('aicr_checks", "aicr_evidence_writers', CHECK.replace('"probing"', '"deployment"') + """
@api.hookimpl
def aicr_evidence_writers():
    yield api.EvidenceWriter(name="pages", write=lambda report, facts: {"a/b.txt": report.recipe})
""")  # fmt: skip
    _validated(tmp_path, monkeypatch)
    monkeypatch.setenv("AICR_PLUGINS", "probe,recipes,own-phases")
    (tmp_path / "recipe.yaml").write_text(to_yaml(RECIPE))
    plugin_phases(tmp_path)
    assert validate("--no-cluster", "--evidence-dir", "proof", "-t", "lines") == 0
    assert (tmp_path / "proof/a/b.txt").read_text() == "recipe.yaml"


def plugin_phases(tmp_path: pathlib.Path) -> None:
    """Install a second plugin, of phases and a report: two plugins may not bring one evidence writer."""
    distribution(
        tmp_path / "site", "own-phases",
        'name = "own-phases"\nhooks = ["aicr_phases", "aicr_report_writers"]\n',
        "from aicr_core import api\n@api.hookimpl\ndef aicr_phases():\n"
        "    yield api.Phase(name='deployment', order=1)\n@api.hookimpl\ndef aicr_report_writers():\n"
        "    yield api.ReportWriter(name='lines', write=lambda report: 'x\\n')\n",
    )  # fmt: skip


def test_aicr_read_constraint(
    plugin: Any,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _validated(tmp_path, monkeypatch, "OS.x.y")
    plugin('aicr_checks", "aicr_read_constraint', CHECK.replace('"probing"', '"deployment"') + """
@api.hookimpl
def aicr_read_constraint(path, snapshot, recipe):
    return "2" if path == "OS.x.y" else None
""")  # fmt: skip
    assert validate("--no-cluster") == 2
    assert "OS.x.y expected 1, got 2" in capsys.readouterr().err


def test_aicr_validated(
    plugin: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _validated(tmp_path, monkeypatch)
    log = plugin('aicr_checks", "aicr_validated', CHECK.replace('"probing"', '"deployment"') + """
@api.hookimpl
def aicr_validated(report):
    LOG.write_text(" ".join(phase["name"] for phase in report["phases"]))
""")  # fmt: skip
    assert validate("--no-cluster") == 0
    assert log.read_text() == "readiness deployment performance conformance"


def test_aicr_publishers(
    plugin: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bundle goes to a place of the publisher's scheme and comes back; a changed one does not."""
    plugin(
        "aicr_publishers",
        f"""
import json
SHELF = pathlib.Path({str(tmp_path / "shelf.json")!r})
def push(ctx, uri, files, facts):
    SHELF.write_text(json.dumps([[f.path, f.data.hex(), f.mode] for f in files]))
    return uri + "@sha256:abc"
def pull(ctx, uri):
    return [api.Artifact(path=p, data=bytes.fromhex(d), mode=m) for p, d, m in json.loads(SHELF.read_text())]
def check(uri, version):
    # The version is a default for what is pushed; pulling has to be said exactly.
    return uri.lower() if version else uri
@api.hookimpl
def aicr_publishers():
    yield api.Publisher(scheme="shelf", push=push, pull=pull, check=check)
""",
    )
    words = ["bundle", "-r", "recipe.yaml", "-o"]
    assert run([*words, "shelf://A", "--image-refs", "refs"]) == 0
    out = capsys.readouterr().out
    assert "Reference: shelf://a@sha256:abc" in out
    assert "1. aicr bundle pull shelf://a@sha256:abc -o bundle\n  2. cd bundle\n" in out
    assert (tmp_path / "refs").read_text() == "shelf://a@sha256:abc\n"
    assert run(["bundle", "pull", "shelf://a", "-o", "back"]) == 0
    assert run([*words, "straight"]) == 0
    for path in ("csi/values.yaml", "checksums.txt", "deploy.sh"):
        assert (tmp_path / "back" / path).read_bytes() == (
            tmp_path / "straight" / path
        ).read_bytes()
    assert (tmp_path / "back/deploy.sh").stat().st_mode & 0o777 == 0o755
    files = json.loads((tmp_path / "shelf.json").read_text())
    changed = [[p, "00" if p == "deploy.sh" else d, m] for p, d, m in files]
    (tmp_path / "shelf.json").write_text(json.dumps(changed))
    capsys.readouterr()
    assert run(["bundle", "pull", "shelf://a", "-o", "bad"]) == 4
    assert "deploy.sh is not what checksums.txt says" in capsys.readouterr().err
    assert not (tmp_path / "bad").exists()
    assert run([*words, "attic://A"]) == 2
    assert "installed: oci, shelf" in capsys.readouterr().err


ENGINE = """
import hashlib
def find(ctx, wanted):
    if wanted.name != "csi" or ctx.options["offline"]:
        raise api.AicrError(api.Code.NOT_FOUND, "no such chart")
    data = b"a package"
    return api.PackagedChart(name="csi", version="1", data=data, source="here", sha256=hashlib.sha256(data).hexdigest())
def describe(ctx, chart):
    return api.ChartFacts(values={}, licence="MIT")
def render(ctx, chart, request):
    image = "probe.example/" + request.release + ":" + str(request.values.get("tag", "0"))
    return "kind: Pod\\nspec: {containers: [{name: c, image: '" + image + "'}]}\\n"
@api.hookimpl
def aicr_chart_engines():
    yield api.ChartEngine(name="paper", find=find, describe=describe, render=render)
"""


def test_aicr_chart_engines(
    plugin: Any,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AICR_PLUGINS", "probe,helm,airgap,recipes")
    plugin("aicr_chart_engines", ENGINE)
    assert run(["mirror", "list", "-r", "recipe.yaml", "--set", "csi:tag=7", "-f", "images"]) == 0
    assert capsys.readouterr().out == "probe.example/csi:7\n"
    assert run(["mirror", "list", "-r", "recipe.yaml", "--offline"]) == 3
    assert "component csi: no such chart (plugin probe)" in capsys.readouterr().err
    assert bundle("--vendor-charts") == 0
    assert (tmp_path / "bundle/csi/charts/csi-1.tgz").read_bytes() == b"a package"


def test_aicr_extra_images(plugin: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plugin("aicr_extra_images", """
@api.hookimpl
def aicr_extra_images(component, values):
    return [f"probe.example/{component['name']}:{values['tag']}"]
""")  # fmt: skip
    pathlib.Path("recipe.yaml").write_text(to_yaml(BARE))
    assert run(["mirror", "list", "-r", "recipe.yaml", "--set", "csi:tag=v7", "-f", "images"]) == 0
    assert capsys.readouterr().out == "probe.example/csi:v7\n"


BARE: dict[str, Any] = {
    "kind": "RecipeResult",
    "componentRefs": [
        {
            "name": "csi",
            "namespace": "n",
            "type": "Helm",
            "source": "",
            "manifestFiles": ["components/gpu-operator/manifests/gke-resource-quota.yaml"],
        }
    ],
}


def test_aicr_inventory_writers(
    plugin: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin("aicr_inventory_writers", """
def write(inventory):
    return " ".join(component.name for component in inventory.components)
@api.hookimpl
def aicr_inventory_writers():
    yield api.InventoryWriter(name="names", purpose="mirror", write=write)
    yield api.InventoryWriter(name="names", purpose="sbom", write=write, suffix=".names")
""")  # fmt: skip
    pathlib.Path("recipe.yaml").write_text(to_yaml(BARE))
    assert run(["mirror", "list", "-r", "recipe.yaml", "-f", "names"]) == 0
    assert capsys.readouterr().out == "csi"
    assert bundle("--sbom", "names") == 0
    assert (tmp_path / "bundle/sbom.names").read_text() == "csi"
    assert "  sbom.names\n" in (tmp_path / "bundle/checksums.txt").read_text()


def test_aicr_signers(
    plugin: Any,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A signer that writes its name on the statement, and believes it when it is asked."""
    monkeypatch.setenv("AICR_DISABLE_PLUGINS", "local-key")
    plugin("aicr_signers", """
import base64, json
def sign(payload, payload_type):
    envelope = {"payload": base64.b64encode(payload).decode(), "payloadType": payload_type}
    return json.dumps({"verificationMaterial": {"publicKey": {}}, "dsseEnvelope": envelope}).encode()
def ready(ctx):
    return api.Signing(identity=ctx.options["key"].partition("://")[2], sign=sign)
def verify(ctx, data, trust):
    envelope = json.loads(data)["dsseEnvelope"]
    if b"wax" in trust.key:
        raise api.AicrError(api.Code.UNAUTHORIZED, "the seal is broken")
    return api.Verified(payload=base64.b64decode(envelope["payload"]), payload_type=envelope["payloadType"],
                        identity="clerk")
@api.hookimpl
def aicr_signers():
    yield api.Signer(name="paper", material="publicKey", keys=("paper",), open=ready, verify=verify)
""")  # fmt: skip
    assert bundle("--attest", "--signing-key", "paper://clerk") == 0
    attestation = json.loads(
        (tmp_path / "bundle/attestation/bundle-attestation.sigstore.json").read_text()
    )
    statement = json.loads(base64.b64decode(attestation["dsseEnvelope"]["payload"]))
    assert statement["predicate"]["runDetails"]["builder"]["id"] == "clerk"
    capsys.readouterr()
    assert run(["verify", "bundle", "--require-creator", "clerk"]) == 0
    assert "signed by clerk" in capsys.readouterr().out
    assert run(["verify", "bundle", "--require-creator", "king"]) == 2
    (tmp_path / "seal").write_text("wax")
    assert run(["verify", "bundle", "--key", "seal"]) == 2
    assert "the seal is broken" in capsys.readouterr().out
    assert bundle("--attest", "--signing-key", "stone://clerk") == 2
    assert "known: paper" in capsys.readouterr().err


def test_aicr_bundle_lints(plugin: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A lint that dislikes one chart; one that fails, or names no rule of its own, is a finding itself."""
    plugin("aicr_bundle_lints", """
def look(ctx, view):
    for release in view.releases:
        yield api.Finding(rule="P1", severity="warning", component=release.name, message=f"{release.chart} at stage {view.stage}")
def fail(ctx, view):
    raise KeyError("gone")
def stray(ctx, view):
    return [api.Finding(rule="P9", severity="note", message="x")]
@api.hookimpl
def aicr_bundle_lints():
    yield api.BundleLint(name="taste", call=look, rules={"P1": "A chart that nobody likes"})
    yield api.BundleLint(name="broken", call=fail, rules={"P2": "Never found"})
    yield api.BundleLint(name="stray", call=stray, rules={"P3": "Never found"})
    yield api.BundleLint(name="later", call=fail, rules={"P4": "Needs charts"}, stages=("B",))
""")  # fmt: skip
    assert bundle() == 0
    capsys.readouterr()
    assert run(["bundle", "check", "bundle", "--stage", "A"]) == 2
    out = capsys.readouterr().out
    assert "  warning  P1  csi at stage A" in out
    assert "the lint broken of plugin probe failed: broken: KeyError: 'gone'" in out
    assert "the lint stray of plugin probe failed: it has no rule P9" in out
    assert "later" not in out
    assert run(["bundle", "check", "bundle", "--stage", "A", "--ignore", "AB004"]) == 0


def test_a_rule_has_one_owner(plugin: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plugin("aicr_bundle_lints", """
@api.hookimpl
def aicr_bundle_lints():
    yield api.BundleLint(name="mine", call=print, rules={"AB411": "Taken by another plugin"})
""")  # fmt: skip
    assert bundle() == 0
    capsys.readouterr()
    assert run(["bundle", "check", "bundle", "--stage", "A"]) == 2
    assert 'the rule "AB411" is registered by bundle-check and by probe' in capsys.readouterr().err


def test_every_hook_that_is_called_has_a_test_here() -> None:
    page = pathlib.Path(__file__).resolve().parents[1] / "docs/plugins/hooks.md"
    sections = re.findall(r"(?ms)^### `(aicr_\w+)\(.*?$\n(.*?)(?=^##)", page.read_text("utf-8"))
    called = {name for name, body in sections if "Not called by this version" not in body}
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_aicr_")}
    assert called == tested
