"""Kubeflow: platform value and the Kubeflow Trainer component."""
