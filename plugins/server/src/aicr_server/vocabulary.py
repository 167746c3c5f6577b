"""The criteria values a client may name, by the same table the parser of the command line uses; and the allowlists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aicr_core.api import AicrError, Code, nearest
from aicr_server.problems import Problem
from aicr_server.settings import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Values = dict[str, dict[str, dict[str, Any]]]
ANY = "any"
_SHOWN = {"os": "OS"}


class Vocabulary:
    """Texts to canonical values, for each dimension."""

    def __init__(self, values: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        self._canonical: dict[str, dict[str, str]] = {}
        self.values: dict[str, dict[str, tuple[str, ...]]] = {}
        self.any_words: dict[str, tuple[str, ...]] = {}
        for dimension in DIMENSIONS:
            table = {"": ANY, ANY: ANY}
            known = values.get(dimension, {})
            for value, entry in known.items():
                for text in (value, *entry.get("aliases", ())):
                    table[text.lower()] = value
            self._canonical[dimension] = table
            self.any_words[dimension] = tuple(known.get(ANY, {}).get("aliases", ()))
            self.values[dimension] = {
                value: tuple(entry.get("aliases", ()))
                for value, entry in sorted(known.items())
                if value != ANY
            }

    def parse(self, dimension: str, text: str) -> str:
        """Give the canonical value. Raises AicrError(INVALID_REQUEST) in the words of spec/server.md 6."""
        found = self._canonical[dimension].get(text.strip().lower())
        if found is None:
            close = nearest(text.strip().lower(), self._canonical[dimension])
            raise AicrError(
                Code.INVALID_REQUEST, f"invalid {dimension} type: {text}",
                hint=f'did you mean "{close}"?' if close else f"one of {', '.join(self.values[dimension])}",
            )  # fmt: skip
        return found

    def criteria(self, text: Callable[[str], str], place: str) -> dict[str, str]:
        """Give the canonical value of every dimension, of what ``text(dimension)`` says.

        Raises AicrError(INVALID_REQUEST) for the first that is wrong; ``place`` completes its message.
        """
        found = {}
        for dimension in DIMENSIONS:
            given = text(dimension)
            try:
                found[dimension] = self.parse(dimension, given)
            except AicrError as error:
                raise AicrError(
                    Code.INVALID_REQUEST, f"invalid {dimension}{place}: {error}", hint=error.hint
                ) from None
        return found


def check_allowed(criteria: Mapping[str, str], allowed: Mapping[str, tuple[str, ...]]) -> None:
    """Hold canonical criteria to the allowlists; ``any`` always passes. Raises Problem for the first that does not."""
    for dimension, values in allowed.items():
        value = criteria.get(dimension, ANY)
        if value not in (ANY, "", *values):
            shown = _SHOWN.get(dimension, dimension)
            raise Problem(
                Code.INVALID_REQUEST,
                f"{shown} type not allowed",
                {"requested": value, "allowed": list(values)},
            )
