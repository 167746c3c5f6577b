"""Amazon EKS: criteria value, overlays, EFA and EBS components, values for EKS nodes."""
