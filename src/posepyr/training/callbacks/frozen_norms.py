"""Batch norms that keep the statistics they have."""

import pytorch_lightning as pl
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class FrozenNorms(pl.Callback):
    """Batch norms normalise with their running statistics while training, and do not change them.

    For fine-tuning with few people a batch, and for runs whose steps must not depend on how a batch is shared among
    processes. Their weights and biases are still trained.
    """

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # A run that goes on in the middle of an epoch has no start of it.
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for norm in norms(pl_module):
            norm.eval()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # A validation in the middle of an epoch puts everything back into training.
        for norm in norms(pl_module):
            norm.eval()


def norms(module: nn.Module) -> list[nn.Module]:
    """The batch norms of a network."""
    return [part for part in module.modules() if isinstance(part, _BatchNorm)]
