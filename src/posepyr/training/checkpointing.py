"""Checkpoints on disk: written whole or not at all, and refused in advance where the disk has no room for them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import nn
from torch.optim import Optimizer

from posepyr.checkpoints.storage import free_space, size_of, write_checkpoint
from posepyr.files import format_bytes

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]


class WholeFiles(TorchCheckpointIO):
    """Writes checkpoints beside their final name and renames them, so that a killed run leaves the last good one.

    Lightning's own writer goes through the folder for temporary files, which may lie on another disk: there its last
    step is a copy, which a kill can cut short.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        write_checkpoint(Path(path), checkpoint)


class RoomForCheckpoints(pl.Callback):
    """Refuses to begin a training whose checkpoints, ``files`` of them in one folder, would not fit on the disk."""

    def __init__(self, folder: Path, files: int, optimizer: MakeOptimizer) -> None:
        self.folder, self.files, self.optimizer = folder, files, optimizer

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage != "fit" or not trainer.is_global_zero:
            return
        size = checkpoint_size(pl_module, self.optimizer, averages_weights(trainer))
        # One more while it is being written; those of an earlier start are replaced.
        replaced = sum(path.stat().st_size for path in self.folder.glob("*.ckpt"))
        needed, free = (self.files + 1) * size - replaced, free_space(self.folder)
        if needed > free:
            raise ValueError(
                f"the disk of {self.folder} must have room for {self.files} checkpoints of {format_bytes(size)} and one"
                f" that is being written, {format_bytes(needed)} in all, got {format_bytes(free)}; make room, or choose"
                " another disk by hydra.run.dir"
            )


def averages_weights(trainer: pl.Trainer) -> bool:
    """Return whether a run's checkpoints hold averages of the weights."""
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # set by a connector, unknown to the stubs
    return any(isinstance(callback, WeightAveraging) for callback in callbacks)


def checkpoint_size(module: nn.Module, optimizer: MakeOptimizer, averaged: bool) -> int:
    """Estimate the bytes of a checkpoint: weights, once more if they are averaged, and the optimizer's state."""
    weights = size_of(module.state_dict()) * (2 if averaged else 1)
    trained = sum(parameter.nbytes for parameter in module.parameters() if parameter.requires_grad)
    return round(weights + trained * _share_kept(optimizer))


def _share_kept(make: MakeOptimizer) -> float:
    """Return the size of an optimizer's state over that of its weights, from a step with weights of its own."""
    weight = nn.Parameter(torch.zeros(64, 64))
    optimizer = make([weight])
    weight.grad = torch.zeros_like(weight)
    optimizer.step()
    return size_of(optimizer.state_dict()["state"]) / weight.nbytes
