"""Learning-rate schedules: what a configuration names, made into Torch's schedulers once the run's length is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LinearLR, LRScheduler, MultiStepLR, OneCycleLR


class Schedule(Protocol):
    """Makes the scheduler of a run; it is stepped after every optimizer step."""

    def __call__(self, optimizer: Optimizer, steps: int, steps_per_epoch: int) -> LRScheduler: ...


@dataclass(frozen=True)
class Constant:
    """The learning rate of the optimizer, throughout."""

    def __call__(self, optimizer: Optimizer, steps: int, steps_per_epoch: int) -> LRScheduler:
        return LinearLR(optimizer, start_factor=1.0, total_iters=1)


@dataclass(frozen=True)
class Step:
    """The learning rate times ``factor`` at each of the epochs in ``drops``; PyraNet's by default (section 5.1.1)."""

    drops: Sequence[int] = (150, 170)
    factor: float = 0.1

    def __call__(self, optimizer: Optimizer, steps: int, steps_per_epoch: int) -> LRScheduler:
        return MultiStepLR(optimizer, [drop * steps_per_epoch for drop in self.drops], self.factor)


@dataclass(frozen=True)
class OneCycle:
    """Up to the optimizer's learning rate within the first ``warmup`` share of the run, then down to nothing."""

    warmup: float = 0.1
    start: float = 0.04
    """Share of the peak at the first step."""

    def __call__(self, optimizer: Optimizer, steps: int, steps_per_epoch: int) -> LRScheduler:
        peak: Any = [group["lr"] for group in optimizer.param_groups]
        return OneCycleLR(
            optimizer, peak, total_steps=steps, pct_start=self.warmup, div_factor=1 / self.start, cycle_momentum=False
        )
