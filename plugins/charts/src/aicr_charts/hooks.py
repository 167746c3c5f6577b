"""Hooks of the charts plugin."""
