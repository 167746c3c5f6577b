"""Collectors of a Linux host: operating system, systemd units, GPUs."""
