"""Sweeps: several jobs after one command."""
