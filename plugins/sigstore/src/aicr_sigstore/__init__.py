"""Signer sigstore: keyless signatures, verified without a network."""
