"""Runs that go on under another division of their batches than they began with."""

from typing import Any

import pytorch_lightning as pl

KEY = "parts"


class Regrouping(pl.Callback):
    """Has a run find its place in an epoch by whole batches, in however many goes each was or will be taken.

    Lightning counts the goes. Gone on with under half the ``data.device_batch``, or on fewer devices, an epoch would
    end before it should, without its validation.
    """

    def __init__(self) -> None:
        self._before: int | None = None

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[KEY] = trainer.accumulate_grad_batches

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._before = checkpoint.get(KEY)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        before, self._before = self._before, None
        if before in (None, trainer.accumulate_grad_batches):
            return
        progress = trainer.fit_loop.epoch_loop.batch_progress
        for place in (progress.current, progress.total):
            # What is saved at the end of a go is not completed yet: by so much it stays behind.
            shift = place.ready // before * trainer.accumulate_grad_batches - place.ready
            for name in ("ready", "started", "processed", "completed"):
                setattr(place, name, getattr(place, name) + shift)
