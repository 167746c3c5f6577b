"""From a recipe and options to a bundle plan: which components, with which values, in which order.

The steps are those of spec/bundle.md 2: filter, base values, ``--set``, scheduling, validations. Manifests are
rendered by bundlers (``engine.bundles``), which the plan then carries. No file is written here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine import setflags, values
from aicr_core.engine.hydrate import component_layers
from aicr_core.engine.order import is_disabled
from aicr_core.engine.refs import problems
from aicr_core.kit.errors import AicrError, AicrErrors, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_UNSAFE = frozenset("'\"`$\\")
Overrides = dict[str, dict[str, tuple[str, bool]]]


class Setting(NamedTuple):
    """One override as a flag gave it: ``parsed`` is component, path and text; ``literal`` keeps text text."""

    flag: str
    text: str
    parsed: tuple[str, str, str]
    literal: bool = False


class Planned(NamedTuple):
    """One enabled component before its bundler ran."""

    ref: Document
    entry: Document
    values: Document


class Selection(NamedTuple):
    """The filtered recipe and what each component starts from."""

    recipe: Document
    components: tuple[Planned, ...]
    notes: tuple[str, ...]


def collect_overrides(
    settings: Sequence[Setting], recipe: Document, catalogue: Catalogue, *, lenient: bool = False
) -> Overrides:
    """Give the settings by component and path; aliases are joined (B-7), the last of one path wins.

    Raises AicrError(INVALID_REQUEST) for a component that is not in the recipe (F4), naming the nearest, and for
    one that two flags switch both on and off.
    """
    names = {ref["name"]: ref["name"] for ref in recipe.get("componentRefs") or []}
    aliases: dict[str, str] = {}
    for name in names:
        for alias in (catalogue.registry().get(name) or {}).get("valueOverrideKeys", ()):
            aliases.setdefault(alias, name)
    found: Overrides = {}
    exact: dict[tuple[str, str], bool] = {}
    switched: dict[str, tuple[str, str]] = {}
    for flag, text, (key, path, value), literal in settings:
        name = names.get(key) or aliases.get(key)
        if name is None:
            if lenient:
                continue
            known = sorted({*names, *aliases})
            close = nearest(key, known)
            raise AicrError(
                Code.INVALID_REQUEST,
                f'"{key}" is no component of the recipe',
                where=f"{flag} {text}",
                hint=f'did you mean "{close}"?'
                if close
                else f"components: {', '.join(sorted(names))}",
            )
        if path == "enabled":
            _contradiction(switched.setdefault(name, (flag, value)), (flag, value), name)
        is_exact = key in names
        if exact.get((name, path)) and not is_exact:
            continue
        exact[(name, path)] = is_exact
        found.setdefault(name, {})[path] = (value, literal)
    return found


def _contradiction(first: tuple[str, str], then: tuple[str, str], name: str) -> None:
    # Two --set of one path are a list whose last wins; two flags that say the opposite are a mistake.
    flags = {first[0], then[0]}
    if len(flags) > 1 and setflags.boolean(first[1]) is not setflags.boolean(then[1]):
        raise AicrError(
            Code.INVALID_REQUEST,
            f"{name} is switched both on and off",
            where=" and ".join(sorted(flags)),
            hint="drop one of the two",
        )


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
        final, more = _values(ref, entry, catalogue, overrides.get(ref["name"], {}), options, patch)
        components.append(Planned(ref, entry, final))
        notes.extend(more)
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
        wanted = overrides.get(ref["name"], {})
        switch = None
        if "enabled" in wanted:
            switch = setflags.boolean(wanted["enabled"][0])
            if switch is None:
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f'enabled is "{wanted["enabled"][0]}"',
                    where=f"--set {ref['name']}:enabled",
                    hint="write true or false",
                )
        if switch is False:
            others = sorted(path for path in wanted if path != "enabled")
            if others:
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f"the component is disabled, yet {', '.join(others)} is set",
                    where=f"component {ref['name']}",
                    hint="drop one of the two",
                )
            continue
        if switch is None and is_disabled(ref):
            if wanted:
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
            if any(c in _UNSAFE or c.isspace() or not c.isprintable() for c in inner):
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
    wanted: dict[str, tuple[str, bool]],
    options: Mapping[str, Any],
    patch: Callable[[Document, Document], Document],
) -> tuple[Document, list[str]]:
    switch_free = {k: v for k, v in (ref.get("overrides") or {}).items() if k != "enabled"}
    # "enabled" in the recipe's overrides switches the component; it is no value of its chart (B-5).
    layers = component_layers(catalogue, {**ref, "overrides": switch_free})
    base = patch(ref, values.merge_layers(layers))
    paths = {path: item for path, item in wanted.items() if path != "enabled"}
    notes = []
    for path in sorted(paths):
        suspicion = _unknown(base, path, ref["name"])
        if suspicion and options.get("strict_values"):
            raise AicrError(
                Code.INVALID_REQUEST, suspicion, where=f"--set {ref['name']}:{path}",
                hint="correct the path, or drop --strict-values",
            )  # fmt: skip
        if suspicion:
            notes.append(f"--set {ref['name']}:{path}: {suspicion}")
    final = values.apply_overrides(base, paths, ref["name"])
    return values.inject(final, entry, options), notes


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
