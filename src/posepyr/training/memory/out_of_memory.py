"""Where a training was when the memory ran out."""

from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch

from posepyr.measurement.timing import is_out_of_memory
from posepyr.training.memory.device_memory import Room, room


class Shortage(NamedTuple):
    """What was being done, and on which device; plain data."""

    doing: str
    device: str
    """As Torch writes it, ``cuda:0``; the machine's own memory is ``cpu``."""
    room: Room
    of_machine: bool
    """Whether the memory is the machine's while a GPU does the computing."""


def shortage(error: BaseException, doing: str, device: torch.device) -> Shortage:
    """The state of things right after an error on a device."""
    # Not of Torch: the memory of the machine which the GPU is in.
    place = torch.device("cpu") if isinstance(error, MemoryError) else device
    return Shortage(doing, str(place), room(place), of_machine=place != device)


class NoteShortage(pl.Callback):
    """Keeps what a trainer was doing when it ran out of memory, which it has forgotten when the error arrives."""

    def __init__(self) -> None:
        self.found: Shortage | None = None
        self._doing = "the setup of the training"

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self._doing = f"training step {trainer.global_step + 1}"

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._doing = f"the validation after training step {trainer.global_step}"

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._doing = "the test"

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        if is_out_of_memory(exception):
            self.found = shortage(exception, self._doing, trainer.strategy.root_device)
