"""The variance of responses and gradients through the depth of a network."""
