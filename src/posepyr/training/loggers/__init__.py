"""Logs of a run: a CSV table and Weights & Biases."""
