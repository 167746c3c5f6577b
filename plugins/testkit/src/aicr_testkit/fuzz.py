"""Random inputs for a plugin's calls, the same for the same seed: whatever is in a document, it is no crash.

Snapshots and recipes come from users' clusters; a plugin may refuse one (AicrError), and may not fall over it.
"""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aicr_testkit.calls import Call
    from aicr_testkit.watching import Watch

Document = dict[str, Any]
ODD = (
    "",
    "~",
    "1e3",
    "no",
    "ü" * 3,
    "a/b",
    "x" * 300,
    "\n",
    "v1.2.3-rc.1+b",
    "=",
    "{{ x }}",
    "'\"",
)
FUZZED = ("plan", "recipe", "snapshot", "criteria", "values", "component", "subject", "conditions")
SECONDS = 3.0
"""What fuzzing may take for one plugin."""


def fuzz(calls: list[Call], answers: Document, wish: Document, watch: Watch) -> Document:
    """Call what reads documents with random ones; give (seed, problem) by call. What failed already is left out."""
    import time

    from aicr_testkit.asking import accepted, new_context, run

    found: Document = {}
    end = time.monotonic() + SECONDS
    for call in calls:
        names = [name for name in call.inputs() if name in FUZZED]
        usable = (
            answers[call.key]["status"] in ("ok", "refused") and answers[call.key]["seconds"] < 0.5
        )
        if not names or not usable or "target" in call.inputs():
            continue
        watch.where = call.key
        for number in range(wish["cases"]):
            seed = wish["seed"] + number
            inputs = call.inputs()
            for name in names:
                # The same inputs for the same seed; nothing here is a secret.
                inputs[name] = _random(inputs[name], random.Random(seed))  # noqa: S311
            hook = call.key.startswith("hook ")
            named = accepted(call.function, inputs) if hook else {}
            places = [] if hook else ([new_context()] if call.timed else []) + list(inputs.values())
            note = run(partial(_made, call, places, named), 3.0)
            if note["status"] in ("crashed", "slow"):
                found[call.key] = [seed, note["message"]]
            if call.key in found or time.monotonic() > end:
                break
        watch.where = ""
    return found


def _made(call: Call, places: list[Any], named: Document) -> Any:
    from aicr_testkit.asking import whole

    return whole(call.function(*places, **named))


def _random(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        return _changed(value, dice)
    if type(value).__name__ == "BundlePlan":
        import attrs

        first, *rest = value.releases
        other = attrs.evolve(first, values=_changed(first.values, dice))
        return attrs.evolve(value, releases=(other, *rest))
    return value


def _changed(document: Document, dice: random.Random) -> Document:
    """Give a document with a few things taken out, emptied or replaced; its kind and top level stay what they are."""
    import copy

    changed = copy.deepcopy(document)
    for _ in range(dice.randint(1, 6)):
        holders = [pair for pair in _places(changed) if pair[1] not in ("kind", "apiVersion")]
        if not holders:
            break
        holder, key = dice.choice(holders)
        value = holder[key]
        if isinstance(value, str):
            holder[key] = dice.choice(ODD)
        elif isinstance(value, bool | int | float):
            holder[key] = dice.choice((0, -1, 10**12, 1.5))
        elif isinstance(value, list):
            holder[key] = [] if dice.random() < 0.5 else value * 3
        elif isinstance(holder, dict) and dice.random() < 0.5:
            del holder[key]
        else:
            holder[key] = {}
    return changed


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for key, item in pairs:
        found.append((value, key))
        if isinstance(item, dict | list):
            found += _places(item)
    return found
