"""Versions: of the distribution, and of the hook API that plugins are written for."""

from __future__ import annotations

__version__ = "0.1.0"
HOOKSPEC = "1.0"
