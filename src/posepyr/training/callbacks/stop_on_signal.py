"""Leaving cleanly when the machine is taken away: SIGTERM, and SLURM's warning before it."""

import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl

from posepyr import slurm

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
"""SLURM sends the latter to jobs that were submitted with ``--signal=USR1@120``, so long before their time is up."""

EVERY = 10
"""Steps after which several processes agree whether to stop: to ask costs them a wait for each other."""


class StopOnSignal(pl.Callback):
    """Saves after the step that is under way, and ends the run; a SLURM job is queued again."""

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint
        self.caught = 0
        self._before: dict[int, Any] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        # Before Lightning takes SIGTERM for its own: what is found now is what is put back at the end.
        if stage == "fit" and threading.current_thread() is threading.main_thread():
            self._before = {number: signal.getsignal(number) for number in SIGNALS}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Lightning's own handler would lose the epoch. Only the main thread may set one.
        for number in self._before:
            signal.signal(number, self._remember)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # In the middle of an accumulated batch there is nothing to save.
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        if trainer.world_size > 1:
            if trainer.global_step % EVERY:
                return
            if not trainer.strategy.reduce_boolean_decision(bool(self.caught), all=False):
                return
        elif not self.caught:
            return
        trainer.save_checkpoint(self.checkpoint)
        number = self.caught or signal.SIGTERM
        if trainer.is_global_zero:
            how = f"stopped by {signal.Signals(number).name} after step {trainer.global_step}"
            print(f"posepyr: {how}; go on with posepyr train --resume {trainer.default_root_dir}", file=sys.stderr)
            slurm.requeue()
        # What shells expect of a process that a signal ended.
        raise SystemExit(128 + number)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        # Lightning leaves teardown out then.
        self._restore()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        self.caught = number
