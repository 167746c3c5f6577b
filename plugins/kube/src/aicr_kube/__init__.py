"""Kubernetes: cluster collectors, ConfigMap store, snapshot agent."""
