"""``aicr snapshot``: measure a host, a node through an agent, or a fleet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from aicr_core.cli.agent_options import agent_options, agent_request, refuse
from aicr_core.cli.options import Integer, choice, is_true, single
from aicr_core.cli.output import deliver, note, render, warn
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.app.environment import Environment
    from aicr_core.app.snapshot import SnapshotRequest, Taken

FORMATS = ("yaml", "json", "table")


@click.command(
    epilog="""\b
Examples:
  aicr snapshot --local                            # this host, and its cluster if there is one
  aicr snapshot -n gpu-operator -o node.yaml       # one GPU node, by a Job
  aicr snapshot --all-nodes --node-selector pool=gpu -o fleet.yaml
  aicr snapshot -o cm://gpu-operator/aicr-snapshot
  aicr snapshot --local --template report.md.j2 --require GPU.smi,OS.release
  aicr snapshot --all-nodes --dry-run              # the objects, without creating any"""
)
@click.option("--output", "-o", multiple=True, metavar="TARGET",
              help="file, - for standard output, or cm://namespace/name")  # fmt: skip
@click.option(
    "--format", "-t", "fmt", multiple=True, metavar="yaml|json|table", help="default: yaml"
)
@click.option("--template", multiple=True, metavar="SOURCE", help="render with a Jinja2 template")
@click.option("--local", is_flag=True, help="measure this host in this process, without an agent")
@click.option("--only", default="", metavar="host|cluster", help="run only these collectors")
@click.option("--collector", "collectors", multiple=True, metavar="NAME",
              help="run only this collector (repeatable)")  # fmt: skip
@click.option("--host-root", default="", metavar="DIR",
              help="where the host's file system is seen; default /")  # fmt: skip
@click.option("--systemd-unit", "systemd_units", multiple=True, metavar="UNIT",
              help="a further unit to read (repeatable)")  # fmt: skip
@click.option("--max-nodes-per-entry", type=Integer(), multiple=True, metavar="N",
              help="names written for each taint or label; 0: all")  # fmt: skip
@click.option("--redact", default="standard", metavar="standard|minimal|none",
              help="what to leave out; default: standard")  # fmt: skip
@click.option("--require", "required", multiple=True, metavar="TYPE[.SUBTYPE],...",
              help="fail, after writing, when one of these was not read")  # fmt: skip
@click.option("--require-gpu", is_flag=True, help="fail, after writing, when no GPU was found")
@click.option(
    "--strict", is_flag=True, help="fail, after writing, when anything was not read whole"
)
@click.option(
    "--jobs", type=click.IntRange(min=0), default=0, metavar="N", help="collectors at once"
)
@click.option(
    "--kubeconfig", "-k", multiple=True, metavar="FILE", help="for every call to the cluster"
)
@click.option("--redaction-key", default="", hidden=True)
@click.option("--framed", is_flag=True, hidden=True)
@agent_options
@click.pass_obj
def snapshot(environment: Environment, /, **options: Any) -> None:
    """Measure the real state of a host, a node, or every node of a cluster.

    Without --local an agent measures a node of the cluster, and the cluster is read with your own rights. The
    document says in its `collection` block what could not be read, and why.
    """
    from aicr_core.app import sinks
    from aicr_core.app.snapshot import measures_host, require

    env = environment.settings.env
    output = single("output", options["output"]).strip()
    template = single("template", options["template"])
    fmt = choice("format", single("format", options["fmt"], "yaml"), FORMATS)
    if template:
        _check_template(fmt, output)
    local = options["local"] or env.get("AICR_AGENT_MODE") == "true"
    cluster_only = options["only"] == "cluster"
    if options["local"] or cluster_only:
        refuse(options, "--local" if options["local"] else "--only cluster")
    elif not local and options["host_root"]:
        raise AicrError(
            Code.INVALID_REQUEST, "an agent mounts the host where its profile says", where="--host-root",
            hint="give --local as well, to measure this host",
        )  # fmt: skip
    request = _request(env, options, local=local)
    # Facts of the cluster are read with the user's own rights: for them alone no pod has to run.
    local = local or not measures_host(environment, request)
    debug = environment.settings.debug
    agent = None if local else agent_request(env, options, request, debug=debug)
    if agent is not None and agent.dry_run:
        _check_dry_run(output, fmt, template)
    compiled = _template(template) if template else None
    sinks.check(environment, output)
    taken = _take(environment, request, agent, single("agent", options["agent"]))
    for text in taken.warnings:
        warn(text)
    if taken.residue:
        warn("left in the cluster; remove with:\n  " + "\n  ".join(taken.residue))
    if agent is not None and agent.dry_run:
        deliver(environment, _manifests(taken, fmt), output, fmt)
        return
    text = _text(environment, taken.document, fmt, compiled, template)
    if options["framed"]:
        from aicr_core.kit.frames import write_frames

        text = "".join(f"{line}\n" for line in write_frames(text.encode("utf-8")))
    notes = _notes(taken.document)
    deliver(environment, text, output, fmt, notes=notes, kubeconfig=request.kubeconfig)
    if output not in ("", "-"):
        note(f"snapshot written to {output}")
    wanted = tuple(
        name.strip() for part in options["required"] for name in part.split(",") if name.strip()
    )
    problem = require(
        taken.document,
        wanted,
        gpu=options["require_gpu"] or is_true(env, "AICR_REQUIRE_GPU"),
        strict=options["strict"],
        failed=taken.failed,
    )
    if problem is not None:
        raise problem


