"""OCI registries: push bundles, pull them back."""
