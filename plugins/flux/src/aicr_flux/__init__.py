"""Deployer flux: HelmReleases and their sources."""
