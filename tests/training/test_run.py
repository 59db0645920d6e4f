"""A run from start to end: what its record says meanwhile, at its end, and when it goes on."""

import json
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import yaml

from posepyr.cli.main import main
from posepyr.training.record import read_record, read_state

TINY = [
    "model.stacks=1", "model.width=16", "model.block.width=4", "model.depth=2", "data.input_size=[32,32]",
    "data.batch_size=4", "data.workers=0", "data.source.train=16", "data.source.val=6", "data.source.size=64",
    "trainer.max_epochs=1", "trainer=cpu", "trainer.log_every_n_steps=1", "progress=false", "test=false",
    "callbacks=none", "checkpoint.every_n_steps=1",
]  # fmt: skip


class Watch(pl.Callback):
    """Keeps how the run stands at its third step, and fails there if it is told to."""

    seen = ""

    def __init__(self, fail: bool = False) -> None:
        self.fail = fail

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == 2:
            Watch.seen = read_state(Path(trainer.default_root_dir))
            if self.fail:
                raise ValueError("stopped")


WATCH = f"+callbacks.watch={{_target_: {__name__}.Watch, fail: true}}"


def test_a_run_records_that_it_runs_fails_goes_on_and_is_finished(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert main(["train", *TINY, WATCH, f"hydra.run.dir={folder}"]) == 1
    assert Watch.seen == "running"
    assert read_state(folder) == "failed"
    assert read_record(folder)["end"]["error"] == "ValueError: stopped"
    Watch.seen = ""
    assert main(["train", "--resume", str(folder), "callbacks.watch.fail=false", "optimizer.lr=0.5"]) == 0
    assert Watch.seen == "running"
    record = read_record(folder)
    assert record["end"]["state"] == "finished"
    assert record["end"]["error"] is None
    assert record["overrides"] == [*TINY, WATCH]
    [resume] = record["resumes"]
    assert resume["step"] == 2
    assert resume["overrides"] == ["callbacks.watch.fail=false", "optimizer.lr=0.5"]
    assert resume["changed"] == {"optimizer.lr": [0.0007, 0.5], "callbacks.watch.fail": [True, False]}
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["optimizer"]["lr"] == 0.5
    assert json.loads((folder / "metrics.json").read_text())["best/val/pck"] >= 0


def test_a_run_whose_parts_cannot_be_built_has_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    assert main(["train", *TINY, "data.source.train=2", f"hydra.run.dir={folder}"]) == 1
    assert "the training split must hold at least one batch" in capsys.readouterr().err
    assert "the training split must hold at least one batch" in read_record(folder)["end"]["error"]


def test_a_rerun_knows_the_run_that_it_repeats(tmp_path: Path) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    assert main(["train", *TINY, "name=old", f"hydra.run.dir={first}"]) == 0
    new = ["optimizer=sgd", "seed=1", "callbacks.line={_target_: posepyr.training.callbacks.progress.EpochLine}"]
    assert main(["train", "--rerun", str(first), *new, f"hydra.run.dir={again}"]) == 0
    record = read_record(again)
    assert record["overrides"] == [*TINY, "name=old", *new]
    assert record["rerun_of"] == str(first)
    config = yaml.safe_load((again / "config.yaml").read_text())
    assert config["name"] == "old"
    assert config["optimizer"]["_target_"] == "torch.optim.SGD"
