"""The share of the training that waits for data, by a clock that only the data and the steps move."""

from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import DummyLogger
from torch.utils.data import DataLoader

from posepyr.data.loading import loader
from posepyr.data.loading.loader import WatchedLoader
from posepyr.training.callbacks import progress
from posepyr.training.callbacks.progress import DataWait
from posepyr.training.process_state import quiet


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (loader, progress):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=clock.perf_counter))
    return clock


class Numbers:
    """Six samples, each of which takes ``seconds``; every other one twice as long where ``uneven``."""

    def __init__(self, clock: Clock, seconds: float, uneven: bool = False) -> None:
        self.clock, self.seconds, self.uneven = clock, seconds, uneven

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> torch.Tensor:
        self.clock.now += self.seconds * (2 if self.uneven and index % 2 else 1)
        return torch.tensor([float(index)])


class Slope(pl.LightningModule):
    """A network of one number: a second's step, and validation that takes far longer."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.weight = torch.nn.Parameter(torch.ones(1))

    def training_step(self, batch: torch.Tensor, _index: int) -> torch.Tensor:
        self.clock.now += 1.0
        return (self.weight * batch).sum()

    def validation_step(self, batch: torch.Tensor, _index: int) -> None:
        self.clock.now += 1000.0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


class Memory(DummyLogger):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.shares: list[float] = []

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if "time/data_wait" in metrics:
            self.shares.append(metrics["time/data_wait"])


def shares(clock: Clock, loader: Any, callback: DataWait | None = None, every: int = 1, **settings: Any) -> list[float]:
    memory = Memory()
    with quiet():
        trainer = pl.Trainer(
            logger=memory, callbacks=[callback or DataWait()], accelerator="cpu", log_every_n_steps=every,
            enable_progress_bar=False, enable_checkpointing=False, enable_model_summary=False, num_sanity_val_steps=0,
            **settings,
        )  # fmt: skip
        trainer.fit(Slope(clock), loader, DataLoader(Numbers(clock, 0.0)))
    return memory.shares


@pytest.mark.parametrize(("seconds", "share"), [(3.0, 0.75), (1.0, 0.5), (0.0, 0.0)])
def test_the_share_is_what_the_loader_takes_of_a_step(clock: Clock, seconds: float, share: float) -> None:
    found = shares(clock, WatchedLoader(Numbers(clock, seconds)), max_epochs=1)
    # None after the first step: what passed before it is the start of the epoch.
    assert found == pytest.approx([share] * 5)


def test_the_share_is_of_the_last_steps(clock: Clock) -> None:
    loader = WatchedLoader(Numbers(clock, 1.0, uneven=True))
    # Steps wait for 2, 1, 2, ... seconds after the first: a window of two begins with 2 of 3 and goes on with 3 of 5.
    found = shares(clock, loader, DataWait(steps=2), max_epochs=1)
    assert found == pytest.approx([2 / 3, 3 / 5, 3 / 5, 3 / 5, 3 / 5])


def test_the_share_is_worked_out_where_it_is_written(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the steps whose row is written, and at an epoch's last, which the epoch's line shows."""
    logged: list[int] = []
    log = pl.LightningModule.log

    def noted(self: pl.LightningModule, *arguments: Any, **named: Any) -> None:
        logged.append(self.global_step)
        log(self, *arguments, **named)

    monkeypatch.setattr(pl.LightningModule, "log", noted)
    loader = WatchedLoader(Numbers(clock, 1.0, uneven=True))
    found = shares(clock, loader, DataWait(steps=2), every=4, max_epochs=2)
    assert logged == [4, 6, 8, 12]
    # Steps 4, 8 and 12; in between, as they are without it.
    every_step = shares(clock, loader, DataWait(steps=2), max_epochs=2)
    assert found == pytest.approx([every_step[number] for number in (2, 5, 9)])


def test_validation_is_no_part_of_a_step(clock: Clock) -> None:
    found = shares(clock, WatchedLoader(Numbers(clock, 3.0)), max_epochs=2, val_check_interval=3)
    # Two epochs of six steps. After the validation in their middle Lightning logs the share before it once more.
    assert found == pytest.approx([0.75] * 10)


def test_other_loaders_are_left_alone(clock: Clock) -> None:
    assert shares(clock, DataLoader(Numbers(clock, 1.0)), max_epochs=1) == []


def test_a_window_has_steps() -> None:
    with pytest.raises(ValueError, match=r"steps must be positive, got 0"):
        DataWait(steps=0)
