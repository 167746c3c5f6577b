"""Google GKE: criteria value, overlays, GPUDirect-TCPXO, values for Container-Optimized OS."""
