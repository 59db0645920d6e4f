"""Runs as processes: folders, local processes, rendezvous, SLURM."""
