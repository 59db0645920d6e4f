"""Data sets: annotation files turned into people."""
