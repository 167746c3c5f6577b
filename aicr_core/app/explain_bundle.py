"""Part of ``recipe explain``: the values that a bundle would hold, with what making it changes, and by whose word.

The values are those of ``engine.plan``; its steps are done once more, by its own functions, and followed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.app.bundle_plan import patcher
from aicr_core.app.bundle_request import parse_options, value_settings
from aicr_core.engine import overrides, plan, setflags, values
from aicr_core.engine.explain_injected import Follower
from aicr_core.engine.explain_trail import leaves, same
from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from aicr_core.app.bundle_request import BundleRequest
    from aicr_core.app.environment import Environment
    from aicr_core.app.recipe_explain import Subject
    from aicr_core.engine.explain import Explanation

Document = dict[str, Any]


def in_bundle(
    environment: Environment, subject: Subject, request: BundleRequest
) -> tuple[Explanation, tuple[str, ...]]:
    """Give the explanation with the values of a bundle in place of the recipe's, and notes.

    Components that are switched off are left out. Raises AicrError for what cannot be deployed, and for flags that
    do not fit the recipe.
    """
    catalogue, recipe = subject.catalogue, subject.recipe
    options = parse_options(request)
    settings = value_settings(request, setflags.split_overrides(request.set_values))
    wanted = overrides.collect(settings, recipe, catalogue, lenient=request.lenient)
    patches: dict[str, list[tuple[str, Document]]] = {}

    def seen(component: str, plugin: str, patched: Document) -> None:
        patches.setdefault(component, []).append((plugin, patched))

    selection = plan.select(recipe, catalogue, wanted, options, patcher(environment, recipe, seen))
    whole = subject.explanation.document
    follower = Follower(subject.explanation, catalogue)
    components: Document = {}
    for planned in selection.components:
        name = planned.ref["name"]
        made = follower.layers(planned.ref)
        for plugin, made in patches.get(name, ()):
            row = environment.index.row(plugin) or {}
            follower.patched(name, made, {
                "pack": plugin, "distribution": row.get("distribution", ""),
                "version": row.get("version", ""), "hook": "aicr_patch_values",
            })  # fmt: skip
        items = wanted.values(name)
        for item in items:
            made = overrides.apply(made, [item], name)
            follower.flag(name, made, item)
        made = values.inject(made, planned.entry, options, overrides.typed_values(items))
        follower.injected(name, made, options)
        if not _equal(made, planned.values):
            raise AicrError(
                Code.INTERNAL, f"the values of {name} could not be followed into the bundle",
                hint="please report it, with the flags",
            )  # fmt: skip
        shown = {key: value for key, value in whole["components"][name].items() if key != "values"}
        components[name] = {**shown, "values": made} if made else shown
    found = follower.explanation({**whole, "components": components})
    return found, selection.notes


def _equal(one: Document, other: Document) -> bool:
    ours, theirs = dict(leaves(one)), dict(leaves(other))
    return ours.keys() == theirs.keys() and all(same(ours[path], theirs[path]) for path in ours)
