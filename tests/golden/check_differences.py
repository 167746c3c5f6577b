"""The one list of places where checks differ from the reference on purpose.

``DIFFERENCES``: a pattern over ``case:aspect`` (shell-style; aspects are those of :mod:`check_lab`), and the reason.
``REQUESTS``: a regular expression over a request that only we make (``+GET /path``) or only the reference (``-GET
/path``), and why that is no matter. An entry that nothing needs any more fails the test.
"""

from __future__ import annotations

DIFFERENCES: dict[str, str] = {
    "operator-health--forbidden:code": "16.1(12): a missing right is UNAUTHORIZED, not INTERNAL",
    "gpu-operator-version--image-digest:requests": "16.1(12): a digest is no version, so the other places are tried",
}  # fmt: skip
REQUESTS: dict[str, str] = {
    r"\+DELETE /api/v1/namespaces/[^/]+": "a namespace that a check made is removed with everything else",
}  # fmt: skip
