"""How much of the training is waiting for data."""

import time
from collections import deque
from typing import Any

import pytorch_lightning as pl

from posepyr.data.loading.loader import WatchedLoader


class DataWait(pl.Callback):
    """Logs ``time/data_wait``: the share of the last ``steps`` training steps that passed in waiting for the loader.

    Near 0 the loader keeps up; above, more workers, a crop cache or smaller pictures make the training faster. The
    share is of the first process, and validation does not count.
    """

    def __init__(self, steps: int = 50) -> None:
        if steps < 1:
            raise ValueError(f"steps must be positive, got {steps}")
        self._marks: deque[tuple[float, float]] = deque(maxlen=steps)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._marks.clear()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._marks.clear()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loader = trainer.train_dataloader
        if not isinstance(loader, WatchedLoader):
            return
        waited, now = loader.waited, time.perf_counter()
        if self._marks and _is_written(trainer):
            waited_before, before = self._marks[0]
            share = (waited - waited_before) / (now - before)
            pl_module.log("time/data_wait", share, on_step=True, on_epoch=False, rank_zero_only=True)
        self._marks.append((waited, now))


def _is_written(trainer: pl.Trainer) -> bool:
    """Whether what is logged now will be read: to log at every step would take a hundredth of a small one's time."""
    every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
    return trainer.is_last_batch or bool(every and trainer.global_step % every == 0)
