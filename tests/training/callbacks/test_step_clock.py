"""What a training's clock measures, by a clock that only the parts of a step move."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import DummyLogger
from torch.utils.data import DataLoader

from posepyr.data.loading import loader
from posepyr.data.loading.loader import WatchedLoader
from posepyr.measurement.training_speed import TrainingSpeed
from posepyr.training.callbacks import step_clock
from posepyr.training.callbacks.step_clock import MeasuredError, StepClock
from posepyr.training.process_state import quiet


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        return self.now

    def passing(self, seconds: float) -> Callable[..., None]:
        def pass_by(*_: object, **__: object) -> None:
            self.now += seconds

        return pass_by


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    times = SimpleNamespace(perf_counter=clock.read, process_time=clock.read, time=clock.read)
    for module in (loader, step_clock):
        monkeypatch.setattr(module, "time", times)
    return clock


class Batch(NamedTuple):
    image: torch.Tensor


class Numbers:
    """Samples, each of which takes three seconds."""

    def __init__(self, clock: Clock, count: int) -> None:
        self.clock, self.count = clock, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Batch:
        self.clock.now += 3.0
        return Batch(torch.ones(1))


class Slope(pl.LightningModule):
    """A network of one number, each of whose parts takes its own time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.weight = torch.nn.Parameter(torch.ones(1))

    def training_step(self, batch: Batch, _index: int) -> torch.Tensor:
        self.clock.now += 1.0
        loss = (self.weight * batch.image).sum()
        self.log("loss", loss, on_step=True)
        return loss

    def backward(self, loss: torch.Tensor) -> None:
        self.clock.now += 2.0
        loss.backward()  # type: ignore[no-untyped-call]

    def optimizer_step(self, *arguments: Any) -> None:
        super().optimizer_step(*arguments)
        self.clock.now += 4.0

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        self.clock.now += 0.25
        return batch

    def validation_step(self, batch: Batch, _index: int) -> None:
        self.clock.now += 1000.0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def turn_of(clock: Clock, steps: int, warmup: int, count: int = 8, **settings: Any) -> TrainingSpeed:
    logger, dawdling = DummyLogger(), pl.Callback()
    logger.log_metrics = clock.passing(0.5)  # type: ignore[method-assign]
    dawdling.on_train_batch_end = clock.passing(8.0)  # type: ignore[method-assign]
    dawdling.on_before_zero_grad = clock.passing(16.0)  # type: ignore[method-assign]
    dawdling.on_train_epoch_end = clock.passing(500.0)  # type: ignore[method-assign]
    with quiet():
        trainer = pl.Trainer(
            logger=logger, callbacks=[StepClock(steps, warmup, "cpu", started=-60.0), dawdling], accelerator="cpu",
            log_every_n_steps=1, enable_progress_bar=False, enable_checkpointing=False, enable_model_summary=False,
            num_sanity_val_steps=0, max_epochs=9, **settings,
        )  # fmt: skip
        with pytest.raises(MeasuredError) as end:
            trainer.fit(
                Slope(clock),
                WatchedLoader(Numbers(clock, count), batch_size=2, collate_fn=stacked),
                DataLoader(range(1)),
            )
    return end.value.speed


def stacked(samples: list[Batch]) -> Batch:
    return Batch(torch.stack([sample.image for sample in samples]))


STEP = 2 * 3.0 + 0.25 + 1.0 + 16.0 + 2.0 + 4.0 + 0.5 + 8.0


def test_each_part_of_a_step_takes_what_it_takes(clock: Clock) -> None:
    turn = turn_of(clock, steps=1, warmup=1)
    assert turn.samples_per_second == pytest.approx(2 / STEP)
    assert turn.processor_ms == pytest.approx(1e3 * STEP / 2)
    assert turn.data_wait == pytest.approx(6 / STEP)
    # The clock looks before other callbacks and the log have their turn.
    assert turn.first_step_seconds == pytest.approx(60 + STEP - 8.5)
    expected = {"data": 6.25, "forward": 1.0, "backward": 2.0, "optimizer": 4.0, "logging": 0.5, "rest": 24.0}
    assert turn.split_ms == pytest.approx({part: 1e3 * seconds for part, seconds in expected.items()})


def test_what_happens_between_epochs_is_not_counted(clock: Clock) -> None:
    """Four steps an epoch: both measurements reach over an end, with a validation in the middle of one as well."""
    turn = turn_of(clock, steps=5, warmup=2, val_check_interval=3)
    # Left out are also the waits for the first batch after each stop, and the last step's log before it.
    assert 2 / STEP < turn.samples_per_second < 2 / (STEP - 6.5)
    assert turn.split_ms is not None
    assert turn.split_ms["forward"] == pytest.approx(1e3)
    assert turn.split_ms["rest"] == pytest.approx(24e3)


def test_a_step_of_several_batches_is_one(clock: Clock) -> None:
    turn = turn_of(clock, steps=1, warmup=1, count=16, accumulate_grad_batches=2)
    # The optimizer's four seconds, what precedes it and the log's half come once in two batches.
    assert turn.samples_per_second == pytest.approx(4 / (2 * STEP - 16.0 - 4.0 - 0.5))
    assert turn.split_ms is not None
    assert turn.split_ms["optimizer"] == pytest.approx(4e3)
    assert turn.split_ms["backward"] == pytest.approx(4e3)
