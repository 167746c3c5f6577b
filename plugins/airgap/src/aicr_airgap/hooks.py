"""Hooks of the airgap plugin."""
