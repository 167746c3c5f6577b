"""What a validation leaves beside its report: rights as objects, the list of checks, evidence files. Prints nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aicr_core.app.sources import Source
from aicr_core.app.validation_inputs import Inputs, join
from aicr_core.app.validation_recipe import Recipe
from aicr_core.app.validation_rights import home_rights, is_at_home, rights_of
from aicr_core.kit.errors import AicrError, Code
from aicr_core.model.rbac import rbac_objects
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.app.environment import Environment
    from aicr_core.engine.selection import Entry
    from aicr_core.model.check import Report
    from aicr_core.plugins.providers import Phase, ReportWriter

Document = dict[str, Any]
ACCOUNT = "aicr-validator"
SUBMISSION, PAGES = "submission", "pages"


def rbac(
    inputs: Inputs,
    phases: Sequence[Phase],
    namespace: str,
    account: str = "",
    skip: Sequence[str] = (),
) -> list[Document]:
    """Give the objects that allow a service account exactly what the selected checks need. Raises AicrError."""
    recipe = inputs.with_asserts()
    entries = [
        entry for phase in phases for entry in inputs.selected(phase.name) if entry.name not in skip
    ]
    rights = [right for entry in entries for right in rights_of(entry, recipe)]
    if any(is_at_home(entry, recipe) for entry in entries):
        rights += home_rights(namespace)
    return rbac_objects(rights, account or ACCOUNT, namespace)


def report_text(plugin: str, writer: ReportWriter, report: Report) -> str:
    """Give a report as a plugin's writer has it. Raises AicrError, also for a writer that fails."""
    try:
        text = resolve(writer.write)(report)
    except AicrError:
        raise
    except Exception as error:  # a writer is a plugin's
        message = f"report {writer.name}: {type(error).__name__}: {error}"
        raise AicrError(Code.INTERNAL, message, plugin=plugin) from error
    if not isinstance(text, str):
        raise AicrError(
            Code.INTERNAL, f"report {writer.name}: it gave {type(text).__name__}, no text", plugin=plugin
        )  # fmt: skip
    return text


def listing(
    entries: Sequence[Entry], selected: Mapping[str, Sequence[str]]
) -> list[tuple[str, str, str, str, str, str]]:
    """Give a row for each check: name, phase, whether the recipe selects it, what it makes, its time, what it is."""
    return [
        (
            entry.name,
            entry.phase,
            "yes" if entry.name in selected.get(entry.phase, ()) else "no",
            "?" if entry.check is None else "objects" if entry.mutates else "-",
            f"{entry.container.timeout:g}s",
            entry.description,
        )
        for entry in entries
    ]


def write_evidence(
    environment: Environment, report: Report, name: str, folder: str, facts: Mapping[str, Any]
) -> list[str]:
    """Write the files of an evidence writer below ``folder``; give their paths. Raises AicrError."""
    from aicr_core.kit.paths import atomic_write, fault

    plugin, writer = writer_of(environment, name)
    try:
        files = {
            str(path): str(text) for path, text in resolve(writer.write)(report, facts).items()
        }
    except AicrError:
        raise
    except Exception as error:  # a writer is a plugin's
        message = f"evidence {name}: {type(error).__name__}: {error}"
        raise AicrError(Code.INTERNAL, message, plugin=plugin) from error
    written = []
    try:
        os.makedirs(folder, exist_ok=True)
        for path in sorted(files):
            if os.path.isabs(path) or ".." in path.split("/"):
                raise AicrError(Code.INTERNAL, f'evidence "{path}" would leave its directory')
            full = os.path.join(folder, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            atomic_write(full, files[path].encode("utf-8"))
            written.append(full)
    except OSError as error:
        raise fault(error, folder, "write") from None
    return written


def writer_of(environment: Environment, name: str) -> tuple[str, Any]:
    """Give an evidence writer and its plugin. Raises AicrError(NOT_FOUND)."""
    writers = environment.manager.named("aicr_evidence_writers", "name")
    if name not in writers:
        raise environment.manager.missing("evidence writer", name, sorted(writers), {})
    found: tuple[str, Any] = writers[name]
    return found


def submission_inputs(
    environment: Environment, features: Sequence[str], recipe: Recipe | None, data: Sequence[str]
) -> Inputs:
    """Give the inputs of a conformance submission: the checks that the features need, for a recipe or none.

    Without a recipe nothing is known of the components: checks that depend on one are skipped, and say so. Raises
    AicrError for an unknown feature.
    """
    _, writer = writer_of(environment, SUBMISSION)
    wanted = list(resolve(writer.select)(features)) if writer.select is not None else []
    checks = environment.manager.named("aicr_checks", "name", settings=environment.settings)
    validation: dict[str, Any] = {}
    for name in wanted:
        if name not in checks:
            raise environment.manager.missing("check", name, sorted(checks), {})
        validation.setdefault(checks[name][1].phase, {"checks": []})["checks"].append(name)
    if recipe is None:
        document: Document = {"kind": "RecipeResult", "componentRefs": []}
        recipe = Recipe(document, Source(b"", "json", "no recipe"))
    document = {**recipe.document, "validation": validation, "constraints": []}
    # Lines of the file mean nothing for what does not stand in it.
    return join(
        environment,
        recipe._replace(document=document, source=recipe.source._replace(fmt="json")),
        data=data,
    )


def facts_of(environment: Environment, report: Report, kubeconfig: str) -> Document:
    """Give what is known of the cluster without asking the user; nothing where it does not answer."""
    facts: Document = {"platform": str(report.criteria.get("service") or "")}
    cluster = environment.known_cluster(kubeconfig)
    if cluster is not None:
        try:
            facts["kubernetesVersion"] = str(cluster.within(10.0).version().get("gitVersion") or "")
        except AicrError:
            facts["kubernetesVersion"] = ""
    return facts
