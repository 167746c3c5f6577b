"""Use case ``bundle``: a request in, a written bundle and its report out. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.app.bundle_extras import Extras
from aicr_core.app.bundle_place import place
from aicr_core.app.bundle_plan import make_plan
from aicr_core.engine import bundle_info, bundles
from aicr_core.kit.emit import to_yaml
from aicr_core.model.bundle import BundleReport
from aicr_core.plugins.manager import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from aicr_core.app.bundle_plan import Planned
    from aicr_core.app.bundle_request import BundleRequest
    from aicr_core.app.charts import Progress
    from aicr_core.app.environment import Environment
    from aicr_core.app.signers import Owned


def write_bundle(
    environment: Environment,
    request: BundleRequest,
    progress: Progress | None = None,
    confirm: Callable[[str], bool] = lambda _text: True,
) -> BundleReport:
    """Make the bundle and put it in place, whole or not at all. Raises AicrError.

    ``progress`` is told of charts; ``confirm`` is asked before a signature makes something public.
    """
    signer = _signer(environment, request)
    target = place(environment, request)
    extras = Extras(environment, request, progress)
    planned = extras.vendored(make_plan(environment, request, target.uri))
    files = bundle_files(environment, planned, extras)
    signed_by = ""
    if signer is not None:
        from aicr_core.app.bundle_attest import attest

        file, signed_by = attest(environment, request, signer, planned, files, confirm)
        files.append(file)
    where = target.put(files)
    plan, deployer = planned.plan, planned.deployer
    extra = tuple(resolve(deployer.notes)(plan)) if deployer.notes is not None else ()
    bring, folder = target.local(where)
    report = BundleReport(
        directory=where,
        title=deployer.title,
        files=len(files),
        size=sum(len(file.data) for file in files),
        notes=(*extra, *plan.notes, *extras.notes),
        steps=(*(() if deployer.pulls else bring), *resolve(deployer.steps)(plan, folder)),
        published=bool(target.uri),
        signed_by=signed_by,
    )
    if environment.manager_needed("aicr_bundle_written"):
        environment.manager.event("aicr_bundle_written", report=report)
    return report


def _signer(environment: Environment, request: BundleRequest) -> Owned | None:
    """Give the signer that is asked for; nothing of signatures is imported for a request that says nothing of them."""
    if not request.says_who_signs:
        return None
    from aicr_core.app.bundle_attest import wanted_signer

    return wanted_signer(environment, request)


def bundle_files(
    environment: Environment, planned: Planned, extras: Extras | None = None
) -> list[bundles.File]:
    """Give every file of the bundle of a plan, in order of generation, in memory. Raises AicrError."""
    deployer = planned.deployer
    call = resolve(deployer.call)
    files = bundles.deploy_files(
        planned.plan, planned.plugin, call, environment.settings, deployer.timeout
    )
    if extras is not None:
        files += extras.files(planned, files)
    recipe = to_yaml(planned.recipe).encode("utf-8")
    info = bundle_info.document(planned.plan, recipe, deployer)
    return bundles.complete(files, recipe, info, planned.catalogue, "core")
