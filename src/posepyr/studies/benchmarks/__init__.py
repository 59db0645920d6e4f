"""Benchmarks of this machine: networks, trainings and the making of samples, measured in turn."""
