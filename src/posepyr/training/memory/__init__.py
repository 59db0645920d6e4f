"""Memory of training: out-of-memory advice, recomputation."""
