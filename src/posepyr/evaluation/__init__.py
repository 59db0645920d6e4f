"""Scores of checkpoints and of prediction files."""
