"""Progress of a training in numbers: a file, a line for every epoch, and the share of time spent waiting for data."""

import logging
import math
import operator
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import RichProgressBar, TQDMProgressBar

from posepyr.data.loading.loader import WatchedLoader
from posepyr.training.callbacks.pace import Pace, Plan
from posepyr.training.progress_file import FILE, Progress, format_left, write_progress

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
        left = "".join(f"  left {time}" for time in time_left(trainer).values())
        log.info("epoch %d/%s  %s  %.0f s%s", trainer.current_epoch + 1, trainer.max_epochs, line, seconds, left)


class ProgressFile(pl.Callback):
    """Writes ``progress.json`` into the run folder, at most every ``seconds`` of training and after each validation."""

    def __init__(self, folder: Path, monitor: str, mode: str, seconds: float = 2.0) -> None:
        self.folder, self.monitor, self.seconds = folder, monitor, seconds
        self._is_better = operator.lt if mode == "min" else operator.gt
        self._pace: Pace | None = None
        self._epoch, self._written, self._failed = 0, 0.0, False
        self._value: float | None = None
        self._best: dict[str, Any] = {"best": None, "best_epoch": None}

    def state_dict(self) -> dict[str, Any]:
        """Return the best value so far, for a run that goes on."""
        return dict(self._best)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on with the best value of an earlier start."""
        self._best = dict(state_dict)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._pace = Pace(Plan.of(trainer), trainer.global_step)
        self._epoch = trainer.current_epoch + 1
        self._write(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._epoch = trainer.current_epoch + 1

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._pace is None:
            return
        if not self._pace.measures:
            self._pace.step(trainer.global_step)
        if time.monotonic() >= self._written + self.seconds:
            self._write(trainer)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._pace is not None:
            self._pace.begin_validation()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._pace is None:
            return
        self._pace.end_validation()
        value = float(trainer.callback_metrics.get(self.monitor, math.nan))
        self._value = value if math.isfinite(value) else None
        if self._value is not None:
            best = self._best["best"]
            if best is None or self._is_better(self._value, best):
                self._best = {"best": self._value, "best_epoch": self._epoch}
        self._write(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._write(trainer)

    def seconds_left(self, trainer: pl.Trainer) -> float | None:
        """Return how long the rest of the training takes; None if that is not known."""
        return None if self._pace is None else self._pace.seconds_left(trainer.global_step)

    def _write(self, trainer: pl.Trainer) -> None:
        if self._pace is None or not trainer.is_global_zero:
            return
        plan, left = self._pace.plan, self.seconds_left(trainer)
        progress = Progress(
            epoch=self._epoch,
            epochs=plan.epochs,
            step=trainer.global_step,
            steps=plan.steps,
            monitor=self.monitor,
            value=self._value,
            best=self._best["best"],
            best_epoch=self._best["best_epoch"],
            seconds_left=None if left is None else round(left, 1),
            updated=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        try:
            write_progress(self.folder, progress)
        except OSError as error:
            # A full disk must not end a training that only tells how far it is.
            if not self._failed:
                log.warning("%s cannot be written: %s", self.folder / FILE, error)
            self._failed = True
        self._written = time.monotonic()


def time_left(trainer: pl.Trainer) -> dict[str, str]:
    """Return the time that the rest of the training takes as ``{"left": "1:23:45"}``, empty while it is not known."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by a connector, unknown to the stubs
        if isinstance(callback, ProgressFile):
            left = callback.seconds_left(trainer)
            return {} if left is None else {"left": format_left(left)}
    return {}


class RichBar(RichProgressBar):
    """Lightning's bar of an epoch, with the time that is left of the run."""

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """Return the numbers behind the bar."""
        return {**super().get_metrics(trainer, pl_module), **time_left(trainer)}


class TQDMBar(TQDMProgressBar):
    """Lightning's bar of an epoch, with the time that is left of the run."""

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """Return the numbers behind the bar."""
        return {**super().get_metrics(trainer, pl_module), **time_left(trainer)}
