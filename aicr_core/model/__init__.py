"""Frozen models that cross the border between the core and plugins."""
