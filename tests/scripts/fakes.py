"""Recording ``helm``, ``kubectl``, ``kustomize`` and ``sleep`` that answer like an empty cluster.

They stand first on PATH, write each call to a log, and fail as FAIL_MATCH, FAIL_TIMES and FAIL_MSG say (the
scenario keys of spec/bundle.md 16). The scripts under test are the real ones.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

# A recipe with one component of each common kind.
SMALL = {
    "kind": "RecipeResult",
    "apiVersion": "aicr.nvidia.com/v1alpha1",
    "metadata": {"version": "v1"},
    "criteria": {"service": "eks", "intent": "training"},
    "componentRefs": [
        {"name": "first", "namespace": "one", "type": "Helm", "source": "https://charts.example",
         "chart": "first", "version": "1.0.0"},
        {"name": "second", "namespace": "two", "type": "Helm", "source": "oci://registry.example/charts",
         "chart": "second", "version": "v2.0.0", "dependencyRefs": ["first"],
         "manifestFiles": ["components/gpu-operator/manifests/gke-resource-quota.yaml"]},
        {"name": "third", "namespace": "three", "type": "Kustomize", "source": "https://git.example/repo",
         "path": "deploy/prod", "tag": "v1", "dependencyRefs": ["second"]},
    ],
    "deploymentOrder": ["first", "second", "third"],
}  # fmt: skip

FAKE = """#!{python}
import json, os, sys
name = os.path.basename(sys.argv[0])
argv = [name, *sys.argv[1:]]
line = " ".join(argv)
piped = sys.stdin.read() if argv[-2:] == ["-f", "-"] else ""
with open(os.environ["FAKE_LOG"], "a") as log:
    log.write(json.dumps([argv, piped]) + "\\n")
match = os.environ.get("FAIL_MATCH")
if match and match in line:
    counter = os.environ["FAKE_LOG"] + ".failed"
    done = int(open(counter).read()) if os.path.exists(counter) else 0
    if done < int(os.environ.get("FAIL_TIMES") or 10**6):
        open(counter, "w").write(str(done + 1))
        sys.stderr.write(os.environ.get("FAIL_MSG", "Error: failed on purpose") + "\\n")
        sys.exit(1)
if os.environ.get("HANG_MATCH") and os.environ["HANG_MATCH"] in line:
    import time
    time.sleep(30)
if name == "kubectl":
    if "jsonpath={{.status.phase}}" in argv:
        print("Terminating" if os.environ.get("TERM_NS") in argv else "Active", end="")
    elif "webhookconfigurations" in line and "get" in argv:
        space = os.environ.get("STALE_WH")
        hook = {{"metadata": {{"name": "stale"}}, "webhooks": [
            {{"clientConfig": {{"service": {{"name": "gone", "namespace": space}}}}}}]}}
        print(json.dumps({{"items": [hook] if space else []}}))
    elif "service" in argv and "gone" in argv:
        sys.stderr.write('Error from server (NotFound): services "gone" not found\\n')
        sys.exit(1)
    elif "daemonsets" in argv and os.environ.get("HAVE_DRA"):
        print("daemonset.apps/nvidia-dra-driver-gpu-kubelet-plugin")
    elif "create" in argv and "namespace" in argv:
        print("kind: Namespace # " + argv[argv.index("namespace") + 1])
    elif "current-context" in argv:
        print("fake")
elif name == "helm" and "version" in argv:
    print("v4.1.4+gfake")
elif name == "kustomize":
    print("# " + argv[2])
"""


def install(
    folder: pathlib.Path, tools: tuple[str, ...] = ("helm", "kubectl", "kustomize", "sleep")
) -> None:
    """Write the fakes into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for tool in tools:
        path = folder / tool
        path.write_text(FAKE.format(python=sys.executable), "utf-8")
        path.chmod(0o755)


def environment(folder: pathlib.Path, fakes: dict[str, str]) -> dict[str, str]:
    """The environment of a script run: fakes first on PATH, then the system's own tools."""
    return {
        "PATH": f"{folder / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "HOME": str(folder),
        "FAKE_LOG": str(folder / "calls.log"),
        **fakes,
    }


def run_script(
    script: pathlib.Path, args: list[str], folder: pathlib.Path, fakes: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a script with the fakes; the log starts empty."""
    log = folder / "calls.log"
    for path in (log, log.with_name("calls.log.failed")):
        path.unlink(missing_ok=True)
    if not (folder / "bin").exists():
        install(folder / "bin")
    return subprocess.run(
        [str(script), *args], env=environment(folder, fakes), capture_output=True, text=True,
        stdin=subprocess.DEVNULL, cwd=folder, timeout=120, check=False,
    )  # fmt: skip


def calls(folder: pathlib.Path, bundle: pathlib.Path) -> list[list[str]]:
    """The calls that would change a cluster, in the form of the goldens."""
    log = folder / "calls.log"
    if not log.exists():
        return []
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    found: list[list[str]] = []
    for argv, piped in rows:
        argv = [word.replace(str(bundle), "$BUNDLE") for word in argv]
        if argv[0] == "helm" and argv[1] in ("upgrade", "uninstall"):
            found.append(argv)
        elif argv[0] == "kubectl" and argv[1] in ("apply", "delete", "rollout", "patch"):
            if piped.startswith("kind: Namespace"):
                found.append(["ensure-namespace", piped.split()[-1]])
            elif piped.startswith("# "):
                found.append(
                    [f"kustomize-{argv[1]}", piped.split()[-1], argv[argv.index("-n") + 1]]
                )
            else:
                found.append(argv)
        elif argv[0] == "sleep":
            found.append(argv)
    return found
