"""Overrides of values: which flag sets which path of which component, and which of several wins. Pure.

Rules (spec/bundle.md 2.3, spec/beyond.md 2.5), each held by a test:

* low to high: values of the recipe, ``--set`` and ``--set-string``, ``--set-file``, ``--set-json``;
* a deeper path wins over an object that is set for its parent, in every order of flags; a single value set by ``--set``
  for a parent wins over ``--set`` below it, as in v0.11.1;
* objects merge, lists and single values replace, null takes a key away;
* the component's own name wins over its aliases for the same path; otherwise what both set is joined (B-7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aicr_core.engine import setflags
from aicr_core.engine.setflags import typed
from aicr_core.engine.values import get, merge_layers, put
from aicr_core.kit.errors import AicrError, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from aicr_core.engine.catalogue import Catalogue

Document = dict[str, Any]
RANKS = ("--set", "--set-file", "--set-json")
_SWITCH = "enabled"


class Setting(NamedTuple):
    """One override as a flag gave it: ``parsed`` is component, path and value.

    A ``literal`` text stays text; a ``typed`` value is what a file or JSON holds and is not converted.
    """

    flag: str
    text: str
    parsed: tuple[str, str, Any]
    literal: bool = False
    typed: bool = False


class Override(NamedTuple):
    """One override of one component that counts."""

    path: str
    value: Any
    flag: str
    literal: bool
    typed: bool

    @property
    def depth(self) -> int:
        """How many keys lead to it."""
        return self.path.count(".")

    @property
    def rank(self) -> int:
        """Its place among the flags."""
        return RANKS.index(self.flag) if self.flag in RANKS else 0


class Overrides:
    """The overrides of all components of a recipe, each in order of application."""

    def __init__(self) -> None:
        self._found: dict[str, dict[tuple[str, int, bool], Override]] = {}
        self._dynamic: dict[str, dict[str, str]] = {}

    def add(self, name: str, override: Override, *, exact: bool) -> None:
        """Add one; the last of one flag, path and name counts, but objects merge into those before them."""
        key = (override.path, override.rank, exact)
        items = self._found.setdefault(name, {})
        known = items.get(key)
        if known is not None and isinstance(known.value, dict) and isinstance(override.value, dict):
            override = override._replace(value=merge_layers([known.value, override.value]))
        items[key] = override

    def leave_open(self, name: str, path: str, text: str) -> None:
        """Note a path whose value is given at installation."""
        self._dynamic.setdefault(name, {})[path] = text

    def switch(self, name: str) -> str | None:
        """Give the text of ``enabled`` for a component, if a flag says it."""
        text: str | None = None
        for (path, _, _), override in self._ordered(name):
            if path == _SWITCH:
                text = str(override.value)
        return text

    def values(self, name: str) -> tuple[Override, ...]:
        """Give the overrides of a component's values in order of application."""
        found = [item for (path, _, _), item in self._ordered(name) if path != _SWITCH]
        scalars = [item.path for item in found if not item.typed]
        return tuple(item for item in found if item.typed or not _below(item.path, scalars))

    def dynamic(self, name: str) -> tuple[str, ...]:
        """Give the paths of a component that are left open, shallow ones first."""
        return tuple(sorted(self._dynamic.get(name, ()), key=lambda path: (path.count("."), path)))

    def _ordered(self, name: str) -> list[tuple[tuple[str, int, bool], Override]]:
        items = self._found.get(name, {}).items()
        return sorted(items, key=lambda item: (item[1].depth, item[0][1], item[0][2], item[0][0]))


def _below(path: str, others: Iterable[str]) -> bool:
    return any(path.startswith(f"{other}.") for other in others)


def collect(
    settings: Sequence[Setting],
    recipe: Document,
    catalogue: Catalogue,
    *,
    dynamic: Sequence[tuple[str, tuple[str, str]]] = (),
    lenient: bool = False,
) -> Overrides:
    """Give the settings by component, aliases resolved.

    ``dynamic`` are (text, (component, path)) of ``--dynamic``. Raises AicrError(INVALID_REQUEST) for a component that
    is not in the recipe (F4), naming the nearest, for one that two flags switch both on and off, and for ``enabled``
    where it cannot be.
    """
    names = {ref["name"]: ref["name"] for ref in recipe.get("componentRefs") or []}
    aliases: dict[str, str] = {}
    for name in names:
        for alias in (catalogue.registry().get(name) or {}).get("valueOverrideKeys", ()):
            aliases.setdefault(alias, name)
    found = Overrides()
    switched: dict[str, tuple[str, str]] = {}
    for flag, text, (key, path, value), literal, is_typed in settings:
        owner = names.get(key) or aliases.get(key)
        if owner is None:
            if lenient:
                continue
            raise _unknown(key, f"{flag} {text}", names, aliases)
        if path == _SWITCH and is_typed:
            raise _switch_refused(flag, text)
        if path == _SWITCH:
            _contradiction(switched.setdefault(owner, (flag, value)), (flag, value), owner)
        # --enable and --disable are switches; they set what --set NAME:enabled sets.
        kind = "--set" if flag in ("--enable", "--disable") else flag
        found.add(owner, Override(path, value, kind, literal, is_typed), exact=key in names)
    for text, (key, path) in dynamic:
        owner = names.get(key) or aliases.get(key)
        if owner is None:
            raise _unknown(key, f"--dynamic {text}", names, aliases)
        if path == _SWITCH:
            raise _switch_refused("--dynamic", text)
        found.leave_open(owner, path, text)
    return found


