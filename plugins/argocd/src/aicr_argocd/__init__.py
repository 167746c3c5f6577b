"""Deployers argocd and argocd-helm: Applications in a Git repository, or one chart that makes them."""
