"""Names of the files that the core itself puts into every bundle, for whoever writes, reads or verifies one."""

from __future__ import annotations

RECIPE = "recipe.yaml"
INVENTORY = "inventory.json"
CHECKSUMS = "checksums.txt"
ATTESTATIONS = "attestation"
BUNDLE_ATTESTATION = f"{ATTESTATIONS}/bundle-attestation.sigstore.json"
TOOL_ATTESTATION = f"{ATTESTATIONS}/aicr-attestation.sigstore.json"
UNLISTED = (CHECKSUMS, BUNDLE_ATTESTATION, TOOL_ATTESTATION)
"""The only files that no list names (spec/bundle.md 5, B-31)."""
LISTS_MODE = 0o600
"""The mode of the lists and of our attestation, which no list can hold."""
HISTORY = (".git", ".hg", ".svn", ".jj")
"""Folders of a checkout that a bundle may lie in: they are no part of it."""
