"""Network Operator: component, values, health check."""
