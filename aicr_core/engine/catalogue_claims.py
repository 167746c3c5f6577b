"""What two layers both claim: the error that names both owners, words for components, overrides that do nothing.

The tables are those of the catalogue's builder; nothing here reads a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aicr_core.engine.layers import Layer

Document = dict[str, Any]


class Collision(AicrError):
    """Two layers claim one thing; the message names both owners. Neither layer is at fault alone."""


def collision(what: str, name: str, first: Layer, second: Layer) -> Collision:
    """Make the error for a thing that a later layer, ``second``, brings once more."""
    hint = "remove one of the two, or list it under `overrides` in the manifest that shall win"
    if name in first.overrides:
        # What wins has to come later, and the order is said, not guessed.
        hint = (
            f'add "{second.name}" to `after` in the manifest of {first.owner}, which overrides it'
        )
    message = f'{what} "{name}" comes from {first.owner} and {second.owner}'
    return Collision(Code.INVALID_REQUEST, message, hint=hint)


def check_keys(registry: Mapping[str, tuple[Document, int]], layers: Sequence[Layer]) -> None:
    """Refuse a value override key that means components of two plugins; layers of users may do as they like.

    Raises Collision. A component's name is such a key as well.
    """
    taken = {name: (name, number) for name, (_, number) in registry.items()}
    for name, (entry, number) in sorted(registry.items()):
        for key in entry.get("valueOverrideKeys") or ():
            other, owner = taken.setdefault(key, (name, number))
            first, second = layers[owner], layers[number]
            if other != name and owner != number and not (first.external or second.external):
                raise Collision(
                    Code.INVALID_REQUEST,
                    f'the value override key "{key}" means {other} of {first.owner} and {name} of {second.owner}',
                    hint="take it out of valueOverrideKeys in one of the two, or disable one of the plugins",
                )


def idle_overrides(
    layers: Sequence[Layer], used: Mapping[int, frozenset[str] | set[str]]
) -> dict[str, list[str]]:
    """Give by plugin what it lists under ``overrides`` and nothing before it brings."""
    idle = {
        layer.name: sorted(set(layer.overrides) - used.get(number, set()))
        for number, layer in enumerate(layers)
    }
    return {name: names for name, names in idle.items() if names}
