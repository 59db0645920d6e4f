"""Memory of a training: out of memory recognised, placed and answered with remedies; activation checkpointing."""
