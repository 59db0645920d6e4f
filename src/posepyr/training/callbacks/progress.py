"""Progress of a training in numbers: a line for every epoch, and the share of time spent waiting for data."""

import logging
import time
from collections import deque
from typing import Any

import pytorch_lightning as pl

from posepyr.data.loading.loader import WatchedLoader

log = logging.getLogger("posepyr")


class DataWait(pl.Callback):
    """Logs ``time/data_wait``: the share of time that the last ``steps`` training steps waited for the loader.

    Near 0 the loader keeps up; above, more workers, a crop cache or smaller pictures make the training faster. The
    share is that of the first process; validation does not count.
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
    """Return whether Lightning writes this step's log; logging at every step would cost 1 % of a small step's time."""
    every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]  # set by a connector, unknown to the stubs
    return trainer.is_last_batch or bool(every and trainer.global_step % every == 0)


class EpochLine(pl.Callback):
    """Logs a line with losses and scores after every epoch, for logs that are read without a terminal."""

    def __init__(self) -> None:
        self._started = 0.0

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        scores = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name == "time/data_wait" or (name.startswith(("train/", "val/")) and name.count("/") == 1)
        }
        line = "  ".join(f"{name} {value:.4g}" for name, value in sorted(scores.items()))
        seconds = time.monotonic() - self._started
        log.info("epoch %d/%s  %s  %.0f s", trainer.current_epoch + 1, trainer.max_epochs, line, seconds)
