"""A small chart with everything a chart can have, and an http repository that serves it, faults on request."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import json
import os
import threading
from collections.abc import Iterator
from typing import Any

from aicr_charts.archive import write_archive

from aicr_core.api import Context
from aicr_core.model.settings import Settings

Files = dict[str, bytes]

_CHART = """\
apiVersion: v2
name: engine
version: 1.2.3
kubeVersion: ">=1.30.0-0"
annotations: {artifacthub.io/license: Apache-2.0}
dependencies:
- {name: sensor, version: 0.1.0, repository: "", condition: sensor.enabled}
- {name: sensor, version: 0.1.0, repository: "", alias: second, tags: [extra]}
"""
_VALUES = """\
image: {repository: registry.example.com/engine, tag: 1.2.3}
replicas: 1
nodeSelector: {}
sensor: {enabled: true, port: 9000}
tags: {extra: false}
"""
_TEMPLATE = """\
{{- /* head */ -}}
--- # the first one
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: engine}}
  template:
    metadata: {labels: {app: engine}}
    spec:
      nodeSelector: {{ toYaml .Values.nodeSelector | nindent 8 }}
      containers:
      - name: main
        image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
---
# nothing in here

---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-facts
data:
  script: |
    # a comment
    echo "{{ .Capabilities.KubeVersion.Version }}"
  monitored: {{ .Capabilities.APIVersions.Has "monitoring.example.com/v1" | quote }}
  yes: {{ "yes" | quote }}
  number: "012"
"""
_HOOK = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-before
  annotations: {"helm.sh/hook": pre-install}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: hook, image: "registry.example.com/hook:1"}]
"""
_CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: motors.engine.example.com}
spec: {group: engine.example.com, names: {kind: Motor, plural: motors}, scope: Namespaced,
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}
"""
_SENSOR = """\
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}-{{ .Chart.Name }}}
spec: {ports: [{port: {{ .Values.port }}}]}
"""
_SCHEMA = {
    "type": "object",
    "properties": {"replicas": {"type": "integer", "minimum": 0}, "image": {"type": "object"}},
}


def chart_files(**more: str) -> Files:
    """Give the chart's files; ``more`` replaces some, with ``__`` for ``/`` and the ending left out."""
    files = {
        "Chart.yaml": _CHART,
        "values.yaml": _VALUES,
        "values.schema.json": json.dumps(_SCHEMA),
        "templates/all.yaml": _TEMPLATE,
        "templates/hook.yaml": _HOOK,
        "templates/_helpers.tpl": '{{ define "x" }}kind: Never{{ end }}',
        "templates/NOTES.txt": "kind: {{ .Release.Name }}",
        "crds/motor.yaml": _CRD,
        "charts/sensor/Chart.yaml": "apiVersion: v2\nname: sensor\nversion: 0.1.0\n",
        "charts/sensor/values.yaml": "port: 80\ndepth: {unit: cm}\n",
        "charts/sensor/templates/service.yaml": _SENSOR,
        "charts/sensor/templates/NOTES.txt": "kind: notes",
    }
    files |= more
    return {path: text.encode() for path, text in files.items()}


def small_chart(name: str, version: str, **more: str) -> bytes:
    """Give the package of a chart with just a name, a version and the files of ``more``."""
    about = f"apiVersion: v2\nname: {name}\nversion: {version}\n"
    files = {"Chart.yaml": about, "values.yaml": "", **more}
    return write_archive(name, {path: text.encode() for path, text in files.items()})


def chart_context(
    folder: Any, *, timeout: float = 60.0, env: dict[str, str] | None = None, **options: Any
) -> Context:
    """Give a context whose cache is below ``folder``."""
    own = {
        "XDG_CACHE_HOME": str(folder / "cache"),
        "HOME": str(folder),
        "PATH": os.environ.get("PATH", ""),
        **(env or {}),
    }
    return Context(settings=Settings.from_env(own), timeout=timeout, options=options)


class Repository:
    """An http repository: ``charts`` by file name; what it does wrong is said by its attributes."""

    def __init__(self) -> None:
        self.charts: dict[str, tuple[str, str, bytes]] = {}
        self.account = ""
        self.digests = True
        self.status: dict[str, int] = {}
        self.cut: set[str] = set()
        self.redirect: dict[str, str] = {}
        self.base = ""
        self.index = ""
        self.url = ""
        self.seen: list[tuple[str, str]] = []

    def add(self, name: str, version: str, data: bytes) -> None:
        """Serve a package."""
        self.charts[f"{name}-{version}.tgz"] = (name, version, data)

    def index_yaml(self) -> bytes:
        """Give the index as Helm writes it."""
        if self.index:
            return self.index.encode()
        lines = ["apiVersion: v1", "entries:"]
        for name in sorted({entry[0] for entry in self.charts.values()}):
            lines.append(f"  {name}:")
            for file, (owner, version, data) in sorted(self.charts.items()):
                if owner == name:
                    digest = hashlib.sha256(data if self.digests else b"other").hexdigest()
                    lines += [
                        "  - apiVersion: v2",
                        "    created: 2026-01-01T00:00:00Z",
                        f"    digest: {digest}",
                        f"    name: {name}",
                        "    urls:",
                        f"    - {self.base}{file}",
                        f"    version: {version}",
                    ]
        return "\n".join([*lines, "generated: 2026-01-01T00:00:00Z", ""]).encode()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        path = request.path.lstrip("/")
        self.seen.append((path, request.headers.get("Authorization", "")))
        if path in self.redirect:
            request.send_response(302)
            request.send_header("Location", self.redirect[path])
            request.end_headers()
            return
        wanted = f"Basic {base64.b64encode(self.account.encode()).decode()}"
        known = {
            "index.yaml": self.index_yaml,
            **{f: (lambda d=d: d[2]) for f, d in self.charts.items()},
        }
        status = self.status.get(path, 200 if path in known else 404)
        if self.account and request.headers.get("Authorization") != wanted:
            status = 401
        body = known[path]() if status == 200 else b""
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: len(body) // 2] if path in self.cut else body)


@contextlib.contextmanager
def serving() -> Iterator[Repository]:
    """Serve a repository on the loopback."""
    repository = Repository()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            repository.answer(self)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        repository.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield repository
        server.shutdown()
        thread.join(20)
