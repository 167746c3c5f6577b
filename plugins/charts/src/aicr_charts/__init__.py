"""Helm charts: found in folders, fetched from repositories, rendered by Helm's own engine."""
