"""Deliberately wrong plugins, at least one for each check, and how a check could be blind to them.

All start from one plugin that is right (a deployer and a little data) and differ in one thing. ``BLIND`` says, for each
check, what would let it pass wrongly; the wrong plugins are chosen so that this is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

HOOKS = """
from aicr_core.api import Deployer, hookimpl

@hookimpl
def aicr_deployers():
    yield Deployer(name="acme", title="Acme", call="aicr_acme.work:deploy", steps="aicr_acme.work:steps")
"""
WORK = """
from aicr_core.api import Artifact, to_yaml

def deploy(ctx, plan):
{early}
    for release in plan.releases:
        yield Artifact(path=f"{{release.name}}/values.yaml", data=to_yaml(release.values).encode())
{late}

def steps(plan, directory):
    return [f"acme apply {{directory}}"]
"""
MANIFEST = """
name = "acme"
summary = "Acme for one test"
hookspec = ">=1.0,<2"
hooks = ["aicr_deployers"]
license = "Apache-2.0"
contact = "nobody"
data = "data"

[[provides]]
kind = "deployer"
name = "acme"
"""
REGISTRY = """
apiVersion: aicr.nvidia.com/v1alpha1
kind: ComponentRegistry
components:
  - name: acme-operator
    displayName: acme-operator
    valueOverrideKeys: [acmeoperator]
    helm:
      defaultRepository: https://charts.acme.example
      defaultChart: acme-operator
      defaultVersion: v1.0.0
"""
OVERLAY = """
# Acme's operator on any cluster for training.
kind: RecipeMetadata
apiVersion: aicr.nvidia.com/v1alpha1
metadata:
  name: acme-training
spec:
  base: base
  criteria:
    intent: training
    platform: acme
  constraints:
    - name: {constraint}
      value: ">= 1.30"
  componentRefs:
    - name: acme-operator
      type: Helm
      source: https://charts.acme.example
      version: {version}
      valuesFile: components/acme-operator/values.yaml
"""
PROVIDES = """
[[provides]]
kind = "component"
name = "acme-operator"

[criteria.platform.acme]
"""
DATA = {
    "registry.yaml": REGISTRY,
    "overlays/acme-training.yaml": OVERLAY.format(
        constraint="K8s.server.version", version="v1.0.0"
    ),
    "components/acme-operator/values.yaml": "replicas: 1\n",
}


class Wrong(NamedTuple):
    """One wrong plugin: the check that catches it, and what is wrong."""

    check: str
    what: str
    hooks: str = HOOKS
    work: str = ""
    manifest: str = MANIFEST + PROVIDES
    data: dict[str, str] = DATA
    files: Mapping[str, str] = MappingProxyType({})
    readme: str = ""
    record: str = ""


def _work(early: str = "    pass", late: str = "    return", head: str = "") -> str:
    return head + WORK.format(early=early, late=late)


def _data(**changed: str) -> dict[str, str]:
    return {
        **DATA,
        "overlays/acme-training.yaml": OVERLAY.format(
            **{"constraint": "K8s.server.version", "version": "v1.0.0", **changed}
        ),
    }


RIGHT = Wrong("", "nothing is wrong", work=_work())
_EXTRA = '    yield Artifact(path="extra.txt", data={})'
_WAIT = """
    import time
    end = time.monotonic() + 3.5
    while time.monotonic() < end and {}:
        time.sleep(0.02)
"""
_CHECK = """
from aicr_core.api import Check, hookimpl, passed

@hookimpl
def aicr_checks():
    yield Check(name="acme-check", phase="deployment", description="Acme runs", call=lambda ctx, target: {})
"""
_CHECK_MANIFEST = (
    MANIFEST.replace("aicr_deployers", "aicr_checks")
    .replace('"deployer"\nname = "acme"', '"check"\nname = "acme-check"')
    .replace('data = "data"\n', 'data = "data"\npermissions = ["cluster.read"]\n')
    + PROVIDES
)
_MATCHER = """
from aicr_core.api import Detection, Matcher, hookimpl

def detect(snapshot):
    {}

@hookimpl
def aicr_matchers():
    yield Matcher(name="acme", dimension="platform", detect=detect)