def _check_template(fmt: str, output: str) -> None:
    if fmt != "yaml":
        raise AicrError(Code.INVALID_REQUEST, "--template decides the form itself", where="--format",
                        hint="leave --format out")  # fmt: skip
    if "://" in output:
        raise AicrError(Code.INVALID_REQUEST, "a rendered template goes to a file or standard output",
                        where="--output")  # fmt: skip


def _check_dry_run(output: str, fmt: str, template: str) -> None:
    for refused, flag, text in (
        ("://" in output, "--output", "a dry run writes nothing into the cluster"),
        (fmt == "table", "--format", "a dry run prints objects, and there is no table of them"),
        (bool(template), "--template", "a dry run has no snapshot to render"),
    ):
        if refused:
            raise AicrError(
                Code.INVALID_REQUEST, text, where=flag, hint=f"leave {flag} or --dry-run out"
            )


def _manifests(taken: Taken, fmt: str) -> str:
    items = [dict(item) for item in taken.manifests]
    if fmt == "json":
        return render({"apiVersion": "v1", "kind": "List", "items": items}, "json")
    return "---\n".join(render(item, "yaml") for item in items)


def _request(env: Any, options: dict[str, Any], *, local: bool) -> SnapshotRequest:
    from aicr_core.app.snapshot import SnapshotRequest, host_root
    from aicr_core.engine.redact import POLICIES

    if not all(unit.strip() for unit in options["systemd_units"]):
        raise AicrError(Code.INVALID_REQUEST, "the name of a unit is empty", where="--systemd-unit",
                        hint="write --systemd-unit kubelet.service")  # fmt: skip
    if options["only"]:
        choice("only", options["only"], ("host", "cluster"))
    return SnapshotRequest(
        only=options["only"],
        collectors=tuple(options["collectors"]),
        host_root=host_root(env, options["host_root"]) if local else "/",
        kubeconfig=single("kubeconfig", options["kubeconfig"][-1:]),
        max_nodes_per_entry=single(
            "max-nodes-per-entry",
            options["max_nodes_per_entry"],
            _number(env.get("AICR_MAX_NODES_PER_ENTRY", "")),
        ),
        systemd_units=tuple(options["systemd_units"]),
        redact=choice("redact", options["redact"], POLICIES),
        # Nodes of one run share a key: equal values stay comparable, and nothing in clear leaves a node.
        redaction_key=options["redaction_key"] or os.urandom(16).hex(),
        jobs=options["jobs"],
    )


def _number(text: str) -> int:
    if not text:
        return 0
    try:
        return int(text)
    except ValueError:
        warn(f"AICR_MAX_NODES_PER_ENTRY is {text!r}, which is no number; all nodes are written")
        return 0


def _take(environment: Environment, request: SnapshotRequest, agent: Any, name: str) -> Taken:
    from aicr_core.session import Session

    log: Callable[[str], None] = note
    return Session.of(environment).snapshot(request, agent=agent, agent_name=name, log=log)


def _template(uri: str) -> Any:
    from aicr_core.app import sources
    from aicr_core.engine.report_template import compile_template

    if os.path.isdir(uri):
        raise AicrError(
            Code.INVALID_REQUEST, "the template is a directory", where=uri, hint="give a file"
        )
    data = sources.read_bytes(uri)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise AicrError(Code.INVALID_REQUEST, "the template is no UTF-8 text", where=uri) from None
    return compile_template(text, uri)


def _text(
    environment: Environment, document: dict[str, Any], fmt: str, compiled: Any, source: str
) -> str:
    if compiled is not None:
        from aicr_core.engine.report_template import render as render_template

        return render_template(compiled, document, source)
    if fmt != "table":
        return render(document, fmt)
    if "fleet" in document:
        from aicr_core.cli.fleet import as_table

        return as_table(environment, document)
    return _table(document)


def _notes(document: dict[str, Any]) -> dict[str, str]:
    metadata = document.get("metadata", {})
    found = {
        "collected": metadata.get("timestamp", ""),
        "source-node": metadata.get("source-node", ""),
        "redaction": metadata.get("redaction", ""),
        "version": metadata.get("version", ""),
    }
    nodes = document.get("fleet", {}).get("nodes", {}).get("collected")
    if nodes is not None:
        found["nodes"] = str(nodes)
    return {name: value for name, value in found.items() if value}


def _table(document: dict[str, Any]) -> str:
    """Give one row a reading, sorted by path in byte order (spec/snapshot.md 9.1)."""
    from aicr_core.kit.emit import as_text
    from aicr_core.kit.text import table

    rows = [("Header.Kind", document["kind"]), ("Header.APIVersion", document["apiVersion"])]
    rows += [(f"Header.Metadata.{key}", str(value)) for key, value in document["metadata"].items()]
    for first, measurement in enumerate(document["measurements"]):
        place = f"Measurements.[{first}]"
        rows.append((f"{place}.Type", measurement["type"]))
        for second, subtype in enumerate(measurement.get("subtypes", ())):
            path = f"{place}.Subtypes.[{second}]"
            rows.append((f"{path}.Name", subtype["subtype"]))
            rows += [
                (f"{path}.Data.{key}.V", as_text(value)) for key, value in subtype["data"].items()
            ]
            rows += [
                (f"{path}.Context.{key}", str(value))
                for key, value in subtype.get("context", {}).items()
            ]
            for third, item in enumerate(subtype.get("items", ())):
                rows += [
                    (f"{path}.Items.[{third}].Data.{key}.V", as_text(value))
                    for key, value in item["data"].items()
                ]
    rows.sort(key=lambda row: row[0].encode())
    return table(
        ("FIELD", "VALUE"), [(_escaped(key), _escaped(value)) for key, value in rows], rule=True
    )


def _escaped(text: str) -> str:
    return text.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
