"""How Lightning's checkpoints reach the disk, and whether there is room for them."""

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

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]


class WholeFiles(TorchCheckpointIO):
    """Writes beside the final name and renames, so that a killed run leaves the last good checkpoint.

    Lightning's own goes through the folder for temporary files, which may lie on another disk: there the last step
    is a copy.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        write_checkpoint(Path(path), checkpoint)


class RoomForCheckpoints(pl.Callback):
    """Refuses to begin a training whose checkpoints, so many files in one folder, would not fit on the disk."""

    def __init__(self, folder: Path, files: int, optimizer: MakeOptimizer) -> None:
        self.folder, self.files, self.optimizer = folder, files, optimizer

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage != "fit" or not trainer.is_global_zero:
            return
        each = checkpoint_size(pl_module, self.optimizer, averages_weights(trainer))
        # One more while it is being written; those of an earlier start are replaced.
        there = sum(path.stat().st_size for path in self.folder.glob("*.ckpt"))
        needed, free = (self.files + 1) * each - there, free_space(self.folder)
        if needed > free:
            raise ValueError(
                f"the disk of {self.folder} must have room for {self.files} checkpoints of {_mebibytes(each)} and one "
                f"that is being written, {_mebibytes(needed)} in all, got {_mebibytes(free)}; make room, or choose "
                "another disk by hydra.run.dir"
            )


def averages_weights(trainer: pl.Trainer) -> bool:
    """Whether a run's checkpoints have averages for weights."""
    return any(isinstance(callback, WeightAveraging) for callback in trainer.callbacks)  # type: ignore[attr-defined]


def checkpoint_size(module: nn.Module, optimizer: MakeOptimizer, averaged: bool) -> int:
    """About how many bytes a checkpoint will have: weights, once more if they are averaged, and optimizer."""
    weights = size_of(module.state_dict()) * (2 if averaged else 1)
    trained = sum(parameter.nbytes for parameter in module.parameters() if parameter.requires_grad)
    return round(weights + trained * _share_kept(optimizer))


def _share_kept(make: MakeOptimizer) -> float:
    """How many times the size of the weights an optimizer keeps, from a step that it takes with some of its own."""
    weight = nn.Parameter(torch.zeros(64, 64))
    optimizer = make([weight])
    weight.grad = torch.zeros_like(weight)
    optimizer.step()
    return size_of(optimizer.state_dict()["state"]) / weight.nbytes


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"
