"""The core of aicr: it orchestrates, plugins know. Importing it imports nothing else."""
