"""The part of training that all tasks share: optimizer, schedule, and the generator of pooling regions."""

from collections.abc import Callable, Iterable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from posepyr.layers.pooling import redraw_regions
from posepyr.training.schedule import Schedule

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
"""Builds an optimizer of some parameters, as a node with ``_partial_: true`` does."""


class Learner(pl.LightningModule):
    """A model in training. Its only state besides the weights is a generator, which is saved in checkpoints.

    Without ``optimizer`` or ``schedule`` the learner only evaluates.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        optimizer: MakeOptimizer | None = None,
        schedule: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        # Convolutions are fastest in this layout, on CPUs and on GPUs.
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in the stubs
        self._optimizer, self._schedule = optimizer, schedule
        self.regions = torch.Generator().manual_seed(seed)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        # Outside of anything that is compiled or recomputed: see layers/pooling.
        redraw_regions(self.model, self.regions)

    def configure_optimizers(self) -> Any:
        if self._optimizer is None or self._schedule is None:
            raise ValueError("optimizer and schedule must be given to a task that trains, got none: it only evaluates")
        optimizer, schedule = self._optimizer(self.model.parameters()), self._schedule
        steps = int(self.trainer.estimated_stepping_batches)
        per_epoch = max(1, steps // max(1, self.trainer.max_epochs or 1))
        scheduler = LambdaLR(optimizer, lambda step: schedule(step, steps, per_epoch))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["generators"] = {"regions": self.regions.get_state(), "torch": torch.get_rng_state()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        generators = checkpoint.get("generators")
        if generators is not None:
            self.regions.set_state(generators["regions"].cpu())
            torch.set_rng_state(generators["torch"].cpu())
