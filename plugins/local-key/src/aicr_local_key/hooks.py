"""Hooks of the local-key plugin."""
