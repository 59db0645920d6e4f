"""Timing of a training from within: its speed, and the time that each part of a step takes."""

import time
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch

from posepyr.data.loading.loader import WatchedLoader
from posepyr.measurement.peak_memory import peak_bytes
from posepyr.measurement.training_speed import PartTimes, TrainingSpeed

METHODS = {
    "transfer_batch_to_device": "data",
    "on_train_batch_start": "forward",
    "training_step": "forward",
    "backward": "backward",
    "optimizer_zero_grad": "optimizer",
    "lr_scheduler_step": "optimizer",
    "log": "logging",
    "log_dict": "logging",
}
"""The methods of a learner that Lightning calls in a step, and the part to which their time is counted."""


class MeasuredError(Exception):
    """Ends a training once all measurements are taken."""

    def __init__(self, speed: TrainingSpeed) -> None:
        super().__init__("the training has been measured")
        self.speed = speed


class Mark(NamedTuple):
    """A point in time on several clocks."""

    wall: float
    processor: float
    waited: float
    """Seconds that the training has waited for the loader."""


class StepClock(pl.Callback):
    """Times some steps as a whole after the warm-up, then as many part by part, and ends the run.

    On a GPU the former are synchronised only where their time begins and ends, the latter at the end of every part.
    Validation and all else between epochs is not counted.
    """

    def __init__(self, steps: int, warmup: int, device: str, started: float) -> None:
        self.steps, self.warmup, self.device, self.started = steps, warmup, device, started
        self._begun: Mark | None = None
        self._taken = Mark(0.0, 0.0, 0.0)
        self._samples = 0
        self._first_step_seconds = 0.0
        self._speed: TrainingSpeed | None = None
        self._parts = PartTimes(self._synchronised_time)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self._begun is None:
            self._begin(trainer)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._halt(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._halt(trainer)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._samples += len(batch.image)
        # With accumulated gradients a step takes several batches.
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        done = trainer.global_step
        if done == 1:
            self._first_step_seconds = self._first_step()
        if done == self.warmup:
            self._restart(trainer)
        elif done == self.warmup + self.steps:
            self._halt(trainer)
            self._speed = self._rate(trainer)
            self._take_apart(trainer, pl_module)
            self._restart(trainer)
        elif done == self.warmup + 2 * self.steps and self._speed is not None:
            self._halt(trainer)
            raise MeasuredError(self._speed._replace(split_ms=self._split()))

    def _synchronised_time(self) -> float:
        """Return the time once the device has finished its queue."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def _now(self, trainer: pl.Trainer) -> Mark:
        return Mark(self._synchronised_time(), time.process_time(), _loader(trainer).waited)

    def _first_step(self) -> float:
        self._synchronised_time()
        return time.time() - self.started

    def _restart(self, trainer: pl.Trainer) -> None:
        self._samples, self._taken = 0, Mark(0.0, 0.0, 0.0)
        self._begin(trainer)

    def _begin(self, trainer: pl.Trainer) -> None:
        self._parts.counts = True
        self._begun = self._now(trainer)

    def _halt(self, trainer: pl.Trainer) -> None:
        if self._begun is not None:
            passed = zip(self._taken, self._now(trainer), self._begun, strict=True)
            self._taken = Mark(*(before + now - begun for before, now, begun in passed))
            self._begun = None
            self._parts.counts = False

    def _rate(self, trainer: pl.Trainer) -> TrainingSpeed:
        taken = self._taken
        return TrainingSpeed(
            samples_per_second=self._samples / taken.wall,
            processor_ms=1e3 * taken.processor / self._samples,
            data_wait=taken.waited / taken.wall,
            first_step_seconds=self._first_step_seconds,
            peak_bytes=peak_bytes(self.device),
            threads=torch.get_num_threads(),
            workers=_loader(trainer).num_workers,
        )

    def _take_apart(self, trainer: pl.Trainer, learner: pl.LightningModule) -> None:
        """Time every part of the following steps."""
        for name, part in METHODS.items():
            self._time(learner, name, part)
        step: Any = learner.optimizer_step

        def optimizer_step(epoch: int, batch: int, optimizer: Any, closure: Any) -> None:
            # Lightning runs forward and backward within the optimizer's step: their time is not the optimizer's.
            step(epoch, batch, optimizer, self._parts.timed("rest", closure))

        learner.optimizer_step = optimizer_step  # type: ignore[method-assign, assignment]  # wrapped
        self._time(learner, "optimizer_step", "optimizer")
        for logger in trainer.loggers:
            self._time(logger, "log_metrics", "logging")

    def _time(self, owner: Any, method: str, part: str) -> None:
        setattr(owner, method, self._parts.timed(part, getattr(owner, method)))

    def _split(self) -> dict[str, float]:
        seconds = self._parts.seconds
        seconds["data"] += self._taken.waited
        seconds["rest"] += self._taken.wall - sum(seconds.values())
        return {part: 1e3 * taken / self.steps for part, taken in seconds.items()}


def _loader(trainer: pl.Trainer) -> WatchedLoader:
    loader: Any = trainer.train_dataloader
    return loader  # type: ignore[no-any-return]  # Lightning does not say the loader's class
