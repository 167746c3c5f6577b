"""The rights that assertions need: to read exactly the kinds, namespaces and names that they speak of.

The plural of a kind is known to the API server alone; rights are written before there is one. The rule is the usual
one: lower case, ``ies`` for a ``y`` after a consonant, ``es`` after a hissing sound, else ``s``; kinds that break it
stand in a table. A custom resource whose plural is irregular is read with the caller's own rights, not those of a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicr_core.api import AicrError, Right
from aicr_validators.assertions.documents import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_IRREGULAR = {"Endpoints": "endpoints", "PodMetrics": "pods", "NodeMetrics": "nodes"}


def plural(kind: str) -> str:
    """Give the plural name of a kind, by rule."""
    if kind in _IRREGULAR:
        return _IRREGULAR[kind]
    word = kind.lower()
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    return word + "s"


def assertion_rights(texts: Iterable[tuple[str, str]]) -> Iterator[Right]:
    """Give the rights that (component, assertion text) pairs need; texts that cannot be read need none."""
    wanted: dict[tuple[str, str, str, bool], dict[str, None]] = {}
    for component, text in texts:
        try:
            operations = parse(text, component).operations
        except AicrError:
            continue  # the check says so, and asks the cluster nothing
        for one in operations:
            group = one.api_version.rpartition("/")[0]
            key = (group, plural(one.object_kind), one.namespace, bool(one.name))
            wanted.setdefault(key, {})[one.name] = None
    for (group, resource, namespace, named), names in wanted.items():
        yield Right(
            verbs=("get",) if named else ("list",), group=group, resources=(resource,),
            namespace=namespace, names=tuple(names) if named else (),
        )  # fmt: skip
