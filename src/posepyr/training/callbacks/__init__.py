"""Callbacks: pictures, progress, divergence, interruption, frozen norms, variances and measuring."""
