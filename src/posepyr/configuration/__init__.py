"""From overrides to a checked configuration. The only room that knows Hydra."""
