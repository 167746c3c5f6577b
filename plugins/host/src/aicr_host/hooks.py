"""Hooks of the host plugin."""
