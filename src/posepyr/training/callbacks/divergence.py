"""A loss that is no number any more, or far too large: the run stops, and the batch is kept to look into."""

from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor

from posepyr.files import whole


class Step(NamedTuple):
    """A training step to be judged."""

    wrong: Tensor
    loss: Tensor
    batch: Any
    number: int
    done: Any = None
    """On a GPU: when ``wrong`` has arrived."""

    def copied(self) -> "Step":
        """The step with its verdict on the way from the GPU."""
        here = torch.empty((), dtype=torch.bool, pin_memory=True)
        here.copy_(self.wrong, non_blocking=True)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        return self._replace(wrong=here, done=event)

    def is_wrong(self) -> bool:
        """The verdict, waited for where it has to be."""
        if self.done is not None:
            self.done.synchronize()
        return bool(self.wrong)


class StopOnExplosion(pl.Callback):
    """Ends a run whose loss is not finite, or more than ``factor`` times the first, with an error.

    The batch lies in ``exploded.pt`` in the run folder, or ``exploded.1.pt`` of process 1: a dictionary of tensors,
    which ``torch.load`` reads. On a GPU a step's loss is looked at while the next is computed, so that nothing waits
    for it, or before anything is saved.
    """

    def __init__(self, factor: float = 1e3) -> None:
        if factor <= 1:
            raise ValueError(f"factor must be larger than 1, got {factor}")
        self.factor = factor
        self._limit: Tensor | None = None
        self._earlier: Step | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = (outputs["loss"] if isinstance(outputs, dict) else outputs).detach().float()
        if self._limit is None:
            self._limit = self.factor * loss
        # Not larger is not the same as smaller: a loss that is no number is neither.
        step = Step(~(loss <= self._limit), loss, batch, trainer.global_step)
        if loss.device.type == "cuda":
            step, self._earlier = self._earlier, step.copied()  # type: ignore[assignment]
        if step is not None and step.is_wrong():
            self._stop(trainer, step)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._judge_last(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._judge_last(trainer)

    def _judge_last(self, trainer: pl.Trainer) -> None:
        step, self._earlier = self._earlier, None
        if step is not None and step.is_wrong():
            self._stop(trainer, step)

    def _stop(self, trainer: pl.Trainer, step: Step) -> None:
        content = {name: value for name, value in step.batch._asdict().items() if isinstance(value, Tensor)}
        people = content["sample"].tolist() if "sample" in content else []
        kept = _keep(Path(trainer.default_root_dir), trainer.global_rank, {"step": step.number, **content})
        raise ValueError(
            f"train/loss must stay finite and below {self.factor:g} times what it began with, got {float(step.loss):g} "
            f"in step {step.number}; its batch{f' (people {people})' if people else ''} {kept}; lower "
            "optimizer.lr, set trainer.gradient_clip_val, or look at the pictures with posepyr data check"
        )


def _keep(folder: Path, rank: int, content: dict[str, Any]) -> str:
    """Write a batch down where there is room for it, and say where it is."""
    path = folder / (f"exploded.{rank}.pt" if rank else "exploded.pt")
    try:
        with whole(path) as part:
            torch.save(content, part)
    except (OSError, RuntimeError) as error:
        return f"could not be kept in {path} ({error})"
    return f"is in {path}"
