"""Helm's own engine, in a process of its own: one JSON question on standard input, one JSON answer on standard output.

The library is Go: a fatal error there, or a template without an end, ends a process that has nothing else to lose,
and a deadline can be kept. Imports nothing of AICR; what is asked and what the answers mean is said in
``aicr_charts.engines``.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import sys
import tarfile
from typing import Any

from aicr_charts.documents import chart_texts, documents, parcel
from aicr_charts.probing import unused_paths

Document = dict[str, Any]
MEMORY = 6 * 1024**3
"""Address space of the process: a template that makes gigabytes fails, and the machine goes on."""
# No cluster is behind it: the engine wants a kubeconfig to be given before it looks for one itself.
_NO_CLUSTER = "apiVersion: v1\nkind: Config\n"


def main() -> None:
    """Answer the question on standard input."""
    # Whatever the library prints must not get between the answer's bytes.
    answer_to = os.dup(1)
    os.dup2(2, 1)
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, OSError, ValueError):
        pass
    answer = _answered(json.load(sys.stdin))
    with open(answer_to, "w", encoding="utf-8") as stream:
        json.dump(answer, stream)


def _answered(question: Document) -> Document:
    try:
        import helm_python
    except (ImportError, OSError) as error:
        return {"kind": "library", "error": str(error)}
    except helm_error() as error:
        return {"kind": "library", "error": str(error)}
    try:
        return {"result": _CALLS[question["call"]](question)}
    except helm_python.HelmError as error:
        return {"kind": type(error).__name__, "error": str(error)}


def helm_error() -> type[Exception]:
    """Give the engine's error class, which is there even where its library cannot be loaded."""
    module = sys.modules.get("helm_python.errors")
    found = getattr(module, "HelmError", None)
    return found if isinstance(found, type) else ImportError


def _render(question: Document) -> str:
    loaded = _load(question)
    _hold_to_version(loaded, question)
    return parcel(
        (path, _as_json(text))
        for path, text in documents(chart_texts(_rendered(loaded, question, question["values"])))
    )


def _unused(question: Document) -> list[str]:
    def texts(values: Document) -> dict[str, str] | None:
        import helm_python

        try:
            # Loaded anew each time: rendering takes sub-charts that are switched off out of the chart for good.
            return chart_texts(_rendered(_load(question), question, values))
        except helm_python.HelmError:
            return None

    return unused_paths(question["values"], texts)


def _pull(question: Document) -> str:
    import helm_python

    client = helm_python.RegistryClient(plain_http=question["plain_http"])
    with client:
        helm_python.pull(
            question["reference"],
            client=client,
            version=question["version"],
            destination=question["folder"],
            plain_http=question["plain_http"],
            insecure_skip_tls_verify=question["insecure_tls"],
        )
    return ""


def _load(question: Document) -> Any:
    import helm_python

    return helm_python.Chart.load_archive(base64.b64decode(question["chart"]))


def _rendered(chart: Any, question: Document, values: Document) -> dict[str, str]:
    # Not Chart.render: it has no argument for the cluster's version, the function below it has.
    from helm_python import _native

    found = _native.call_string(
        "helm_render", chart._raw(), json.dumps(values), json.dumps(question["options"])
    )
    texts: dict[str, str] = json.loads(found)
    return texts


def _hold_to_version(chart: Any, question: Document) -> None:
    """Hold the cluster's version to the chart's ``kubeVersion``: only an installation asks for it, so one is tried dry.

    What is installed is a chart with the same ``kubeVersion`` and nothing else in it.
    """
    from helm_python import Chart, Config, _native

    wanted = chart.metadata.get("kubeVersion")
    if not wanted:
        return
    about = json.dumps(
        {"apiVersion": "v2", "name": chart.name, "version": "0.1.0", "kubeVersion": wanted}
    ).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(f"{chart.name}/Chart.yaml")
        entry.size = len(about)
        archive.addfile(entry, io.BytesIO(about))
    empty = Chart.load_archive(gzip.compress(buffer.getvalue()))
    options = {"dry_run": "client", "kube_version": question["options"]["kube_version"]}
    with Config(storage_driver="memory", kubeconfig_content=_NO_CLUSTER) as config:
        _native.call_string(
            "helm_install", config._raw(), _native.HANDLE(0), empty._raw(), None, "version",
            "{}", json.dumps(options),
        )  # fmt: skip


def _as_json(text: str) -> str:
    """Give a document as JSON, which is YAML too and read a hundred times faster; as it is if it does not parse."""
    import helm_python

    try:
        found = helm_python.values_from_yaml(text)
    except helm_python.HelmError:
        return text
    return json.dumps(found, ensure_ascii=False)


_CALLS: dict[str, Any] = {"render": _render, "unused": _unused, "pull": _pull}

if __name__ == "__main__":
    main()
