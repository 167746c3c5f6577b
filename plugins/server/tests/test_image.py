"""The Containerfile's own commands, run by hand: what they make starts as nobody, on a file system that nobody writes.

No container engine is needed: the commands of the build stage run as they stand, but for their folders, and the result
is started in a mount namespace with the pod's user, capabilities, variables and one small ``/tmp``.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys

import containerfile
import pytest
from containerfile import ROOT, of
from http_server import free_port

FILE = ROOT / "packaging/server/Containerfile"
_INSIDE = """
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/aicr && mount --bind "$IMAGE" /mnt/aicr
mount -t tmpfs -o size=64m,mode=1777 tmpfs /tmp
mkdir -p "$IMAGE" && mount --bind /mnt/aicr "$IMAGE"
for place in "$IMAGE" /mnt /; do mount -o remount,bind,ro "$place"; done
cd /tmp
as_nobody="setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"
$as_nobody "$IMAGE/bin/python" -c pass 2>/dev/null || as_nobody=
env -i $VARIABLES PORT="$PORT" $as_nobody aicrd 2>/tmp/log & server=$!
address="http://127.0.0.1:$PORT"
for _ in $(seq 300); do curl -sf -o /tmp/ready "$address/ready" && break; kill -0 $server || cat /tmp/log; sleep 0.1; done
! touch "$IMAGE/x" /usr/x 2>/dev/null
curl -sf "$address/v1/recipe?service=eks&accelerator=h100&intent=training" -o /tmp/recipe.json
for deployer in $DEPLOYERS; do
  curl -sf -o /tmp/bundle.zip --data-binary @/tmp/recipe.json "$address/v1/bundle?deployer=$deployer&repo=https://git.example/r.git"
  echo "$deployer"
done
curl -sf -o /dev/null "$address/ui/" && echo page
grep -q '"engine": "granian"' /tmp/log && echo granian
kill -TERM $server; wait $server; echo "exit $?"
"""


def _namespace() -> list[str]:
    """Give the command that makes a mount namespace. Skips where there is none to be had."""
    unshare = shutil.which("unshare")
    for flags in (["-m"], ["-Urm"]):
        if unshare and subprocess.run([unshare, *flags, "true"], capture_output=True).returncode == 0:  # fmt: skip
            return [unshare, *flags]
    pytest.skip("no namespaces here")


def test_what_the_commands_make_runs_as_the_pod_does(tmp_path: pathlib.Path) -> None:
    namespace = _namespace()
    if not shutil.which("curl") or not shutil.which("setpriv"):
        pytest.skip("no curl, or no setpriv")
    containerfile.wheels(FILE, tmp_path)
    build, final = containerfile.stages(FILE)
    (install,) = [run for run in of(build, "RUN") if "venv --without-pip" in run]
    image = tmp_path / "opt/aicr"
    image.parent.mkdir()
    command = install.replace("/opt/aicr", str(image)).replace("/wheels/", f"{tmp_path}/wheels/")
    programs = pathlib.Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "SOURCE_DATE_EPOCH": "1700000000"}  # fmt: skip
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    # The newest files are as old as the commit, and nothing has to be compiled at a start.
    newest = max(path.lstat().st_mtime for path in image.rglob("*"))
    assert newest == 1_700_000_000
    packages = image / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    assert list((packages / "aicr_server/__pycache__").glob("app.*.pyc"))
    (variables,) = of(final, "ENV")
    (user,) = re.findall(r"^(\d+):", of(final, "USER")[0])
    deployers = ("helm", "argocd", "argocd-helm", "flux", "helmfile")
    done = subprocess.run(
        [*namespace, "bash", "-c", _INSIDE],
        env={
            "PATH": os.environ["PATH"], "IMAGE": str(image), "USER_ID": user, "PORT": str(free_port()),
            "DEPLOYERS": " ".join(deployers),
            "VARIABLES": variables.replace("/opt/aicr", str(image)).replace("GRACE_SECONDS=5", "GRACE_SECONDS=0"),
        },
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.split("\n")[:-1] == [*deployers, "page", "granian", "exit 0"], done.stderr
