"""What every test of the workspace gets, those of the packages too."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says how busy the machine is; benchmarks measure, tests do not.
settings.register_profile("aicr", deadline=None)
settings.load_profile("aicr")
