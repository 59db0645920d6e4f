"""Divergence: a run whose loss is not finite, or far too large, stops and keeps the batch for inspection."""

from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor

from posepyr.files import whole


class CheckedStep(NamedTuple):
    """A training step and the verdict on its loss."""

    diverged: Tensor
    loss: Tensor
    batch: Any
    number: int
    copied: Any = None
    """On a GPU: the event after which ``diverged`` has been copied to the CPU."""

    def on_cpu(self) -> "CheckedStep":
        """Start copying the verdict from the GPU, without waiting for it."""
        diverged = torch.empty((), dtype=torch.bool, pin_memory=True)
        diverged.copy_(self.diverged, non_blocking=True)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]  # not annotated in Torch
        event.record()
        return self._replace(diverged=diverged, copied=event)

    def has_diverged(self) -> bool:
        """Return the verdict, waiting for its copy if there is one."""
        if self.copied is not None:
            self.copied.synchronize()
        return bool(self.diverged)


class StopOnDivergence(pl.Callback):
    """Ends a run whose loss is not finite, or more than ``factor`` times the first, with an error.

    The batch is saved as ``diverged.pt`` in the run folder, or ``diverged.1.pt`` by process 1: a dictionary of tensors,
    which ``torch.load`` reads. On a GPU a step's loss is checked while the next step is computed, so that nothing waits
    for it, and always before a checkpoint is saved.
    """

    def __init__(self, factor: float = 1e3) -> None:
        if factor <= 1:
            raise ValueError(f"factor must be larger than 1, got {factor}")
        self.factor = factor
        self._limit: Tensor | None = None
        self._pending: CheckedStep | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = (outputs["loss"] if isinstance(outputs, dict) else outputs).detach().float()
        if self._limit is None:
            self._limit = self.factor * loss
        # `~(a <= b)` rather than `a > b`: both comparisons are false for NaN.
        step = CheckedStep(~(loss <= self._limit), loss, batch, trainer.global_step)
        if loss.device.type == "cuda":
            self._check_pending(trainer)
            self._pending = step.on_cpu()
        elif step.has_diverged():
            self._stop(trainer, step)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._check_pending(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._check_pending(trainer)

    def _check_pending(self, trainer: pl.Trainer) -> None:
        step, self._pending = self._pending, None
        if step is not None and step.has_diverged():
            self._stop(trainer, step)

    def _stop(self, trainer: pl.Trainer, step: CheckedStep) -> None:
        content = {name: value for name, value in step.batch._asdict().items() if isinstance(value, Tensor)}
        people = content["sample"].tolist() if "sample" in content else []
        outcome = _save_batch(Path(trainer.default_root_dir), trainer.global_rank, {"step": step.number, **content})
        raise ValueError(
            f"train/loss must stay finite and below {self.factor:g} times its first value, got {float(step.loss):g} "
            f"in step {step.number}; its batch{f' (people {people})' if people else ''} {outcome}; lower "
            "optimizer.lr, set trainer.gradient_clip_val, or look at the pictures with posepyr data check"
        )


def _save_batch(folder: Path, rank: int, content: dict[str, Any]) -> str:
    """Save a batch where there is room for it; return the outcome in words."""
    path = folder / (f"diverged.{rank}.pt" if rank else "diverged.pt")
    try:
        with whole(path) as part:
            torch.save(content, part)
    except (OSError, RuntimeError) as error:
        return f"could not be kept in {path} ({error})"
    return f"is in {path}"
