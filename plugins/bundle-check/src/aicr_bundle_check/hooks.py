"""Hooks of the bundle-check plugin."""
