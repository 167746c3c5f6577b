"""Small charts that stand in for the upstream ones of a recipe: same names, same versions, images of our own.

Each has what finding images has to see: containers of all kinds, a hook, an operator's resource with its image in
pieces, a definition in ``crds/``, an image that only an argument names, and one that a value switches on.
"""

from __future__ import annotations

import gzip
import io
import pathlib
import tarfile
from typing import Any

TEMPLATE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {{{{ .Release.Name }}}}, namespace: {{{{ .Release.Namespace }}}}}}
spec:
  template:
    spec:
      initContainers:
        - name: prepare
          image: docker.example/{chart}/prepare@sha256:{digest}
      containers:
        - name: main
          image: "registry.example:5000/{chart}/main:{{{{ .Chart.Version }}}}"
          args: ["--helper-image=quay.example/{chart}/helper:1"]
          env:
            - {{name: RELATED_IMAGE_AGENT, value: "quay.example/{chart}/agent:2"}}
      volumes:
        - name: model
          image: {{reference: "models.example/{chart}:3"}}
{{{{- if .Values.extra }}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: extra}}
spec: {{containers: [{{name: extra, image: "busybox"}}]}}
{{{{- end }}}}
---
apiVersion: example.com/v1
kind: Policy
metadata: {{name: policy}}
spec:
  driver: {{repository: nvcr.example/driver, image: driver, version: "570.1"}}
"""
HOOK = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: hook
  annotations: {{helm.sh/hook: pre-install}}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{{name: hook, image: "registry.example:5000/{chart}/hook:1"}}]
"""
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: policies.example.com}
spec:
  group: example.com
  names: {kind: Policy, plural: policies}
  scope: Cluster
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              x-kubernetes-preserve-unknown-fields: true
              properties:
                image: {type: string, description: "image of the agent, for example nginx:1"}
"""


def package(folder: pathlib.Path, name: str, version: str, *, licence: str = "") -> pathlib.Path:
    """Write one packaged chart into ``folder``; the same name and version give the same bytes."""
    chart = f"apiVersion: v2\nname: {name}\nversion: {version}\n"
    if licence:
        chart += f"annotations: {{artifacthub.io/license: {licence}}}\n"
    words = {"chart": name, "digest": "ab" * 32}
    files = {
        "Chart.yaml": chart,
        "values.yaml": "extra: false\n",
        "crds/policies.yaml": DEFINITION,
        "templates/all.yaml": TEMPLATE.format(**words),
        "templates/hook.yaml": HOOK.format(**words),
    }
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mode = len(text.encode()), 0o644
            archive.addfile(entry, io.BytesIO(text.encode()))
    target = folder / f"{name}-{version}.tgz"
    folder.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(raw.getvalue(), mtime=0))
    return target


def images_of(name: str, version: str) -> set[str]:
    """Every image of such a chart, without the one that has to be switched on."""
    return {
        f"docker.example/{name}/prepare@sha256:{'ab' * 32}",
        f"registry.example:5000/{name}/main:{version}",
        f"registry.example:5000/{name}/hook:1",
        f"quay.example/{name}/helper:1",
        f"quay.example/{name}/agent:2",
        f"models.example/{name}:3",
        "nvcr.example/driver/driver:570.1",
    }


def for_recipe(folder: pathlib.Path, recipe: dict[str, Any]) -> dict[str, set[str]]:
    """Package a chart for every component of a recipe that has one; give the images by component."""
    found = {}
    for ref in recipe["componentRefs"]:
        if ref.get("source") and ref.get("type") != "Kustomize":
            name, version = ref.get("chart") or ref["name"], str(ref["version"])
            package(folder, name, version)
            found[ref["name"]] = images_of(name, version)
    return found
