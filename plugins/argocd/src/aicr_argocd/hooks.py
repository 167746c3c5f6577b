"""Hooks of the argocd plugin."""
