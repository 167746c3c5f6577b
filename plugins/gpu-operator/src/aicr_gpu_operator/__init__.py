"""GPU Operator: component, values, DCGM metrics, health check."""
