"""Interrupted runs: stopping cleanly upon a signal, and going on inside an epoch, its batches divided anew or not."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl

from posepyr import slurm
from posepyr.ranks import is_first

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name))
"""Ctrl-C sends INT. SLURM sends USR1 120 seconds before the end of a job submitted with ``--signal=USR1@120``."""

AGREE_EVERY = 10
"""Steps after which several processes agree on stopping; each time they wait for one another."""

PASSES_KEY = "parts"
"""Key of checkpoints: the passes of a batch."""


class StopOnSignal(pl.Callback):
    """Ends the run in a folder upon a signal: in training after the present step, which is saved, else at once.

    A second SIGINT ends it at once in training too. A SLURM job is queued again, unless SIGINT ended it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoint = folder / "checkpoints" / "last.ckpt"
        self.caught = 0
        self._watching = self._training = self._announced = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Catch signals meanwhile; outside of the main thread, where Python lets nobody catch any, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in SIGNALS}
        self._watching = True
        self._set_handlers()
        try:
            yield
        except SystemExit:
            # Not in the handler: it may interrupt another line that is just being printed.
            if self.caught and not self._announced:
                saved = f"{self.checkpoint} is as it was" if self.checkpoint.is_file() else "nothing is saved yet"
                self._announce(self.caught, f"; {saved}")
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _set_handlers(self) -> None:
        for number in SIGNALS if self._watching else ():
            signal.signal(number, self._catch)

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        again = self.caught == number == signal.SIGINT
        self.caught = number
        if again or not self._training:
            raise SystemExit(128 + number)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Once more, in place of Lightning's own handler of SIGTERM, which would lose the epoch.
        self._set_handlers()
        self._training = True

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
        self._end(trainer)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._training = False
        # During the last validation: all is saved, but what follows is not wanted.
        if self.caught:
            self._end(trainer)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._training = False

    def _end(self, trainer: pl.Trainer) -> None:
        self._training = False
        number = self.caught or signal.SIGTERM
        self._announce(number, f" after step {trainer.global_step}, which is saved")
        # The exit code of a process that a signal ended, as shells expect it.
        raise SystemExit(128 + number)

    def _announce(self, number: int, saved: str) -> None:
        """Say once how the run ended and how it goes on, and have SLURM start it again."""
        self._announced = True
        if not is_first():
            return
        name, command = signal.Signals(number).name, f"posepyr train --resume {self.folder}"
        go_on = f"; go on with {command}" if self.checkpoint.is_file() else ""
        print(f"posepyr: stopped by {name}{saved}{go_on}", file=sys.stderr, flush=True)
        if number != signal.SIGINT:
            slurm.requeue()


class UnfinishedEpoch(pl.Callback):
    """Lets a run that ``max_steps`` or ``max_time`` ended inside an epoch go on with the rest of that epoch.

    Lightning counts such an epoch as processed: with more steps the run would go on with the next one, or train
    nothing where that was the last. So its progress is put back to what it was right after the last step.
    """

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        # Called before Lightning's loops read their progress from here.
        state = checkpoint["loops"]["fit_loop"]
        epochs, batches = state["epoch_progress"], state["epoch_loop.batch_progress"]
        if batches["is_last_batch"] or epochs["current"]["processed"] < epochs["current"]["ready"]:
            return
        for counts in (epochs["current"], epochs["total"]):
            counts["processed"] = counts["completed"] = counts["ready"] - 1
        if batches["current"]["completed"] == batches["current"]["processed"]:
            # After its end, a step is counted as completed, and the logger's step is one further.
            for counts in (batches["current"], batches["total"]):
                counts["completed"] -= 1
            state["epoch_loop.state_dict"]["_batches_that_stepped"] -= 1


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
