"""Runs that are told to end: they save, say how to go on, and what follows is as if nothing had happened."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

import posepyr
from posepyr import slurm
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.cli.main import main
from posepyr.training.record import read_state

TINY = [
    "model.stacks=1", "model.width=16", "model.block.width=4", "model.depth=2", "data.input_size=[32,32]",
    "data.batch_size=4", "data.workers=0", "data.source.train=96", "data.source.val=6", "data.source.size=64",
    "trainer.max_epochs=2", "trainer=cpu", "trainer.log_every_n_steps=1", "progress=false", "test=false",
    "callbacks=none",
]  # fmt: skip


def state(folder: Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = read_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"]
    return weights


def stop_at_step(
    folder: Path, number: int, step: int, *overrides: str, group: bool = False
) -> subprocess.CompletedProcess[str]:
    """Starts a run, sends it or its whole group a signal once it has logged a step, and waits for its end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "posepyr", "train", *TINY, *overrides, f"hydra.run.dir={folder}"],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=group,
    )  # fmt: skip
    table = folder / "metrics.csv"
    while process.poll() is None:
        if table.exists() and table.read_text().count("\n") > step:
            (os.killpg if group else os.kill)(process.pid, number)
            break
    out, error = process.communicate(timeout=240)
    return subprocess.CompletedProcess([], process.returncode, out, error)


@pytest.mark.parametrize(
    ("number", "devices"),
    [
        (signal.SIGTERM, 1),
        (signal.SIGTERM, 2),
        pytest.param(signal.SIGINT, 2, marks=pytest.mark.long),
        pytest.param(signal.SIGUSR1, 1, marks=pytest.mark.long),
    ],
)
def test_a_signal_saves_and_ends_and_the_rest_is_the_same(number: int, devices: int, tmp_path: Path) -> None:
    several = ["trainer=ddp", "trainer.accelerator=cpu", f"trainer.devices={devices}"] if devices > 1 else []
    stopped = stop_at_step(tmp_path / "stopped", number, 7, *several)
    assert stopped.returncode == 128 + number, stopped.stderr
    assert f"stopped by {signal.Signals(number).name} after step" in stopped.stderr
    assert f"go on with posepyr train --resume {tmp_path / 'stopped'}" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert read_checkpoint(tmp_path / "stopped" / "checkpoints" / "last.ckpt")["global_step"] < 48
    if devices == 1:
        assert main(["train", "--resume", str(tmp_path / "stopped")]) == 0
        assert main(["train", *TINY, f"hydra.run.dir={tmp_path / 'whole'}"]) == 0
        one, other = state(tmp_path / "stopped"), state(tmp_path / "whole")
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_signal_to_the_whole_group_leaves_the_workers_until_all_is_saved(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    # Shorter than what is read ahead, an epoch would not notice that the workers are gone.
    stopped = stop_at_step(folder, signal.SIGTERM, 2, "data.workers=2", group=True)
    assert stopped.returncode == 128 + signal.SIGTERM, stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert "stopped by SIGTERM after step" in stopped.stderr
    assert (folder / "checkpoints" / "last.ckpt").is_file()
    assert read_state(folder) == "stopped"


class Signal(pl.Callback):
    """Sends this process a signal at a point of the run: in its fourth step twice, or at the start of a phase."""

    def __init__(self, at: str, number: int = signal.SIGINT) -> None:
        self.at, self.number = at, number

    def _send(self, at: str) -> None:
        if at == self.at:
            os.kill(os.getpid(), self.number)

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == 3:
            self._send("step")
            self._send("step twice")
            self._send("step twice")

    def on_validation_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == 4:
            self._send("last validation")

    def on_sanity_check_start(self, *_: Any) -> None:
        self._send("sanity check")

    def on_test_start(self, *_: Any) -> None:
        self._send("test")


GO_ON = "; go on with posepyr train --resume {folder}"
SHORT = [*TINY, "trainer.max_epochs=1", "data.source.train=16", "data.source.test=6", "test=true"]


def sends(at: str, number: int = signal.SIGINT) -> str:
    return f"+callbacks.signal={{_target_: {__name__}.Signal, at: {at}, number: {int(number)}}}"


@pytest.mark.parametrize(
    ("at", "number", "saved"),
    [
        ("step", signal.SIGINT, f" after step 4, which is saved{GO_ON}"),
        ("step twice", signal.SIGINT, "; nothing is saved yet"),
        ("last validation", signal.SIGINT, f" after step 4, which is saved{GO_ON}"),
        ("sanity check", signal.SIGINT, "; nothing is saved yet"),
        ("test", signal.SIGTERM, f"; {{folder}}/checkpoints/last.ckpt is as it was{GO_ON}"),
    ],
)  # fmt: skip
def test_a_signal_ends_a_run_with_one_line(
    at: str, number: int, saved: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    sanity = ["trainer.num_sanity_val_steps=1"] if at == "sanity check" else []
    with pytest.raises(SystemExit) as end:
        main(["train", *SHORT, *sanity, sends(at, number), f"hydra.run.dir={folder}"])
    assert end.value.code == 128 + number
    said = f"posepyr: stopped by {signal.Signals(number).name}{saved.format(folder=folder)}\n"
    assert capsys.readouterr().err == said
    assert read_state(folder) == "stopped"
    assert not (folder / "metrics.json").exists()


def test_python_is_interrupted_once_the_step_is_saved(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        posepyr.train(posepyr.compose([*SHORT, sends("step")]), folder=folder)
    assert read_checkpoint(folder / "checkpoints" / "last.ckpt")["global_step"] == 4
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_run_leaves_the_signals_as_they_were(tmp_path: Path) -> None:
    numbers = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    assert main(["train", *TINY, "trainer.max_epochs=1", f"hydra.run.dir={tmp_path / 'run'}"]) == 0
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_job_that_slurm_starts_again_goes_on_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    dated = f"hydra.run.dir={tmp_path}/runs/" + "${now:%H-%M-%S-%f}"
    assert slurm.recall() is None
    assert main(["train", *TINY, "trainer.max_epochs=1", dated]) == 0
    assert slurm.recall() is None, "it was not started again"
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert main(["train", *TINY, "trainer.max_epochs=1", dated]) == 0
    assert "SLURM has started this job again: it goes on in" in capsys.readouterr().out
    assert len([*(tmp_path / "runs").iterdir()]) == 1
    monkeypatch.setenv("SLURM_JOB_ID", "18")
    assert slurm.recall() is None, "another job"


def test_a_folder_without_anything_saved_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    slurm.remember(tmp_path)
    assert slurm.recall() is None
