"""Interrupted runs: stopping cleanly upon a signal, and going on under another division of the batches."""

import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl

from posepyr import slurm

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
"""SLURM sends USR1 120 seconds before the end of a job that was submitted with ``--signal=USR1@120``."""

AGREE_EVERY = 10
"""Steps after which several processes agree on stopping; each time they wait for one another."""

PASSES_KEY = "parts"
"""Key of checkpoints: the passes of a batch."""


class StopOnSignal(pl.Callback):
    """Saves a checkpoint after the present step and ends the run; a SLURM job is queued again."""

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint
        self.caught = 0
        self._handlers: dict[int, Any] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        # Before Lightning sets its own handler of SIGTERM: these handlers are put back at the end.
        if stage == "fit" and threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.getsignal(number) for number in SIGNALS}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Lightning's own handler would lose the epoch. Only the main thread may set one.
        for number in self._handlers:
            signal.signal(number, self._catch)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # Between the passes of a batch there is nothing to save.
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        if trainer.world_size > 1:
            if trainer.global_step % AGREE_EVERY:
                return
            if not trainer.strategy.reduce_boolean_decision(bool(self.caught), all=False):
                return
        elif not self.caught:
            return
        trainer.save_checkpoint(self.checkpoint)
        number = self.caught or signal.SIGTERM
        if trainer.is_global_zero:
            message = f"stopped by {signal.Signals(number).name} after step {trainer.global_step}"
            print(f"posepyr: {message}; go on with posepyr train --resume {trainer.default_root_dir}", file=sys.stderr)
            slurm.requeue()
        # The exit code of a process that a signal ended, as shells expect it.
        raise SystemExit(128 + number)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        # Lightning calls no teardown then.
        self._restore()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        self.caught = number


class BatchDivision(pl.Callback):
    """Lets a run go on with batches divided into another number of passes than before.

    Lightning's progress in an epoch counts passes, each with a part of a batch. A run that goes on with half the
    ``data.device_batch``, or on half the devices, takes twice as many: counted in passes, its epoch would end half
    way, without validation. So the progress is converted when a run goes on. Example: 6 passes of 2 a batch are 3
    batches, which with 4 passes a batch are 12 passes.
    """

    def __init__(self) -> None:
        self._passes: int | None = None

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[PASSES_KEY] = trainer.accumulate_grad_batches

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._passes = checkpoint.get(PASSES_KEY)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        before, self._passes = self._passes, None
        if before in (None, trainer.accumulate_grad_batches):
            return
        progress = trainer.fit_loop.epoch_loop.batch_progress
        for counts in (progress.current, progress.total):
            # A checkpoint is saved within a pass, which is ready and not yet completed: the same shift for all four
            # counts keeps that distance.
            shift = counts.ready // before * trainer.accumulate_grad_batches - counts.ready
            for name in ("ready", "started", "processed", "completed"):
                setattr(counts, name, getattr(counts, name) + shift)
