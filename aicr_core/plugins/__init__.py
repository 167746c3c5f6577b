"""Plugin seams: hook specifications, providers, manifests, the index and the manager."""
