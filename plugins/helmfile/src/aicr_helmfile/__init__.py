"""Deployer helmfile: one file of releases with needs."""
