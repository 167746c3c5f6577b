"""Why one component comes before another: the dependencies from the second to the first, and who said them."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.engine.explain import Explanation

Document = dict[str, Any]


def order(found: Explanation, first: str, second: str, *, absolute: bool = False) -> Document:
    """Tell what puts ``first`` before ``second``.

    Gives ``first``, ``second``, their ``positions`` in the deployment order (absent for a component that is switched
    off), ``before`` (whether the first does come before), and ``path``: the shortest chain of dependencies from the
    one that waits to the one it waits for, each ``{component, needs, origin}``. ``reason`` is ``dependency``,
    ``reverse`` (the second is needed by, hence comes before, the first) or ``name``: nothing but the names decides.

    Raises AicrError: NOT_FOUND for a component that is not in the recipe, INVALID_REQUEST for one named twice.
    """
    components = found.document["components"]
    for name in (first, second):
        if name not in components:
            close = nearest(name, components)
            hint = f'did you mean "{close}"?' if close else f"components: {', '.join(components)}"
            raise AicrError(
                Code.NOT_FOUND,
                f'"{name}" is no component of the recipe',
                where="--order",
                hint=hint,
            )
    if first == second:
        raise AicrError(
            Code.INVALID_REQUEST, "a component is neither before nor after itself", where="--order"
        )
    edges = {name: item.get("dependencyRefs") or [] for name, item in components.items()}
    reason, path = "dependency", _path(edges, second, first)
    if not path:
        reason, path = "reverse", _path(edges, first, second)
    listed = found.document.get("deploymentOrder") or []
    positions = {name: listed.index(name) + 1 for name in (first, second) if name in listed}
    answer: Document = {"first": first, "second": second, "positions": positions}
    if len(positions) == 2:
        answer["before"] = positions[first] < positions[second]
    answer["reason"] = reason if path else "name"
    answer["path"] = [
        {
            "component": name,
            "needs": other,
            "origin": _origin(found, name, edges[name].index(other), absolute),
        }
        for name, other in pairwise(path)
    ]
    return answer


def _origin(found: Explanation, name: str, number: int, absolute: bool) -> Document:
    path = ("components", name, "dependencyRefs", number)
    origin: Document = found.trails[path][-1].origin.document(absolute=absolute)
    return origin


def _path(edges: Mapping[str, Sequence[str]], start: str, end: str) -> list[str]:
    """Give the shortest way along dependencies, the one whose names come first among several; [] for none."""
    came: dict[str, str] = {start: ""}
    waiting = deque([start])
    while waiting:
        name = waiting.popleft()
        if name == end:
            path = []
            while name:
                path.append(name)
                name = came[name]
            return path[::-1]
        for other in sorted(edges.get(name, ())):
            if other not in came:
                came[other] = name
                waiting.append(other)
    return []
