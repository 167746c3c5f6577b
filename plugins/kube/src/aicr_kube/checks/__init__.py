"""The runner ``job``: each check of a run as a Job of the cluster."""
