"""Real trainings of a few steps under the clock, and the plain loop that they are compared with."""

import importlib.util
import json
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from posepyr.checkpoints.storage import read_checkpoint
from posepyr.configuration.compose import Composer
from posepyr.measurement import training_speed
from posepyr.measurement.training_speed import SpeedTask, TrainingSpeed
from posepyr.studies import training_benchmarks
from posepyr.studies.training_benchmarks import Training, measure
from posepyr.training.build import make_pose
from posepyr.training.callbacks.step_clock import StepClock
from posepyr.training.run import train
from support.places import ROOT

TINY = ["experiment=demo", "model.width=32", "model.depth=1", "data.input_size=[32,32]", "data.batch_size=2",
        "data.workers=0", "data.source.train=32", "data.source.val=2", "data.source.size=64",
        "progress=false", "threads=1"]  # fmt: skip
SCRIPT = ROOT / "experiments" / "benchmarks" / "bare_loop.py"


def test_a_training_that_is_over_too_soon(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in SpeedTask(steps=3, warmup=1, device="cpu", threads=1).environment().items():
        monkeypatch.setenv(name, value)
    overrides = [*TINY, "data.source.train=4", "trainer.max_epochs=1"]
    assert training_benchmarks.main(json.dumps(Training(overrides)._asdict())) == 1
    said = capsys.readouterr().err
    assert "posepyr: error: the training must take 7 steps to be measured, but was over before: lower " in said


def test_times_are_of_the_real_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its callbacks and its log are there, over the ends of epochs; nothing is logged elsewhere."""
    seen: dict[str, Any] = {}

    def watched(self: StepClock, trainer: pl.Trainer) -> TrainingSpeed:
        seen["callbacks"] = {type(callback).__name__ for callback in trainer.callbacks}  # type: ignore[attr-defined]
        seen["loggers"] = [type(logger).__name__ for logger in trainer.loggers]
        seen["rows"] = (Path(trainer.default_root_dir) / "metrics.csv").read_text().count("\n")
        return rate(self, trainer)

    rate = StepClock._rate
    monkeypatch.setattr(StepClock, "_rate", watched)
    overrides = [*TINY, "data.source.train=8", "logger=wandb", "trainer.log_every_n_steps=1"]
    speed = measure(Training(overrides), SpeedTask(steps=5, warmup=1, device="cpu", started=time.time()))
    assert {"DataWait", "StopOnDivergence", "EpochLine", "ModelCheckpoint", "LearningRateMonitor"} <= seen["callbacks"]
    assert seen["loggers"] == ["CSVLog"]
    assert seen["rows"] > 5
    assert speed.split_ms is not None
    assert speed.split_ms["forward"] > speed.split_ms["logging"]


def test_tf32_is_set_where_it_is_asked_for() -> None:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    try:
        for wanted in (False, True):
            with pytest.raises(ValueError, match=r"data\.batch_size must be positive"):
                measure(Training([*TINY, "data.batch_size=0"], None, wanted), SpeedTask(1, 1, "cpu"))
            assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == (wanted, wanted)
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@pytest.fixture(scope="module")
def bare_loop() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bare_loop", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_bare_loop_trains_the_same_weights(bare_loop: ModuleType, tmp_path: Path) -> None:
    """Six steps in two epochs: the same samples in the same order, targets, loss and optimizer."""
    overrides = [*TINY, "data.source.train=6", "scheduler=constant", "trainer.max_epochs=2", "test=false"]
    config = Composer().job([*overrides, "trainer=cpu"]).config
    train(config, tmp_path, overrides)
    expected = read_checkpoint(tmp_path / "checkpoints" / "last.ckpt")["state_dict"]
    torch.manual_seed(config["seed"])
    training, data, _ = make_pose(config, fresh=True)
    report = bare_loop.measure(training, data, config, SpeedTask(steps=4, warmup=2, device="cpu"))
    found = training.state_dict()
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, rtol=0, atol=0, msg=name)
    assert training_speed.read_speed(json.dumps(report), "bare loop").workers == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_a_training_on_a_gpu() -> None:
    speed = measure(Training(TINY, None, False), SpeedTask(steps=2, warmup=2, device="cuda", started=time.time()))
    assert speed.peak_bytes is not None
    assert 0 < speed.peak_bytes < 2**30
    assert speed.split_ms is not None
    assert all(milliseconds > 0 for milliseconds in speed.split_ms.values())
