"""Runs that are killed at any moment, while they save too: gone on with, they end bit-equal to one that was not."""

import csv
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from posepyr.checkpoints.storage import read_checkpoint

EPOCHS, STEPS = 4, 12
TINY = [
    "model.stacks=1", "model.width=16", "model.block.width=4", "model.depth=2", "data.input_size=[32,32]",
    "data.batch_size=4", "data.workers=0", f"data.source.train={4 * STEPS}", "data.source.val=6", "data.source.test=6",
    "data.source.size=64", f"trainer.max_epochs={EPOCHS}", "trainer=cpu", "trainer.log_every_n_steps=1",
    "progress=false", "callbacks=ema", "callbacks.augmentation_sheet=null", "callbacks.prediction_sheet=null",
    "checkpoint.every_n_steps=1",
]  # fmt: skip

PATIENCE = 240


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "posepyr", "train", *arguments], env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said


def rows(folder: Path) -> list[dict[str, str]]:
    """What a run has logged, but for how long things took."""
    if not (folder / "metrics.csv").exists():
        return []
    with (folder / "metrics.csv").open(newline="") as file:
        found = [
            {name: value for name, value in row.items() if name and not name.startswith("time/")}
            for row in csv.DictReader(file)
        ]
    return [row for row in found if any(value for name, value in row.items() if name not in ("epoch", "step"))]


def kill_at(process: subprocess.Popen[str], folder: Path, step: int, pause: float) -> None:
    """Ends a run by force once it has logged a step, and a moment later."""
    deadline = time.monotonic() + PATIENCE
    while not any(row["step"] == str(step) for row in rows(folder)):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(pause)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


def assert_equal(one: Any, other: Any, where: str = "") -> None:
    """Nested data, the same to the last bit."""
    if isinstance(one, Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key, value in one.items():
            assert_equal(value, other[key], f"{where}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for number, (value, its) in enumerate(zip(one, other, strict=True)):
            assert_equal(value, its, f"{where}/{number}")
    else:
        assert one == other, where


def assert_same_run(one: Path, other: Path) -> None:
    for name in ("last", "best"):
        ours, theirs = (read_checkpoint(folder / "checkpoints" / f"{name}.ckpt") for folder in (one, other))
        for part in ("state_dict", "current_model_state", "averaging_state", "optimizer_states", "lr_schedulers"):
            assert part in ours, part
            assert_equal(ours[part], theirs[part], part)
        assert_equal(ours["generators"], theirs["generators"], "generators")
        assert ours["global_step"] == theirs["global_step"]
    assert sorted(rows(one), key=str) == sorted(rows(other), key=str)
    scores = [json.loads((folder / "metrics.json").read_text()) for folder in (one, other)]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.long)])
def test_a_run_that_is_killed_at_random_moments_ends_as_if_it_had_not_been(kills: int, tmp_path: Path) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")  # of the moments, for the one time that it fails
    moments = random.Random(seed)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = start(*TINY, f"hydra.run.dir={killed}")
    # Each of them in a stretch of the run of its own, so that there is always something left.
    bounds = [number * (EPOCHS * STEPS - 8) // kills for number in range(kills + 1)]
    for lower, upper in itertools.pairwise(bounds):
        step, pause = moments.randrange(lower + 1, upper), moments.uniform(0, 0.05)
        print(f"killed {pause:.4f} s after step {step}")
        kill_at(process, killed, step, pause)
        assert read_checkpoint(killed / "checkpoints" / "last.ckpt")["global_step"] < EPOCHS * STEPS
        process = start("--resume", str(killed))
    ended(process)
    ended(start(*TINY, f"hydra.run.dir={whole}"))
    assert_same_run(whole, killed)
    assert not list(killed.rglob("*.part*"))
