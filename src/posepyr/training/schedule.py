"""Learning-rate schedules: pure functions that give the factor of the optimizer's rate at each step.

A checkpoint holds the number of the step and nothing else of them, so that a run may go on under a longer schedule.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Schedule(Protocol):
    """The factor of the optimizer's learning rate at a step, out of ``steps`` in the whole run."""

    def __call__(self, step: int, steps: int, steps_per_epoch: int) -> float: ...


@dataclass(frozen=True)
class Constant:
    """The optimizer's rate throughout."""

    def __call__(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return 1.0


@dataclass(frozen=True)
class Step:
    """A rate multiplied by ``factor`` at the start of each epoch in ``drops``; PyraNet's by default (section 5.1.1)."""

    drops: Sequence[int] = (150, 170)
    factor: float = 0.1

    def __call__(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return self.factor ** sum(step >= drop * steps_per_epoch for drop in self.drops)


@dataclass(frozen=True)
class OneCycle:
    """A rise to the optimizer's rate in the first ``warmup`` share of the run, then a fall to zero, as cosines."""

    warmup: float = 0.1
    start: float = 0.04
    """Share of the peak at the first step."""

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1:
            raise ValueError(f"warmup must be a share of the run, 0 to below 1, got {self.warmup}")

    def __call__(self, step: int, steps: int, steps_per_epoch: int) -> float:
        peak = self.warmup * (steps - 1)
        if step < peak:
            return self.start + (1 - self.start) * _rise(step / peak)
        return 1 - _rise(min(1.0, (step - peak) / max(1.0, steps - peak)))


def _rise(share: float) -> float:
    """Return the height, 0 to 1, of half a cosine after a share of its length."""
    return (1 - math.cos(math.pi * share)) / 2
