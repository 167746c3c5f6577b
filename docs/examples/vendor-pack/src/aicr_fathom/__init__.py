"""Fathom Storage for aicr."""
