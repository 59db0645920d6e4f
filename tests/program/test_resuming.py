"""Runs that go on in the middle of an epoch: as they were, in other goes, and from what a spoilt disk has left."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

import posepyr
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.cli.main import main
from posepyr.errors import UsageError
from posepyr.running.launch import last_checkpoint
from posepyr.training.record import read_record

STEPS = 8
TINY = [
    "model.stacks=1", "model.width=16", "model.block.width=4", "model.depth=2", "data.input_size=[32,32]",
    "data.batch_size=4", "data.workers=0", f"data.source.train={4 * STEPS}", "data.source.val=6",
    "data.source.size=64", "trainer.max_epochs=2", "trainer=cpu", "trainer.log_every_n_steps=1", "progress=false",
    "test=false", "callbacks=frozen_norms", "callbacks.augmentation_sheet=null", "callbacks.prediction_sheet=null",
    # Plain descent, whose steps are as alike as their gradients.
    "optimizer=sgd", "optimizer.lr=1e-3", "checkpoint.every_n_steps=3",
]  # fmt: skip


class Stop(pl.Callback):
    """Ends a run with an error, so that it leaves the checkpoint of step 3 behind."""

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == 5:
            raise ValueError("stopped")


STOP = f"+callbacks.stop={{_target_: {__name__}.Stop}}"
GO_ON = "callbacks.stop=null"


def state(folder: Path) -> dict[str, torch.Tensor]:
    content = read_checkpoint(folder / "checkpoints" / "last.ckpt")
    assert content["global_step"] == 2 * STEPS
    weights: dict[str, torch.Tensor] = content["state_dict"]
    return weights


def logged(folder: Path, name: str) -> list[tuple[str, str]]:
    """What a run has logged under a name, with the steps."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [(row["step"], row[name]) for row in csv.DictReader(file) if row.get(name)]


def validated(folder: Path) -> list[str]:
    """The steps at which a run was validated."""
    return [step for step, _ in logged(folder, "val/pck")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert main(["train", *TINY, f"hydra.run.dir={folder}"]) == 0
    return folder


@pytest.mark.parametrize(("before", "after"), [(None, None), (None, 2), (2, None), (1, 2)])
def test_a_run_goes_on_in_the_goes_that_it_is_told(
    before: int | None, after: int | None, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    given = [] if before is None else [f"data.device_batch={before}"]
    assert main(["train", *TINY, *given, STOP, f"hydra.run.dir={folder}"]) == 1
    assert read_checkpoint(folder / "checkpoints" / "last.ckpt")["global_step"] == 3
    device_batch = "null" if after is None else after
    assert main(["train", "--resume", str(folder), GO_ON, f"data.device_batch={device_batch}"]) == 0
    ours, theirs = state(folder), state(whole)
    for key, value in theirs.items():
        if before == after:
            assert torch.equal(ours[key], value), key
        else:
            torch.testing.assert_close(ours[key], value, rtol=1e-4, atol=1e-5)
    assert validated(folder) == validated(whole) == [str(STEPS - 1), str(2 * STEPS - 1)]


@pytest.mark.parametrize("device_batch", [None, 2])
def test_a_run_that_ended_inside_an_epoch_trains_more_steps(device_batch: int | None, tmp_path: Path) -> None:
    # The second epoch, which is the last, ends after step 16.
    lines = [*TINY, "scheduler=constant", f"data.device_batch={device_batch or 'null'}"]
    whole, extended = tmp_path / "whole", tmp_path / "extended"
    assert main(["train", *lines, "trainer.max_steps=16", f"hydra.run.dir={whole}"]) == 0
    assert main(["train", *lines, "trainer.max_steps=11", f"hydra.run.dir={extended}"]) == 0
    for steps in (13, 16):
        assert main(["train", "--resume", str(extended), f"trainer.max_steps={steps}"]) == 0
    assert state(extended).keys() == state(whole).keys()
    assert all(torch.equal(value, state(whole)[key]) for key, value in state(extended).items())
    assert logged(extended, "train/loss") == logged(whole, "train/loss")
    assert logged(extended, "val/pck") == logged(whole, "val/pck")


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.mark.parametrize("changed", [[], ["optimizer.lr=1"], ["trainer.max_steps=3", "trainer.max_epochs=-1"]])
def test_a_complete_run_is_left_alone(changed: list[str], whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(whole)
    assert main(["train", "--resume", str(whole), *changed]) == 0
    said = capsys.readouterr().out
    assert f"the run in {whole} is complete, nothing is changed; to train longer:" in said
    assert "pck " in said
    assert contents(whole) == before
    scores = json.loads((whole / "metrics.json").read_text())
    assert posepyr.train(resume=whole).scores == scores
    assert contents(whole) == before


def test_a_complete_run_trains_longer_where_it_is_told_to(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert main(["train", *TINY, "trainer.max_epochs=1", f"hydra.run.dir={folder}"]) == 0
    assert main(["train", "--resume", str(folder), "trainer.max_epochs=2"]) == 0
    assert state(folder), "of all steps"
    [resume] = read_record(folder)["resumes"]
    assert resume["changed"] == {"trainer.max_epochs": [1, 2]}


def test_a_spoilt_checkpoint_is_passed_over(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    last, best = (folder / "checkpoints" / f"{name}.ckpt" for name in ("last", "best"))
    assert last_checkpoint(folder) == last
    assert capsys.readouterr().err == ""
    last.write_bytes(last.read_bytes()[:5000])
    assert last_checkpoint(folder) == best
    said = capsys.readouterr().err
    assert f"{last} must be a checkpoint of plain data and tensors; reading it failed" in said
    assert f"going on from {best} instead, after step {read_checkpoint(best)['global_step']}" in said
    best.unlink()
    with pytest.raises(ValueError, match=r"last\.ckpt must be a checkpoint"):
        last_checkpoint(folder)
    last.unlink()
    with pytest.raises(UsageError, match="has saved a checkpoint"):
        last_checkpoint(folder)
