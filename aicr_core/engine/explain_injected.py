"""Provenance of what making a bundle does to values: plugins' patches, flags, scheduling that the registry places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.engine import hydrate, values
from aicr_core.engine.explain import Explanation, below, value_trails
from aicr_core.engine.explain_origin import Origin, Source, Sources, flag
from aicr_core.engine.explain_trail import Path, Step, Trail, Trails, leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aicr_core.engine.catalogue import Catalogue
    from aicr_core.engine.overrides import Override

Document = dict[str, Any]
Said = dict[Path, list[Trail]]
_ROLES = ("system", "accelerated")


class Follower:
    """Follows the values of each component of a recipe on their way into a bundle.

    Its methods are given what a step made of the values of a component; the first of them, :meth:`layers`, makes it.
    """

    def __init__(self, recipe: Explanation, catalogue: Catalogue) -> None:
        self._recipe = recipe
        self._catalogue = catalogue
        self._sources = Sources(catalogue)
        self._trails: dict[str, Trails] = {}

    def layers(self, ref: Document) -> Document:
        """Merge the files and overrides of a component as a bundle does, and follow that; give the values."""
        switch_free = {k: v for k, v in (ref.get("overrides") or {}).items() if k != "enabled"}
        ref = {**ref, "overrides": switch_free}
        layers = hydrate.component_layers(self._catalogue, ref)
        made = [values.merge_layers(layers[:number]) for number in range(1, len(layers) + 1)]
        spec = self._recipe.spec
        trails = value_trails(self._catalogue, ref, spec, self._sources, made)
        self._trails[ref["name"]] = trails
        return made[-1] if made else {}

    def patched(self, component: str, after: Document, facts: Document) -> None:
        """Follow what a plugin made of the values; ``facts`` say which."""
        origin = Origin(Source({"layer": "injected", **facts}, {}))
        self._follow(component, after, _says(after, (), origin))

    def flag(self, component: str, after: Document, item: Override) -> None:
        """Follow what a flag made of the values."""
        text = f"{item.flag} {component}:{item.path}"
        origin = flag(text if item.typed else f"{text}={item.value}")
        path = tuple(item.path.split("."))
        given = item.value if item.typed else values.get(after, item.path)
        self._follow(component, after, _says(given, path, origin), last_word=True)

    def injected(self, component: str, after: Document, options: Mapping[str, Any]) -> None:
        """Follow what was written to the scheduling paths of the registry entry."""
        said: Said = {}
        entry = self._catalogue.registry().get(component) or {}
        for name, option, keys, dotted in _places(entry):
            facts = self._sources.registry(component)
            shown = {**facts.facts, "layer": "injected", "flag": name}
            if not options.get(option):
                shown["default"] = True
            origin = Origin(Source(shown, facts.places, facts.root), keys)
            path = tuple(dotted.split("."))
            for at, trails in _says(values.get(after, dotted), path, origin).items():
                said.setdefault(at, [])[:0] = trails
        self._follow(component, after, said)

    def explanation(self, document: Document) -> Explanation:
        """Give the recipe's explanation with the values that were followed; ``document`` has what is left."""
        old = self._recipe
        kept = {"components", *document["components"]}

        def stays(path: Path) -> bool:
            if path[0] != "components":
                return True
            return path[1] in kept and path[2:3] != ("values",)

        trails = {path: trail for path, trail in old.trails.items() if stays(path)}
        gone = {path: trail for path, trail in old.gone.items() if stays(path)}
        for name, found in self._trails.items():
            trails.update(below(name, found.live))
            gone.update(below(name, found.gone))
        # In the order of the document, as everywhere.
        ordered = {path: trails[path] for path, _ in leaves(document)}
        return old._replace(document=document, trails=ordered, gone=gone)

    def _follow(
        self, component: str, after: Document, said: Said, *, last_word: bool = False
    ) -> None:
        self._trails[component].follow(dict(leaves(after)), said, last_word=last_word)


def _says(tree: Any, path: Path, origin: Origin) -> Said:
    return {at: [(Step(value, origin),)] for at, value in leaves(tree, path)}


def _places(entry: Document) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Give flag, option, the way to it in the registry entry, and the path of values, in the order of injection."""
    scheduling = entry.get("nodeScheduling") or {}
    for role in _ROLES:
        for key, name, option in (
            ("nodeSelectorPaths", f"--{role}-node-selector", f"{role}_node_selector"),
            ("tolerationPaths", f"--{role}-node-toleration", f"{role}_node_tolerations"),
            ("taintStrPaths", "--workload-gate", "workload_gate"),
        ):
            for number, path in enumerate((scheduling.get(role) or {}).get(key, ())):
                yield name, option, ("nodeScheduling", role, key, str(number)), path
    workload = (entry.get("podScheduling") or {}).get("workload") or {}
    for number, path in enumerate(workload.get("workloadSelectorPaths", ())):
        keys = ("podScheduling", "workload", "workloadSelectorPaths", str(number))
        yield "--workload-selector", "workload_selector", keys, path
    for number, path in enumerate(scheduling.get("nodeCountPaths", ())):
        yield "--nodes", "nodes", ("nodeScheduling", "nodeCountPaths", str(number)), path
