"""What a snapshot holds of a cluster: measurement types K8s and NodeTopology."""
