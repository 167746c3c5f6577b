"""Deployer helm: one folder a component, scripts that drive Helm, READMEs that say the same."""
