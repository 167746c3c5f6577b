"""Hooks of the server plugin."""
