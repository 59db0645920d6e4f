"""Predictions in files: read whoever wrote them, and written as benchmarks' servers take them."""
