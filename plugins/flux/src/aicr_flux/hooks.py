"""Hooks of the flux plugin."""
