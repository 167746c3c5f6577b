"""Results and frozen classes of the API to plain values and back, by cattrs: for programs that keep or send them.

Documents (recipes, snapshots) are plain already and stay as they are. The names of keys are those of the attributes.
What crosses to a plugin's worker is another matter (``plugins.wire``): there the classes are in the message.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

from aicr_core.kit.errors import AicrError, Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from cattrs.preconf.json import JsonConverter

T = TypeVar("T")


def to_dict(value: Any) -> Any:
    """Give a result as values that ``json.dumps`` takes; ``from_dict`` with its class makes it again.

    Raises AicrError(INVALID_REQUEST) for a value with functions or live objects in it.
    """
    try:
        return _converter().unstructure(value)
    except (NameError, TypeError) as error:
        kind = type(value).__name__
        text = f"a {kind} cannot be given as plain values: {error}"
        raise AicrError(Code.INVALID_REQUEST, text) from None


def from_dict(kind: type[T], document: Any) -> T:
    """Make a ``kind`` of what :func:`to_dict` gave. Raises AicrError(INVALID_REQUEST) naming each wrong field."""
    from cattrs import BaseValidationError, transform_error

    try:
        return _converter().structure(document, kind)
    except BaseValidationError as error:
        faults = "; ".join(transform_error(error, path=kind.__name__))
        raise AicrError(Code.INVALID_REQUEST, faults) from None
    except Exception as error:
        # Whatever a structure function says of a document that is none of its kind.
        text = f"this is no {kind.__name__}: {type(error).__name__}: {error}"
        raise AicrError(Code.INVALID_REQUEST, text) from None


@functools.cache
def _converter() -> JsonConverter:
    import attrs
    from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn
    from cattrs.preconf.json import make_converter

    # Bytes become base85 text, tuples lists, enums their values: what json.dumps takes.
    converter = make_converter()

    def of_attrs(kind: type) -> Callable[[Any, Any], Any]:
        attrs.resolve_types(kind, _names())
        return make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True)

    def from_attrs(kind: type) -> Callable[[Any], Any]:
        attrs.resolve_types(kind, _names())
        return make_dict_unstructure_fn(kind, converter)

    def of_tuple(kind: Any) -> Callable[[Any, Any], Any]:
        from typing import get_type_hints

        hints = get_type_hints(kind, _names())

        def structure(document: Any, _kind: Any) -> Any:
            strange = sorted(set(document) - set(kind._fields))
            if strange:
                raise ValueError(f"unknown fields: {', '.join(strange)}")
            return kind(
                **{name: converter.structure(document[name], hints[name]) for name in document}
            )

        return structure

    def by_name(value: Any) -> Any:
        return {name: converter.unstructure(getattr(value, name)) for name in value._fields}

    def is_named(kind: Any) -> bool:
        return hasattr(kind, "_fields") and issubclass(kind, tuple)

    converter.register_structure_hook_factory(attrs.has, of_attrs)
    converter.register_unstructure_hook_factory(attrs.has, from_attrs)
    converter.register_structure_hook_factory(is_named, of_tuple)
    converter.register_unstructure_hook_func(is_named, by_name)
    return converter


@functools.cache
def _names() -> dict[str, Any]:
    """Give what the annotations of our classes name: most is imported for the type checker alone."""
    import collections.abc
    import importlib
    import typing

    from aicr_core.plugins.wire import MODULES
    from aicr_core.session import results

    found: dict[str, Any] = {**vars(collections.abc), **vars(typing)}
    for module in (*map(importlib.import_module, MODULES.values()), results):
        found |= {name: value for name, value in vars(module).items() if isinstance(value, type)}
    return found | {"Any": typing.Any, "Document": dict[str, typing.Any], "Reading": typing.Any}
