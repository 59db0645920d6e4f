"""The scores of a run: of the weights that are kept, and of the last epoch. The metric is scripted: epoch 2 is best."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

import posepyr
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.training.record import read_record
from posepyr.training.run import train
from posepyr.training.scores import SCORES_KEY, best_scores, measured, objective
from support.scripted import SCRIPTED, Scripted, named

LEGACY = Path(__file__).parents[1] / "data_files" / "legacy"


class Stop(pl.Callback):
    """Ends a run with an error in its third epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.current_epoch == 2:
            raise ValueError("stopped")


def run(folder: Path, script: tuple[float, ...], *overrides: str, resume: Path | None = None) -> dict[str, float]:
    """Train with scripted scores; return those that are scripted."""
    Scripted.script = script
    scores = train(posepyr.compose([*SCRIPTED, *overrides]), folder, resume=resume)
    written = json.loads((folder / "metrics.json").read_text())
    assert list(written.items()) == list(scores.items())
    return {name: score for name, score in scores.items() if "/scripted" in name}


def test_scores_are_of_the_weights_that_are_kept(tmp_path: Path) -> None:
    scores = run(tmp_path, (0.25, 0.75, 0.5, 0.625))
    assert scores == named("best/val", 0.75) | named("test", 0.625) | named("last/val", 0.5)
    best = read_checkpoint(tmp_path / "checkpoints" / "best.ckpt")
    assert (best["epoch"], best[SCORES_KEY]["val/scripted"]) == (1, 0.75)
    assert read_record(tmp_path)["best"] == {"epoch": 2, "epochs": 3, "monitor": "val/scripted", "value": 0.75}
    assert {"best/val/pck", "test/pck", "last/val/pck"} < json.loads((tmp_path / "metrics.json").read_text()).keys()


def test_the_least_is_best_where_the_mode_says_so(tmp_path: Path) -> None:
    scores = run(tmp_path, (0.5, 0.25, 0.75), "checkpoint.mode=min", "test=false")
    assert scores == named("best/val", 0.25) | named("last/val", 0.75)


@pytest.mark.filterwarnings("ignore:.*could not find the monitored key")  # Lightning says that no best is chosen.
def test_without_validation_the_last_weights_are_tested(tmp_path: Path) -> None:
    assert run(tmp_path, (0.5,), "+trainer.limit_val_batches=0", "trainer.max_epochs=1") == named("test", 0.5)
    assert "best" not in read_record(tmp_path)


@pytest.mark.parametrize("before", [(0.75, 0.25), (0.25, 0.75)])
def test_the_best_epoch_keeps_its_scores_when_a_run_goes_on(before: tuple[float, ...], tmp_path: Path) -> None:
    stop = f"+callbacks.stop={{_target_: {__name__}.Stop}}"
    with pytest.raises(ValueError, match="stopped"):
        run(tmp_path, before, stop)
    last = tmp_path / "checkpoints" / "last.ckpt"
    expected = named("best/val", 0.75) | named("test", 0.625) | named("last/val", 0.5)
    assert run(tmp_path, (0.5, 0.625), resume=last) == expected
    # All epochs are over, as after a kill in the test: nothing is validated any more.
    assert run(tmp_path, (0.625,), resume=last) == expected
    assert read_record(tmp_path)["best"]["epoch"] == 1 + before.index(0.75)


def test_scores_come_from_the_file_that_holds_the_weights(tmp_path: Path) -> None:
    run(tmp_path, (0.25, 0.5), "trainer.max_epochs=2", "test=false")
    run(tmp_path / "other", (0.125,), "trainer.max_epochs=1", "test=false")
    shutil.copy(tmp_path / "other" / "checkpoints" / "best.ckpt", tmp_path / "checkpoints")
    last = tmp_path / "checkpoints" / "last.ckpt"
    scores = run(tmp_path, (), "trainer.max_epochs=2", "test=false", resume=last)
    assert scores == named("best/val", 0.125) | named("last/val", 0.5)
    assert read_record(tmp_path)["best"]["epoch"] == 1


def test_checkpoints_of_older_versions_tell_the_best_of_what_was_watched() -> None:
    content = read_checkpoint(LEGACY / "finished" / "checkpoints" / "best.ckpt")
    assert SCORES_KEY not in content
    assert best_scores(content, "val/pck") == {"val/pck": 0.0}
    assert best_scores(content, "val/other") == {}


def test_what_was_not_measured_is_left_out() -> None:
    metrics = {"val/pck": 0.5, "val/pck/hip": float("nan"), "train/loss": 1.0, "val_stage_1/pck": 0.25, "lr": 0.1}
    tensors = {name: torch.tensor(value) for name, value in metrics.items()}
    assert measured(tensors, "val/pck") == {"val/pck": 0.5, "val_stage_1/pck": 0.25}
    assert measured(tensors, "train/loss") == {"train/loss": 1.0, "val/pck": 0.5, "val_stage_1/pck": 0.25}


def test_the_objective_is_the_best_of_what_is_watched() -> None:
    config = {"checkpoint": {"monitor": "val/pck", "mode": "max"}}
    assert objective({"best/val/pck": 0.75, "last/val/pck": 0.5, "test/pck": 0.25}, config) == 0.75
    # Written by an older version, or without validation.
    assert objective({"val/pck": 0.5, "test/pck": 0.25}, config) is None