def _unknown(
    key: str, where: str, names: Mapping[str, str], aliases: Mapping[str, str]
) -> AicrError:
    close = nearest(key, sorted({*names, *aliases}))
    hint = f'did you mean "{close}"?' if close else f"components: {', '.join(sorted(names))}"
    return AicrError(
        Code.INVALID_REQUEST, f'"{key}" is no component of the recipe', where=where, hint=hint
    )


def _switch_refused(flag: str, text: str) -> AicrError:
    return AicrError(
        Code.INVALID_REQUEST, "enabled switches the component; it is no value of its chart",
        where=f"{flag} {text}", hint="use --enable or --disable",
    )  # fmt: skip


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


def apply(values: Document, overrides: Sequence[Override], component: str) -> Document:
    """Apply the overrides of a component in their order.

    A text stays text where the value there now is text (B-8), so a version does not become a number. Raises
    AicrError(INVALID_REQUEST) for a path through something that is no map (B-3).
    """
    for item in overrides:
        try:
            values = _apply_one(values, item)
        except AicrError as error:
            raise AicrError(
                error.code,
                error.message,
                where=f"{item.flag} {component}:{item.path}",
                hint="set the parent itself, or another path",
            ) from None
    return values


def _apply_one(values: Document, item: Override) -> Document:
    if item.typed:
        return _merged(values, item)
    is_text = item.literal or isinstance(get(values, item.path), str)
    return put(values, item.path, item.value if is_text else typed(item.value))


def _merged(values: Document, item: Override) -> Document:
    present = get(values, item.path)
    if isinstance(item.value, dict) and isinstance(present, dict):
        return put(values, item.path, merge_layers([present, item.value]))
    if item.value is None and present is not None:
        return remove(values, item.path)
    # An object is merged with nothing too: a null in it over nothing stays, as in any layer.
    return put(values, item.path, item.value)


def typed_values(overrides: Sequence[Override]) -> Document:
    """Give what typed overrides alone say, for places where they join what is written later."""
    found: Document = {}
    for item in overrides:
        if item.typed and item.value is not None:
            found = put(found, item.path, item.value, replace=True)
    return found


def remove(values: Document, path: str) -> Document:
    """Give values without ``path``; maps that have become empty by it go as well."""
    head, _, rest = path.partition(".")
    if head not in values:
        return values
    result = dict(values)
    if rest and isinstance(result[head], dict):
        result[head] = remove(result[head], rest)
        if result[head] or not values[head]:
            return result
    elif rest:
        return values
    del result[head]
    return result


def split_open(
    values: Document, paths: Sequence[str], component: str
) -> tuple[Document, Document, tuple[str, ...]]:
    """Take the paths that are left open out of ``values``.

    Gives what stays, the stub (each path with the value it had, ``""`` for none), and the paths without a value.
    Raises AicrError(INVALID_REQUEST) where what stays would stand in the way of what is given later.
    """
    stub: Document = {}
    empty = []
    for path in paths:
        parts = path.split(".")
        for number in range(1, len(parts)):
            above = get(values, ".".join(parts[:number]))
            if above is not None and not isinstance(above, dict):
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f'"{".".join(parts[:number])}" is no mapping, so nothing below it can be given',
                    where=f"--dynamic {component}:{path}",
                    hint=f"leave the whole open: --dynamic {component}:{'.'.join(parts[:number])}",
                )
        present = get(values, path)
        if present is None:
            empty.append(path)
        stub = put(stub, path, "" if present is None else present, replace=True)
    for path in paths:
        values = remove(values, path)
    return values, stub, tuple(empty)


def dynamic_paths(texts: Iterable[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Read the texts of ``--dynamic``: (text, (component, path)). Raises AicrError."""
    for text in texts:
        component, _, path = text.partition(":")
        if not component or not path or not all(path.split(".")) or "=" in path:
            raise AicrError(
                Code.INVALID_REQUEST, "no component:path", where=f"--dynamic {text}",
                hint="write component:path.to.key; the value is given at installation",
            )  # fmt: skip
        yield text, (component, path)
