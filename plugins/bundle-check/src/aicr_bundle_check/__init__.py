"""Lints for `aicr bundle check`."""
