"""The command line: one thin file a command. The only place that knows Hydra and OmegaConf."""
