"""Azure AKS: criteria value, overlays, values for AKS nodes."""
