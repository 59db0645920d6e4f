"""From people to batches of crops."""
