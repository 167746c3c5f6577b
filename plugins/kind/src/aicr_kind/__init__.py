"""kind: criteria value and overlays for clusters on a workstation."""
