"""Oracle OKE: criteria value."""
