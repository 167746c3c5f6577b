"""Test kit for aicr plugins."""
