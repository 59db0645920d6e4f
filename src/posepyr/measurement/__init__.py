"""Time, memory and cost."""
