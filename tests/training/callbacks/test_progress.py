"""Progress and the share of the training that waits for data, by a clock that only data, steps and validations move."""

import logging
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import DummyLogger
from torch.utils.data import DataLoader

from posepyr.data.loading import loader
from posepyr.data.loading.loader import WatchedLoader
from posepyr.training.callbacks import pace, progress
from posepyr.training.callbacks.progress import DataWait, EpochLine, ProgressFile
from posepyr.training.process_state import quiet
from posepyr.training.progress_file import Progress, read_progress


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    times = SimpleNamespace(perf_counter=clock.perf_counter, monotonic=clock.perf_counter)
    for module in (loader, progress):
        monkeypatch.setattr(module, "time", times)
    monkeypatch.setattr(pace.Pace.__init__, "__defaults__", (clock.perf_counter,))
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


def shares(
    clock: Clock, loader: Any, callback: pl.Callback | None = None, every: int = 1, **settings: Any
) -> list[float]:
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


class Scored(Slope):
    """The same, better at the second epoch and worse at the third."""

    def validation_step(self, batch: torch.Tensor, _index: int) -> None:
        super().validation_step(batch, _index)
        self.log("val/score", [0.25, 0.75, 0.5][self.current_epoch % 3])


class Watched(pl.Callback):
    """Reads a run's progress after every step and at the end of every epoch."""

    def __init__(self, folder: Path, stop_at: int | None = None) -> None:
        self.folder, self.stop_at = folder, stop_at
        self.steps: list[Progress] = []
        self.epochs: list[Progress] = []

    def read(self) -> Progress:
        found = read_progress(self.folder)
        assert found is not None
        return found

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.steps.append(self.read())
        if trainer.global_step == self.stop_at:
            raise ValueError("stopped")

    def on_train_epoch_end(self, *_: Any) -> None:
        self.epochs.append(self.read())


def watch(
    clock: Clock, folder: Path, seconds: float = 0.0, stop_at: int | None = None, resume: Path | None = None,
    mode: str = "max", **settings: Any,
) -> Watched:  # fmt: skip
    watched = Watched(folder, stop_at)
    with quiet():
        trainer = pl.Trainer(
            logger=False, callbacks=[ProgressFile(folder, "val/score", mode, seconds), EpochLine(), watched],
            accelerator="cpu", enable_progress_bar=False, enable_checkpointing=False, enable_model_summary=False,
            num_sanity_val_steps=0, default_root_dir=folder, **settings,
        )  # fmt: skip
        loaders = [DataLoader(Numbers(clock, 1.0)), DataLoader(Numbers(clock, 0.0))]
        with pytest.raises(ValueError, match="stopped") if stop_at else nullcontext():
            trainer.fit(Scored(clock), *loaders, ckpt_path=resume)
        trainer.save_checkpoint(folder / "run.ckpt", weights_only=False)
    return watched


def test_the_file_says_how_far_the_training_is(clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "posepyr")
    watched = watch(clock, tmp_path, max_epochs=3)
    second = watched.steps[8]
    assert second._replace(updated="") == Progress(
        2, 3, 9, 18, "val/score", 0.25, 0.25, 1,
        # Nine steps of two seconds, and two validations of six people.
        pytest.approx(9 * 2 + 2 * 6000), "",  # type: ignore[arg-type]
    )  # fmt: skip
    assert [(one.epoch, one.value, one.best, one.best_epoch) for one in watched.epochs] == [
        (1, 0.25, 0.25, 1), (2, 0.75, 0.75, 2), (3, 0.5, 0.75, 2),
    ]  # fmt: skip
    assert watched.read()._replace(updated="") == watched.epochs[-1]._replace(updated="", seconds_left=0.0)
    ends = [line.getMessage().rpartition("  ")[2] for line in caplog.records if line.getMessage().startswith("epoch")]
    assert ends == ["left 3:20:24", "left 1:40:12", "left 0:00:00"]


def test_the_file_is_written_now_and_then_and_after_every_validation(clock: Clock, tmp_path: Path) -> None:
    watched = watch(clock, tmp_path, seconds=4.0, max_epochs=1)
    # A step takes two seconds: every other one is written.
    assert [one.step for one in watched.steps] == [0, 2, 2, 4, 4, 6]
    assert [one.value for one in watched.epochs] == [0.25]


@pytest.mark.parametrize(
    ("settings", "steps", "epochs"),
    [
        ({"max_epochs": 3, "max_steps": 8}, 8, 2), ({"max_epochs": 2, "limit_train_batches": 2}, 4, 2),
        ({"max_epochs": 1, "accumulate_grad_batches": 4}, 2, 1), ({"max_epochs": -1, "max_steps": 8}, 8, 2),
    ],
)  # fmt: skip
def test_the_end_is_where_the_trainer_ends(
    clock: Clock, tmp_path: Path, settings: dict[str, Any], steps: int, epochs: int
) -> None:
    last = watch(clock, tmp_path, **settings).read()
    assert (last.step, last.steps, last.epoch, last.epochs, last.seconds_left) == (steps, steps, epochs, epochs, 0.0)


def test_a_run_that_goes_on_keeps_its_best(clock: Clock, tmp_path: Path) -> None:
    stopped = watch(clock, tmp_path, max_epochs=3, stop_at=13, seconds=1000.0).read()
    # The last step before the error is written too.
    assert (stopped.step, stopped.epoch, stopped.best, stopped.best_epoch) == (13, 3, 0.75, 2)
    went_on = watch(clock, tmp_path, max_epochs=3, resume=tmp_path / "run.ckpt")
    assert (went_on.steps[0].best, went_on.steps[0].best_epoch) == (0.75, 2)
    assert went_on.read().step == 18


def test_the_least_may_be_the_best(clock: Clock, tmp_path: Path) -> None:
    last = watch(clock, tmp_path, max_epochs=2, mode="min").read()
    assert (last.best, last.best_epoch, last.value) == (0.25, 1, 0.75)


def test_without_validation_there_is_no_score(clock: Clock, tmp_path: Path) -> None:
    last = watch(clock, tmp_path, max_epochs=1, limit_val_batches=0).read()
    assert (last.value, last.best, last.best_epoch, last.seconds_left) == (None, None, None, 0.0)


def test_a_full_disk_does_not_end_the_training(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    writes: list[int] = []

    def write(_folder: Path, found: Progress) -> None:
        writes.append(found.step)
        raise OSError("no space left on device")

    monkeypatch.setattr(progress, "write_progress", write)
    memory = shares(
        clock, DataLoader(Numbers(clock, 1.0)), ProgressFile(tmp_path, "val/score", "max", 0.0), max_epochs=1
    )
    assert memory == []
    assert writes[-1] == 6
    assert [line.getMessage() for line in caplog.records] == [
        f"{tmp_path / 'progress.json'} cannot be written: no space left on device"
    ]
