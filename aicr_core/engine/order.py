"""Dependencies between components: checks and the one deployment order (spec/recipe.md 12, 22.2)."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Any

from aicr_core.kit.errors import AicrError, Code, nearest

Document = dict[str, Any]


def is_disabled(ref: Document) -> bool:
    """Tell whether a reference is switched off: only a real boolean false does it."""
    return bool((ref.get("overrides") or {}).get("enabled") is False)


def no_switches(refs: list[Document]) -> list[str]:
    """Warn of references that look switched off, or on, but by text or a number: they stay enabled."""
    found = []
    for ref in refs:
        value = (ref.get("overrides") or {}).get("enabled")
        if value is not None and not isinstance(value, bool):
            found.append(
                f"component {ref['name']} stays enabled: overrides.enabled is {value!r}, "
                "which is neither true nor false"
            )
    return found


def check_dependencies(refs: list[Document]) -> None:
    """Raise AicrError(INVALID_REQUEST) for a dependency that is not there, or a cycle."""
    names = [ref["name"] for ref in refs]
    edges = {ref["name"]: ref.get("dependencyRefs") or [] for ref in refs}
    for name, needed in edges.items():
        for other in needed:
            if other not in edges:
                close = nearest(other, names)
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f'component "{name}" depends on "{other}", which is not in the recipe',
                    hint=f'did you mean "{close}"?'
                    if close
                    else "add the component or drop the edge",
                )
    done: set[str] = set()
    for name in names:
        _visit(name, edges, done)


def _visit(start: str, edges: dict[str, list[str]], done: set[str]) -> None:
    """Walk depth first without recursion; a name met again on the path closes a cycle."""
    path = [start]
    stack = [iter(edges[start])]
    while stack:
        for other in stack[-1]:
            if other in path:
                cycle = " -> ".join([*path[path.index(other) :], other])
                raise AicrError(
                    Code.INVALID_REQUEST,
                    f"components depend on each other: {cycle}",
                    hint="remove one of the dependencyRefs",
                )
            if other not in done:
                path.append(other)
                stack.append(iter(edges[other]))
                break
        else:
            done.add(path.pop())
            stack.pop()


def deployment_order(refs: list[Document], *, disabled_in_order: bool) -> list[str]:
    """Give component names so that each stands after what it needs; free ones in byte order.

    With ``disabled_in_order`` false, disabled components are left out and edges to them count as satisfied.
    """
    kept = {
        ref["name"]: set(ref.get("dependencyRefs") or [])
        for ref in refs
        if disabled_in_order or not is_disabled(ref)
    }
    waiting = {name: {other for other in needed if other in kept} for name, needed in kept.items()}
    users: dict[str, list[str]] = {}
    for name, needed in waiting.items():
        for other in needed:
            users.setdefault(other, []).append(name)
    free = [name for name, needed in waiting.items() if not needed]
    heapify(free)
    order = []
    while free:
        name = heappop(free)
        order.append(name)
        for user in users.get(name, ()):
            waiting[user].discard(name)
            if not waiting[user]:
                heappush(free, user)
    return order
