"""A small run, and callbacks that run out of memory on purpose in it."""

from typing import Any

import pytorch_lightning as pl
import torch

TINY = [
    "model.stacks=2", "model.width=16", "model.block.width=4", "model.depth=2", "data.input_size=[64,64]",
    "data.batch_size=4", "data.workers=0", "data.source.train=16", "data.source.val=6", "data.source.size=64",
    "trainer.max_epochs=2", "trainer=cpu", "trainer.log_every_n_steps=1", "progress=false", "test=false",
    "callbacks=none", "checkpoint.every_n_steps=1",
]  # fmt: skip
"""Overrides of a run of eight steps."""


class ExhaustsMemory(pl.Callback):
    """Asks for more than there is in one step, in one of the ways that memory runs out."""

    def __init__(self, step: int = 2, how: str = "real") -> None:
        self.step, self.how = step, how

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            self.allocate()

    def allocate(self) -> None:
        if self.how == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has 79.15 GiB")
        torch.empty(1 << 55, dtype=torch.uint8)


class ExhaustsMemoryInValidation(ExhaustsMemory):
    """The same, but while it validates."""

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        pass

    def on_validation_batch_start(self, *_: Any) -> None:
        self.allocate()
