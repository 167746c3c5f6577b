"""From a recipe and options to a bundle plan: which components, with which values, in which order.

The steps are those of spec/bundle.md 2: filter, base values, ``--set``, scheduling, validations. Manifests are
rendered by bundlers (``engine.bundles``), which the plan then carries. No file is written here.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine import setflags, values
from aicr_core.engine.deployers import has_password
from aicr_core.engine.hydrate import component_layers
from aicr_core.engine.order import is_disabled
from aicr_core.engine.overrides import Overrides, apply, split_open, typed_values
from aicr_core.engine.refs import problems
from aicr_core.kit.errors import AicrError, AicrErrors, Code, nearest
from aicr_core.kit.tree import leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_UNSAFE = re.compile(r"[\s'\"`$\\]")


class Planned(NamedTuple):
    """One enabled component before its bundler ran."""

    ref: Document
    entry: Document
    values: Document
    dynamic: Document


class Selection(NamedTuple):
    """The filtered recipe and what each component starts from."""

    recipe: Document
    components: tuple[Planned, ...]
    notes: tuple[str, ...]


def select(
    recipe: Document,
    catalogue: Catalogue,
    overrides: Overrides,
    options: Mapping[str, Any],
    patch: Callable[[Document, Document], Document],
) -> Selection:
    """Filter the recipe's components and compute the values of those that stay.

    ``patch(ref, values)`` is the plugins' value pipeline. Raises AicrError(INVALID_REQUEST) for what cannot be
    deployed, all problems together.
    """
    refs = recipe.get("componentRefs") or []
    if not refs:
        raise AicrError(
            Code.INVALID_REQUEST,
            "the recipe has no componentRefs",
            hint="give the output of `aicr recipe`",
        )
    kept, notes = _filter(refs, overrides)
    if not kept:
        raise AicrError(Code.INVALID_REQUEST, "every component of the recipe is disabled")
    _check(kept)
    components = []
    for ref in kept:
        entry = catalogue.registry().get(ref["name"]) or {}
        if not entry and (owner := catalogue.hints("component").get(ref["name"])):
            raise AicrError(
                Code.NOT_FOUND,
                f'no installed plugin registers component "{ref["name"]}"',
                hint=f"it comes with {owner}: pip install {owner}",
            )
        final, more = _values(ref, entry, catalogue, overrides, options, patch)
        stays, stub, empty = split_open(final, overrides.dynamic(ref["name"]), ref["name"])
        if any(isinstance(leaf, float) and not math.isfinite(leaf) for leaf in leaves(final)):
            notes.append(
                f"{ref['name']} has a value that is no finite number: Helm and Kubernetes refuse it"
            )
        if final and ref.get("type") == "Kustomize":
            notes.append(f"{ref['name']} has values, which a Kustomize folder takes none of")
        components.append(Planned(ref, entry, stays, stub))
        notes.extend(more)
        notes.extend(
            f"{ref['name']}: {path} has no value yet; give it at installation" for path in empty
        )
    names = {ref["name"] for ref in kept}
    notes.extend(_remarks(kept, names, {ref["name"] for ref in refs} - names))
    filtered = {
        **recipe,
        "componentRefs": kept,
        "deploymentOrder": [n for n in recipe.get("deploymentOrder") or [] if n in names],
    }
    return Selection(filtered, tuple(components), tuple(notes))


def _filter(refs: list[Document], overrides: Overrides) -> tuple[list[Document], list[str]]:
    kept, notes = [], []
    for ref in refs:
        others = sorted({item.path for item in overrides.values(ref["name"])})
        left_open = overrides.dynamic(ref["name"])
        switch, text = None, overrides.switch(ref["name"])
        if text is not None:
            switch = setflags.boolean(text)
            if switch is None:
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f'enabled is "{text}"',
                    where=f"--set {ref['name']}:enabled",
                    hint="write true or false",
                )
        if switch is False:
            others += [path for path in left_open if path not in others]
            if others:
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f"the component is disabled, yet {', '.join(others)} is set",
                    where=f"component {ref['name']}",
                    hint="drop one of the two",
                )
            continue
        if switch is None and is_disabled(ref):
            if left_open:
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f"the recipe disables the component, so {', '.join(left_open)} is never asked for",
                    where=f"--dynamic {ref['name']}:{left_open[0]}",
                    hint=f"drop it, or switch the component on: --enable {ref['name']}",
                )
            if others:
                notes.append(f"{ref['name']} is disabled by the recipe: --set for it has no effect")
            continue
        kept.append(ref)
    return kept, notes


def _check(refs: list[Document]) -> None:
    """Hold names, namespaces and texts to what scripts and Kubernetes can carry (B-17, F18, F19)."""
    errors = []
    for ref in refs:
        where = f"component {ref['name']}"
        if not _LABEL.match(ref["name"]):
            message = "a name is lower-case letters, digits and -, at most 63 (DNS-1123)"
            errors.append(AicrError(Code.INVALID_REQUEST, message, where=where))
        if ref.get("namespace") and not _LABEL.match(ref["namespace"]):
            message = f'namespace "{ref["namespace"]}" is no DNS-1123 label'
            errors.append(AicrError(Code.INVALID_REQUEST, message, where=where))
        for field in ("source", "chart", "version", "tag", "path"):
            text = ref.get(field) or ""
            # Blanks around these three have a message of their own (F19).
            inner = text.strip() if field in ("chart", "source", "version") else text
            if _UNSAFE.search(inner) or not inner.isprintable():
                message = f"{field} holds a blank, quote, $, backslash or control character"
                errors.append(AicrError(Code.INVALID_REQUEST, message, where=where))
            if inner.startswith("-"):
                message = f'{field} "{inner}" starts with -: a command would read it as an option'
                errors.append(AicrError(Code.INVALID_REQUEST, message, where=where))
        if ref.get("source") and ref.get("type") != "Kustomize" and not ref.get("namespace"):
            message = "a chart needs a namespace, or Helm takes the one of your kubeconfig"
            errors.append(AicrError(Code.INVALID_REQUEST, message, where=where))
        if ref.get("type") == "Kustomize" and not (ref.get("source") and ref.get("namespace")):
            message = "type Kustomize needs a source and a namespace"
            errors.append(AicrError(Code.INVALID_REQUEST, message, where=where))
        path = ref.get("path") or ""
        if path.startswith("/") or ".." in path.split("/"):
            message = f'path "{path}" leaves the repository: it is relative, without ..'
            errors.append(AicrError(Code.INVALID_REQUEST, message, where=where))
        errors.extend(
            AicrError(Code.INVALID_REQUEST, problem, where=where)
            for problem in problems(ref)
            if _is_fatal(problem)
        )
    names = [ref["name"] for ref in refs]
    for name in sorted({name for name in names if names.count(name) > 1}):
        errors.append(
            AicrError(Code.INVALID_REQUEST, "the recipe holds it twice", where=f"component {name}")
        )
    if errors:
        raise AicrErrors("components that cannot be deployed", errors)


def _remarks(kept: list[Document], names: set[str], left_out: set[str]) -> list[str]:
    """Say what can be deployed but is most likely not meant."""
    notes = []
    for ref in kept:
        gone = [n for n in dict.fromkeys(ref.get("dependencyRefs") or ()) if n in left_out - names]
        if gone:
            notes.append(f"{ref['name']} needs {', '.join(gone)}, which this bundle leaves out")
        if has_password(ref.get("source") or ""):
            notes.append(
                f"the source of {ref['name']} holds a password, which is in the bundle for all to read"
            )
        has_manifests = ref.get("manifestFiles") or ref.get("preManifestFiles")
        if not ref.get("source") and not has_manifests:
            notes.append(
                f"{ref['name']} has neither a chart's source nor manifests: it installs nothing"
            )
    return notes


def _is_fatal(problem: str) -> bool:
    # A first-generation recipe may hold kinds and empty references that its deployer passes over.
    return any(
        word in problem for word in ("patches", "blanks around", "a version is always", 'only "v"')
    )


def _values(
    ref: Document,
    entry: Document,
    catalogue: Catalogue,
    overrides: Overrides,
    options: Mapping[str, Any],
    patch: Callable[[Document, Document], Document],
) -> tuple[Document, list[str]]:
    switch_free = {k: v for k, v in (ref.get("overrides") or {}).items() if k != "enabled"}
    # "enabled" in the recipe's overrides switches the component; it is no value of its chart (B-5).
    layers = component_layers(catalogue, {**ref, "overrides": switch_free})
    base = patch(ref, values.merge_layers(layers))
    wanted = overrides.values(ref["name"])
    notes = []
    for item in wanted:
        suspicion = _unknown(base, item.path, ref["name"])
        where = f"{item.flag} {ref['name']}:{item.path}"
        if suspicion and options.get("strict_values"):
            raise AicrError(
                Code.INVALID_REQUEST, suspicion, where=where,
                hint="correct the path, or drop --strict-values",
            )  # fmt: skip
        if suspicion:
            notes.append(f"{where}: {suspicion}")
    final = apply(base, wanted, ref["name"])
    return values.inject(final, entry, options, typed_values(wanted)), notes


def _unknown(base: Document, path: str, component: str) -> str | None:
    """Suspect a misspelt path: a part that is not among the known keys but close to one (F6)."""
    known: Any = base
    for part in path.split("."):
        if not isinstance(known, dict) or not known:
            return None
        if part not in known:
            close = nearest(part, known)
            if close:
                return f'{component} has no value "{part}" there; did you mean "{close}"?'
            return None
        known = known[part]
    return None


def sorted_names(recipe: Document) -> list[str]:
    """Give component names in deployment order: those listed, then the others by name."""
    names = [ref["name"] for ref in recipe["componentRefs"]]
    listed = [name for name in recipe.get("deploymentOrder") or [] if name in names]
    if not listed:
        return names
    return [*dict.fromkeys(listed), *sorted(name for name in names if name not in listed)]


# The validation functions of the v0.11.1 registry: the option each one asks for.
_CHECKS = {
    "CheckWorkloadSelectorMissing": ("workload_selector", "--workload-selector"),
    "CheckAcceleratedSelectorMissing": ("accelerated_node_selector", "--accelerated-node-selector"),
}


def validations(
    selection: Selection,
    options: Mapping[str, Any],
    checks: Mapping[str, Callable[[str, Document, Document], Sequence[str]]],
) -> list[str]:
    """Run the registry's validations; give warnings in order.

    ``checks`` are the functions that plugins bring, by name. Raises AicrError(INVALID_REQUEST) for the first
    result of severity error, and for a function nobody brings (B-11).
    """
    found = []
    criteria = selection.recipe.get("criteria") or {}
    for planned in selection.components:
        for rule in planned.entry.get("validations", ()):
            function = rule["function"]
            if function not in _CHECKS and function not in checks:
                known = sorted({*_CHECKS, *checks})
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f'component {planned.ref["name"]} asks for validation "{function}", which no plugin has',
                    hint=f"known: {', '.join(known)}",
                )
            conditions = rule.get("conditions") or {}
            if not _holds(conditions, criteria):
                continue
            messages: Sequence[str] = ()
            if function in checks:
                messages = checks[function](planned.ref["name"], selection.recipe, conditions)
            elif not options.get(_CHECKS[function][0]):
                flag = _CHECKS[function][1]
                messages = [f"{planned.ref['name']} is enabled but {flag} is not set"]
            for message in messages:
                full = f"{message}. {rule['message']}" if rule.get("message") else message
                if rule.get("severity", "").lower() == "error":
                    raise AicrError(Code.INVALID_REQUEST, full)
                found.append(full)
    return found


def _holds(conditions: Mapping[str, Sequence[str]], criteria: Mapping[str, Any]) -> bool:
    known = {key: value for key, value in conditions.items() if key in
             ("intent", "service", "accelerator", "os", "platform")}  # fmt: skip
    if conditions and not criteria:
        return False
    return all(
        any(item in ("", "any") or item == criteria.get(key) for item in expected)
        for key, expected in known.items()
    )
