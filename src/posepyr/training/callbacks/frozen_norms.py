"""Frozen batch norms: fine-tuning with the statistics of an earlier training."""

import pytorch_lightning as pl
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class FrozenNorms(pl.Callback):
    """Makes batch norms normalise with their running statistics in training too, and leave these unchanged.

    For fine-tuning with few people in a batch, and for runs whose steps must not depend on how a batch is divided among
    processes. The norms' weights and biases are still trained.
    """

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # A run that goes on in the middle of an epoch gets no call of on_train_epoch_start for it.
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for norm in norms(pl_module):
            norm.eval()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # After a validation in the middle of an epoch Lightning sets all modules to training mode.
        for norm in norms(pl_module):
            norm.eval()


def norms(module: nn.Module) -> list[nn.Module]:
    """Return the batch norms of a network."""
    return [part for part in module.modules() if isinstance(part, _BatchNorm)]
