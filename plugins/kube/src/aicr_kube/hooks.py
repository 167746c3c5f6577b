"""Hooks of the kube plugin."""
