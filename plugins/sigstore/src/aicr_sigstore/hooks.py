"""Hooks of the sigstore plugin."""