"""
_MATCHER_MANIFEST = (
    MANIFEST.replace("aicr_deployers", "aicr_matchers").replace(
        'kind = "deployer"', 'kind = "matcher"'
    )
    + PROVIDES
)

WRONG = (
    Wrong("T01", "no license", manifest=(MANIFEST + PROVIDES).replace('license = "Apache-2.0"\n', "")),
    Wrong("T01", "a field nobody knows", manifest="hoks = []\n" + MANIFEST + PROVIDES),
    Wrong("T01", "a folder of data that is not there", manifest=MANIFEST.replace('data = "data"', 'data = "dat"'), data={}),
    Wrong("T02", "a deployer that is not listed", manifest=MANIFEST.partition("[[provides]]")[0] + PROVIDES),
    Wrong("T02", "a hook that is not there", manifest=(MANIFEST + PROVIDES).replace('["aicr_deployers"]', '["aicr_deployers", "aicr_stores"]')),
    Wrong("T02", "a component that is listed and not registered",
          manifest=MANIFEST + PROVIDES.replace("[criteria", '[[provides]]\nkind = "component"\nname = "ghost"\n\n[criteria')),
    Wrong("T03", "prints when imported", hooks='print("hello")\n' + HOOKS),
    Wrong("T03", "prints below Python when imported", hooks='import os\nos.write(1, b"hello")\n' + HOOKS),
    Wrong("T03", "sleeps when imported", hooks="import time\ntime.sleep(1.3)\n" + HOOKS),
    Wrong("T03", "writes when imported", hooks='import os\nopen(os.environ["TMPDIR"] + "/x", "w").close()\n' + HOOKS),
    Wrong("T03", "connects when imported",
          hooks='import contextlib, socket\nwith contextlib.suppress(OSError):\n    socket.create_connection(("192.0.2.1", 9), 0.1)\n' + HOOKS),
    Wrong("T04", "an argument that the hook has not", hooks=HOOKS.replace("aicr_deployers()", "aicr_deployers(nonsense)")),
    Wrong("T04", "code that is not there", hooks=HOOKS.replace("work:deploy", "work:deplo")),
    Wrong("T04", "a provider of another hook",
          hooks=HOOKS.replace("import Deployer", "import Deployer, Phase").replace("    yield D", '    yield Phase(name="p", order=1, description="d")\n    yield D'),
          manifest=MANIFEST + '\n[[provides]]\nkind = "phase"\nname = "p"\n' + PROVIDES),
    Wrong("T05", "the order of a set", work=_work(late=_EXTRA.format('",".join({str(n) + "x" for n in range(50)}).encode()'))),
    Wrong("T05", "a random name", work=_work(late=_EXTRA.format("uuid.uuid4().hex.encode()"), head="import uuid\n")),
    Wrong("T05", "a count of calls", work=_work(late=_EXTRA.format("str(next(COUNT)).encode()"), head="import itertools\nCOUNT = itertools.count()\n")),
    Wrong("T06", "the date", work=_work(late=_EXTRA.format("str(datetime.date.today()).encode()"), head="import datetime\n")),
    Wrong("T06", "the date from a name that was imported", work=_work(late=_EXTRA.format("now().isoformat().encode()"), head="from datetime import datetime\nnow = datetime.now\n")),
    Wrong("T06", "the host", work=_work(late=_EXTRA.format("socket.gethostname().encode()"), head="import socket\n")),
    Wrong("T06", "the user", work=_work(late=_EXTRA.format("getpass.getuser().encode()"), head="import getpass\n")),
    Wrong("T06", "the folder", work=_work(late=_EXTRA.format("os.getcwd().encode()"), head="import os\n")),
    Wrong("T06", "the path of the package", work=_work(late=_EXTRA.format("__file__.encode()"))),
    Wrong("T07", "a path that leads out", work=_work(late='    yield Artifact(path="../x", data=b"")')),
    Wrong("T07", "a path twice", work=_work(late='    yield Artifact(path="sample-agent/values.yaml", data=b"")')),
    Wrong("T07", "a file that is written and not returned", work=_work(early='    open("beside.txt", "w").close()')),
    Wrong("T07", "printed output", work=_work(early='    print("done")')),
    Wrong("T08", "changes the values of the plan", work=_work(early='    plan.releases[0].values["seen"] = True')),
    Wrong("T09", "goes on when cancelled", work=_work(early=_WAIT.format("ctx.remaining()"))),
    Wrong("T10", "goes on after its time", work=_work(early=_WAIT.format("not ctx.cancelled"))),
    Wrong("T11", "asks for the network and gets over it",
          work=_work(early='    with contextlib.suppress(OSError):\n        socket.create_connection(("192.0.2.1", 9), 0.1)', head="import contextlib, socket\n")),
    Wrong("T11", "asks for a name", work=_work(early='    with contextlib.suppress(OSError):\n        socket.getaddrinfo("charts.example.com", 443)', head="import contextlib, socket\n")),
    Wrong("T12", "passes without having asked", hooks=_CHECK.format("passed()"), manifest=_CHECK_MANIFEST),
    Wrong("T12", "is skipped without a reason", hooks=_CHECK.replace("passed", "skipped").format('skipped("", "")'), manifest=_CHECK_MANIFEST),
    Wrong("T13", "a chart that is not pinned", data=_data(version='"*"')),
    Wrong("T13", "values that are no mapping", data={**DATA, "components/acme-operator/values.yaml": "- 1\n"}),
    Wrong("T13", "a values file that is not there", data={k: v for k, v in DATA.items() if not k.startswith("components")}),
    Wrong("T14", "a constraint that names no reading", data=_data(constraint="version")),
    Wrong("T15", "an error of its own", work=_work(early='    raise ValueError("no")')),
    Wrong("T15", "an exit", work=_work(early="    raise SystemExit(3)")),
    Wrong("T16", "starts a program", work=_work(early='    with contextlib.suppress(OSError):\n        subprocess.run(["id"], capture_output=True)', head="import contextlib, subprocess\n")),
    Wrong("T16", "reads the host", work=_work(early='    open("/etc/passwd").close()')),
    Wrong("T16", "is given the cluster", hooks=_CHECK.format('skipped("NoNode", "there is no node")').replace("passed", "skipped"), manifest=_CHECK_MANIFEST.replace('permissions = ["cluster.read"]\n', "")),
    Wrong("T16", "writes elsewhere", work=_work(early='    with contextlib.suppress(OSError):\n        open("/var/tmp/acme-was-here", "w")', head="import contextlib\n")),
    Wrong("T17", "a file of the base catalogue", data={**DATA, "components/cert-manager/values.yaml": "a: 1\n"}),
    Wrong("T17", "a component of the base catalogue",
          data={**DATA, "registry.yaml": REGISTRY + REGISTRY.partition("components:\n")[2].replace("acme-operator", "cert-manager").replace("acmeoperator", "acmecm")},
          manifest=MANIFEST + PROVIDES.replace("[criteria", '[[provides]]\nkind = "component"\nname = "cert-manager"\n\n[criteria')),
    Wrong("T18", "a text where a file is wanted", work=_work(late='    yield "x"')),
    Wrong("T19", "falls over a reading that is missing", manifest=_MATCHER_MANIFEST,
          hooks=_MATCHER.format('return Detection(value="acme", confidence=0.1, reading=snapshot["measurements"][0]["subtypes"][0]["data"]["version"][:1])')),
    Wrong("T20", "a record that is not what comes out", files={"golden/version/arguments": "--version\n", "golden/version/expected/status": "0\n",
                                                            "golden/version/expected/stdout": "aicr version 0.0.0\n"}),
    Wrong("T21", "a range of one version", manifest=(MANIFEST + PROVIDES).replace(">=1.0,<2", "==1.0")),
    Wrong("T21", "a range without an end", manifest=(MANIFEST + PROVIDES).replace(">=1.0,<2", ">=1.0")),
    Wrong("T22", "code that runs whenever Python starts", record="acme_startup.pth,,\n"),
    Wrong("T22", "a module of another package", record="aicr_core/acme.py,,\n"),
    Wrong("T22", "a file in the home folder", work=_work(early='    open(os.path.expanduser("~/.acme"), "w").close()', head="import os\n")),
    Wrong("T23", "a value in what a person reads", work=_work().replace('return [f"acme apply {directory}"]', 'return [f"acme login {dict(plan.releases[0].values.get(\'auth\') or {}).get(\'password\')}"]')),
    Wrong("T23", "a variable in a file", work=_work(late=_EXTRA.format('os.environ["AWS_SECRET_ACCESS_KEY"].encode()'), head="import os\n")),
    Wrong("T23", "a variable in the log", work=_work(early="    ctx.log(str(dict(ctx.settings.env)))")),
    Wrong("T24", "no README", readme="x"),
    Wrong("T24", "a deployer without a title", hooks=HOOKS.replace('title="Acme"', 'title=""')),
)  # fmt: skip

BLIND = {
    "T01": "reading the index row instead of the file: a broken manifest has a row with defaults",
    "T02": "comparing hooks only, or taking data only packs out altogether",
    "T03": "catching sys.stdout alone; measuring CPU time, which sleeping does not take; an import that was done before",
    "T04": "registering without following the import strings",
    "T05": "one process for both runs: one hash seed; one call only: state is never seen; the same order",
    "T06": "changing TZ only; a clock that is replaced after the module has taken a reference to it",
    "T07": "comparing sets of paths, in which one that is given twice is one",
    "T08": "comparing the outer object, which is frozen, and not the dicts inside",
    "T09": "cancelling before the call, which then may look once; a deadline that ends it in time anyway",
    "T10": "cancelling at the same time",
    "T11": "counting failures only: who swallows the error has asked all the same; names that are asked for",
    "T12": "taking every CheckResult for an answer",
    "T13": "resolving recipes only: an unpinned chart resolves",
    "T14": "only asking whether the constraint can be parsed",
    "T15": "`except Exception`, which SystemExit passes",
    "T16": "counting failures only; comparing unresolved paths, so that a link leads out",
    "T17": "asking for the plugin's state, which may be broken for another reason",
    "T18": "checking that the answer is iterable",
    "T19": "inputs that keep every key",
    "T20": "passing when nothing is recorded for a case",
    "T21": "asking for this core's version only",
    "T22": "looking at the files system only, where a test's site folder holds everything",
    "T23": "looking at files only; not at notes, log and errors",
    "T24": "looking for a README file, which a wheel does not bring",
}
