"""Hooks of the helmfile plugin."""
