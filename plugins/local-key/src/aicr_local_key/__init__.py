"""Signer local-key: a private key file, without a network."""
