"""Hooks of the test kit."""
