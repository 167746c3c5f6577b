"""The NCCL all-reduce benchmark: threshold, profiles of the catalogue, the run, its table."""
