"""The speed of a training, and how long the rest of it takes."""

import time
from collections.abc import Callable
from typing import NamedTuple

import pytorch_lightning as pl


class Plan(NamedTuple):
    """The steps and validations that a training has before it."""

    steps: int | None
    """All steps of the optimizer; None for a training without end."""
    batches: int | None
    """Those of an epoch; None for data without end."""
    accumulated: int
    """Batches of a step."""
    validate_every: int | None
    """Batches between validations; None if the run has none, or goes by the clock."""
    validated_epochs: int | None
    """One of so many epochs is validated; None if batches are counted across epochs."""

    @classmethod
    def of(cls, trainer: pl.Trainer) -> "Plan":
        """Return the plan of a trainer whose data is set up."""
        steps, batches = trainer.estimated_stepping_batches, trainer.num_training_batches
        accumulated, every = trainer.accumulate_grad_batches, trainer.val_check_batch
        return cls(
            steps=int(steps) if 0 <= steps < float("inf") else None,
            batches=int(batches) if 0 < batches < float("inf") else None,
            accumulated=accumulated,
            validate_every=int(every) if every and every < float("inf") and any(trainer.num_val_batches) else None,
            validated_epochs=trainer.check_val_every_n_epoch,
        )

    @property
    def epochs(self) -> int | None:
        """The number of epochs that are begun."""
        return -(-self.steps // self._steps_per_epoch) if self.steps and self.batches else None

    @property
    def _steps_per_epoch(self) -> int:
        return -(-(self.batches or 0) // self.accumulated)

    def validations(self, step: int) -> int:
        """Return how many validations the first ``step`` steps have."""
        if self.validate_every is None:
            return 0
        if self.validated_epochs is None or self.batches is None:
            return step * self.accumulated // self.validate_every
        epochs, rest = divmod(step, self._steps_per_epoch)
        validations = epochs // self.validated_epochs * (self.batches // self.validate_every)
        if (epochs + 1) % self.validated_epochs == 0:
            validations += rest * self.accumulated // self.validate_every
        return validations


class Pace:
    """Measures the time of steps and of validations.

    The first step is left out: it waits for the loaders to start and, on a GPU, for kernels to be chosen or compiled.
    """

    def __init__(self, plan: Plan, step: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.plan, self._clock = plan, clock
        self._first, self._begun = step, 0.0
        self._measured_from: int | None = None
        self._validations, self._validating, self._validation_begun = 0, 0.0, 0.0

    @property
    def measures(self) -> bool:
        """True once the first step is over."""
        return self._measured_from is not None

    def step(self, step: int) -> None:
        """Begin to measure once the first step is over, after ``step`` steps in all."""
        if step > self._first:
            self._measured_from, self._begun = step, self._clock()
            self._validations, self._validating = 0, 0.0

    def begin_validation(self) -> None:
        """Note that a validation begins."""
        self._validation_begun = self._clock()

    def end_validation(self) -> None:
        """Note that a validation is over."""
        self._validations += 1
        self._validating += self._clock() - self._validation_begun

    def seconds_left(self, step: int) -> float | None:
        """Return how long the rest takes after ``step`` steps; None while that is not known."""
        if self.plan.steps is None:
            return None
        steps = max(0, self.plan.steps - step)
        measured = 0 if self._measured_from is None else step - self._measured_from
        if steps and not measured:
            return None
        training = steps * (self._clock() - self._begun - self._validating) / measured if steps else 0.0
        validations = max(0, self.plan.validations(self.plan.steps) - self.plan.validations(step))
        return training + validations * self._validating / max(1, self._validations)
