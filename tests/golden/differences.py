"""The one list of places where recipes and queries differ from the reference on purpose.

Each entry: the set of rows, a pattern over what the comparison reports, the defect (spec/recipe.md 20,
spec/beyond.md part 1), and the better behaviour. Every other row must agree, and an entry that no row needs any
more fails the test.
"""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """One deliberate difference."""

    rows: str
    pattern: str
    defect: str
    reason: str


RECIPES = (
    Difference("flags", r"exit 1, expected [02]: usage error: no command", "manners",
               "a stray word is a usage error: it is a typo more often than not"),
    Difference("flags", r"exit 3, expected 8: \[NOT_FOUND\]", "F22", "a file that is not there is NOT_FOUND"),
    Difference("selector", r"exit 0, expected 3: ", "B13", "validation can be selected"),
    Difference("snapshot", r"criteria \{.*: the rest agrees$", "B8",
               "the node's provider decides before version marks; products match by token; amzn is known"),
    Difference("snapshot", r"criteria \{.*\.metadata\.appliedOverlays: .*expected .*'aks', 'aks-", "B8, B5",
               "an overlay that the snapshot excludes does not come back through its child"),
    Difference("data-dir", r"exit 2, expected 0: .* has no \"name\"", "B11", "a component needs a name"),
    Difference("data-dir", r"exit 2, expected 0: .*unknown key", "B11", "unknown keys are errors"),
    Difference("data-dir", r"exit 2, expected 0: .*apiVersion", "B11", "an unknown apiVersion is an error"),
    Difference("data-dir", r"\.metadata\.appliedOverlays: .*'(a|yml)'\]", "B3, B10",
               "criteria are normalised like a user's; .yml is read"),
    Difference("data-dir", r"\.metadata\.appliedOverlays\[1\]: a", "B2",
               "an overlay without criteria is the least specific"),
    Difference("data-dir", r"\.constraints: .*X\.y\.z", "B15", "an external overlay wins over ours by name"),
    Difference("data-dir", r"exit 2, expected 0: .*is in two files", "B15", "one name in two files is an error"),
    Difference("data-dir", r"exit 0, expected [28]: warning: .*\.\.", "B14", "a..b is a harmless name"),
    Difference("data-dir", r"exit 2, expected [08]: .*registry\.yaml", "B12", "a malformed registry fails"),
    Difference("data-dir", r"exit 3, expected 8: \[NOT_FOUND\] components/", "B1",
               "a missing values file is NOT_FOUND, not INTERNAL"),
)  # fmt: skip
V017 = (
    Difference("grid", r"exit 0, expected 2: warning: ", "F2",
               "--allow-partial, which these runs use, gives the smaller recipe; without it the row exits 2"),
)  # fmt: skip
