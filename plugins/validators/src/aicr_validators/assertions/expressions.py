"""JMESPath, on the library ``jmespath``, made safe for texts of others and brought to the reference's dialect.

An expression is bounded in length, in what it may multiply and in steps, so that none takes the machine's time or
memory. Ordering compares numbers alone: of anything else it gives null. Arithmetic and the functions that kyverno adds
are not known (no health check uses them); they are errors, like every unknown function.
"""

from __future__ import annotations

from typing import Any

import jmespath
from jmespath import exceptions, functions, visitor

from aicr_core.api import AicrError, Code

MAX_LENGTH = 4096
"""Characters of an expression."""
MAX_BUILT = 16
"""Elements of all lists and mappings that an expression builds: each may double what the one before it gave."""
MAX_STEPS = 1_000_000
MAX_TEXT = 10_000_000
"""Characters of a text that is joined."""
_ORDER = ("lt", "gt", "lte", "gte")
_BUILDS = ("multi_select_list", "multi_select_dict")


class _Functions(functions.Functions):  # type: ignore[misc]
    """The standard functions; ``join`` bounded, since it alone multiplies."""

    def call_function(self, name: str, arguments: list[Any]) -> Any:
        if name == "join" and len(arguments) == 2 and all(map(_sized, arguments)):
            glue, parts = arguments
            size = len(glue) * len(parts) + sum(len(part) for part in parts if _sized(part))
            if size > MAX_TEXT:
                raise _TooMuch(f"join makes {size} characters, more than {MAX_TEXT}")
        return super().call_function(name, arguments)


class _TooMuch(ValueError):
    """A bound was passed."""


class _Interpreter(visitor.TreeInterpreter):  # type: ignore[misc]
    """Evaluates within a number of steps."""

    def __init__(self) -> None:
        super().__init__(jmespath.Options(custom_functions=_Functions()))
        self._steps = 0

    def visit(self, node: dict[str, Any], *arguments: Any, **more: Any) -> Any:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _TooMuch(f"it takes more than {MAX_STEPS} steps")
        return super().visit(node, *arguments, **more)

    def visit_comparator(self, node: dict[str, Any], value: Any) -> Any:
        if node["value"] not in _ORDER:
            return super().visit_comparator(node, value)
        left, right = (self.visit(child, value) for child in node["children"])
        if not (is_number(left) and is_number(right)):
            return None
        return self.COMPARATOR_FUNC[node["value"]](left, right)


def _sized(value: Any) -> bool:
    return isinstance(value, (str, list))


def is_number(value: Any) -> bool:
    """Tell whether a value is a number; a boolean is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def compiled(expression: str) -> Any:
    """Give the syntax tree of an expression. Raises AicrError(INVALID_REQUEST) that says what is wrong with it."""
    if len(expression) > MAX_LENGTH:
        raise _refused(f"it has {len(expression)} characters, more than {MAX_LENGTH}", expression)
    try:
        tree = jmespath.compile(expression).parsed
        built = _built(tree)
    except exceptions.JMESPathError as error:
        raise _refused(str(error).splitlines()[0], expression) from None
    except RecursionError:
        raise _refused("it is nested too deep", expression) from None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        # The library stumbles over some hostile texts; they are bad expressions all the same.
        raise _refused(str(error), expression) from None
    if built > MAX_BUILT:
        raise _refused(f"it builds {built} elements, more than {MAX_BUILT}", expression)
    return tree


def evaluate(expression: str, value: Any) -> Any:
    """Give what an expression makes of a JSON value; absent fields are null.

    Raises AicrError(INVALID_REQUEST): bad syntax, an unknown function, a wrong type of an argument, too much work.
    """
    tree = compiled(expression)
    try:
        return _Interpreter().visit(tree, value)
    except exceptions.JMESPathError as error:
        raise _refused(str(error).splitlines()[0], expression) from None
    except RecursionError:
        raise _refused("the value is nested too deep", expression) from None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError) as error:
        # Functions of the library raise these for mixed or empty lists.
        raise _refused(str(error) or type(error).__name__, expression) from None


def _built(node: Any) -> int:
    if not isinstance(node, dict):
        return 0
    children = node.get("children") or ()
    own = len(children) if node.get("type") in _BUILDS else 0
    return own + sum(_built(child) for child in children)


def _refused(why: str, expression: str) -> AicrError:
    shown = expression if len(expression) <= 200 else expression[:200] + "..."
    return AicrError(Code.INVALID_REQUEST, f"the expression ({shown}) cannot be evaluated: {why}")
