"""Hooks of the oci plugin."""
