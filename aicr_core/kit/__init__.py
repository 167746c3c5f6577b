"""Foundations that know nothing of the product: errors, text, YAML, paths, running tasks."""
