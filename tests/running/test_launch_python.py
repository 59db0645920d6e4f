"""Training from Python: the same as from the command line, and the process as it was."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import numpy as np
import pytest
import pytorch_lightning as pl
import torch

import posepyr
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.cli.main import main
from posepyr.errors import FailedProcessError, UsageError
from posepyr.training.process_state import STATE

TINY = [
    "model.stacks=1", "model.width=16", "model.block.width=4", "model.depth=2", "data.input_size=[32,32]",
    "data.batch_size=4", "data.workers=0", "data.source.train=16", "data.source.val=6", "data.source.size=64",
    "trainer.max_epochs=1", "trainer=cpu", "trainer.log_every_n_steps=1", "test=false", "callbacks=frozen_norms",
    "callbacks.augmentation_sheet=null", "callbacks.prediction_sheet=null",
]  # fmt: skip
TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]

PROGRAM = f"""
import posepyr
config = posepyr.compose({[*TINY, *TWO]!r})
result = posepyr.train(config)
print("script", sorted(result.scores)[0], result.folder)
"""


class Fail(pl.Callback):
    """Ends a run with an error of its own."""

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == 2:
            raise ValueError("stopped")


FAIL = f"+callbacks.fail={{_target_: {__name__}.Fail}}"


def state() -> list[Any]:
    return [get() for get, _ in STATE]


def assert_same(before: Any, after: Any) -> None:
    if isinstance(before, torch.Tensor | np.ndarray):
        assert bool((before == after).all())
    elif isinstance(before, list | tuple):
        assert len(before) == len(after)
        for one, other in zip(before, after, strict=True):
            assert_same(one, other)
    elif isinstance(before, dict):
        # Loggers that came with the packages that a run loads are new.
        for key, value in before.items():
            assert_same(value, after[key])
    else:
        assert before == after


def test_a_training_is_that_of_the_command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "python"
    result = posepyr.train(posepyr.compose(TINY), folder=folder)
    assert capfd.readouterr() == ("", "")
    assert result.folder == folder
    assert result.scores == json.loads((folder / "metrics.json").read_text())
    assert main(["train", *TINY, f"hydra.run.dir={tmp_path / 'line'}"]) == 0
    assert json.loads((tmp_path / "line" / "metrics.json").read_text()) == result.scores
    ours, theirs = (read_checkpoint(tmp_path / name / "checkpoints" / "last.ckpt") for name in ("python", "line"))
    assert all(torch.equal(ours["state_dict"][key], value) for key, value in theirs["state_dict"].items())


@pytest.mark.parametrize("fails", [False, True])
def test_the_process_is_as_it_was(fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.random.seed(3)
    torch.manual_seed(3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        config = posepyr.compose(
            [*TINY, "threads=2", "trainer.deterministic=true", "trainer.benchmark=false", *([FAIL] if fails else [])]
        )
        # Only now: OpenCV, when it is imported, adds a variable for its own libraries.
        before, environment = state(), dict(os.environ)
        if fails:
            with pytest.raises(ValueError, match="stopped"):
                posepyr.train(config)
        else:
            posepyr.train(config)
        assert dict(os.environ) == environment
        assert_same(before, state())
    finally:
        torch.set_num_threads(threads)


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    with pytest.raises(ValueError, match="stopped"):
        posepyr.train(posepyr.compose([*TINY, FAIL, "checkpoint.every_n_steps=1"]), folder=folder)
    config = posepyr.compose([*TINY, "checkpoint.every_n_steps=1"])
    result = posepyr.train(config, resume=folder, verbose=True)
    assert "epoch 1/1" in capsys.readouterr().out
    assert result.folder == folder
    assert read_checkpoint(folder / "checkpoints" / "last.ckpt")["global_step"] == 4


def test_what_is_asked_for_is_checked(tmp_path: Path) -> None:
    config = posepyr.compose(TINY)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="folder must be new or empty"):
        posepyr.train(config, folder=tmp_path)
    with pytest.raises(UsageError, match="config must be given unless resume is"):
        posepyr.train()
    with pytest.raises(UsageError, match="folder must be left out with resume"):
        posepyr.train(config, folder=tmp_path / "new", resume=tmp_path)
    with pytest.raises(UsageError, match="--resume must name the folder of a run that has saved a checkpoint"):
        posepyr.train(config, resume=tmp_path)
    config["model"]["stcks"] = 3
    with pytest.raises(UsageError, match=r"model\.stcks is no argument .* did you mean model\.stacks\?"):
        posepyr.train(config)
    with pytest.raises(UsageError, match="config must be plain data"):
        posepyr.train(config | {"model": Fail()})


@pytest.mark.parametrize("how", ["standard input", pytest.param("script", marks=pytest.mark.long)])
def test_two_processes_start_from_anywhere(how: str, tmp_path: Path) -> None:
    """Also from a script without ``if __name__ == "__main__"``, which they never run."""
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-" if how == "standard input" else "program.py"],
        input=PROGRAM if how == "standard input" else None, cwd=tmp_path, capture_output=True, text=True, timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [folder] = (tmp_path / "runs" / "train").iterdir()
    assert done.stdout == f"script best/val/pck runs/train/{folder.name}\n"
    assert done.stderr == ""
    assert not list(folder.glob(".job*"))


@pytest.mark.filterwarnings("default")  # the kernel's client opens sockets that it leaves to the collector
def test_two_processes_start_from_a_notebook(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PROGRAM)])
    client = nbclient.NotebookClient(
        notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    printed = "".join(output.text for output in notebook.cells[0].outputs if output.output_type == "stream")
    assert "script best/val/" in printed
    assert len([*(tmp_path / "runs" / "train").iterdir()]) == 1


@pytest.mark.long
def test_the_error_of_a_process_arrives(tmp_path: Path) -> None:
    before = state()
    with pytest.raises(FailedProcessError, match=r"(?s)process \d of 2 failed:\n.*stopped"):
        posepyr.train(posepyr.compose([*TINY, *TWO, FAIL]), folder=tmp_path / "run")
    assert_same(before, state())
