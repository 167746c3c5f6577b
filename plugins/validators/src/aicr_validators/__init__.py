"""Phases, checks and reports of ``aicr validate``."""
