"""Runs that run out of memory: their message, what is tried, and that nothing is lost."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from posepyr.checkpoints.storage import read_checkpoint
from posepyr.cli.main import main
from posepyr.configuration.compose import Composer
from posepyr.errors import OutOfMemoryError
from posepyr.files import format_bytes
from posepyr.measurement.timing import Settings
from posepyr.running import local_processes
from posepyr.training import run
from posepyr.training.memory import advice
from posepyr.training.memory.advice import out_of_memory_error, training_step, with_advice
from posepyr.training.memory.out_of_memory import DeviceMemory, OutOfMemoryEvent, Trial
from posepyr.training.memory.remedies import counted_memory
from support.exhausting import TINY

GIB = 2**30


def exhausting(name: str = "ExhaustsMemory", **arguments: Any) -> str:
    given = "".join(f", {key}: {value}" for key, value in arguments.items())
    return "+callbacks.exhausting={_target_: support.exhausting." + name + given + "}"


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], Settings, str]]:
    """What was tried: as it was it does not fit, then each takes a GiB more than the one before."""
    calls: list[tuple[dict[str, Any], Settings, str]] = []

    def trial(make: Any, device: str, _threads: int, seconds: float) -> Trial:
        assert 0 < seconds <= advice.TRIAL_SECONDS
        assert make.func is training_step
        calls.append((make.args[0], make.args[1], device))
        return Trial(True, (len(calls) - 1) * GIB) if len(calls) > 1 else Trial(False)

    monkeypatch.setattr(advice, "try_in_new_process", trial)
    return calls


@pytest.mark.parametrize("how", ["real", "cuda"])
def test_a_step_that_does_not_fit(
    how: str, tried: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *TINY, exhausting(how=how), f"hydra.run.dir={tmp_path / 'run'}"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "out of memory in training step 3, on cpu of " in said
    assert "tried: StackedHourglass, 64 x 64 pixels, 4 samples at a time, precision 32-true, recompute=false\n" in said
    lines = [
        line.split() for line in said.partition("a training step takes, measured just now on cpu\n")[2].split("\n")
    ]
    assert [line[0] for line in lines[:5]] == [
        "(as", "data.device_batch=2", "recompute=true", "trainer.precision=bf16-mixed", "data.input_size=[32,32]"
    ]  # fmt: skip
    assert lines[0][3:] == ["does", "not", "fit"]
    assert [line[1] for line in lines[1:5]] == ["1.00", "2.00", "3.00", "4.00"]
    assert f"go on with posepyr train --resume {tmp_path / 'run'} and one of these" in said
    assert [settings for _, settings, _ in tried] == [
        Settings((64, 64), 4), Settings((64, 64), 2), Settings((64, 64), 4), Settings((64, 64), 4, "bf16"),
        Settings((32, 32), 4),
    ]  # fmt: skip
    assert [config["recompute"] for config, _, _ in tried] == [False, False, True, False, False]
    # What there was stays: two steps and their checkpoint, with which one of the settings goes on.
    assert read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")["global_step"] == 2
    assert (tmp_path / "run" / "metrics.csv").read_text().count("\n0,") == 2
    if how == "real":
        resumed = ["--resume", str(tmp_path / "run"), "callbacks.exhausting=null", "data.device_batch=2"]
        assert main(["train", *resumed]) == 0
        assert read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")["global_step"] == 8


def test_validation_and_building_are_told_apart(
    tried: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["train", *TINY, exhausting("ExhaustsMemoryInValidation"), f"hydra.run.dir={tmp_path / 'run'}"]) == 1
    assert "out of memory in the validation after training step 4, on cpu" in capsys.readouterr().err
    monkeypatch.setattr(run, "make_run", lambda *_, **__: torch.empty(1 << 55, dtype=torch.uint8))
    assert main(["train", *TINY, f"hydra.run.dir={tmp_path / 'other'}"]) == 1
    said = capsys.readouterr().err
    assert "out of memory in the making of network and data, on cpu" in said
    assert "start again with one of these" in said


def test_what_cannot_be_tried_is_counted(
    tried: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Composer().job(TINY).config
    event = OutOfMemoryEvent("training step 1", "cpu", DeviceMemory(8 * GIB, GIB, GIB), beside_gpu=False)
    error = with_advice(out_of_memory_error(event, config), config, tmp_path, False)
    assert not tried
    assert "counted: the optimizer's state comes on top" in str(error)
    assert f"{format_bytes(counted_memory(config).peak)}\n" in str(error)
    assert "trainer.precision=bf16-mixed  not counted" in str(error)
    monkeypatch.setattr(advice, "try_in_new_process", lambda *_: Trial(None))
    error = with_advice(error, config, tmp_path, True)
    assert str(error).count(" (counted)") == 4


def test_a_gpu_is_named_with_its_memory(tried: list[Any], tmp_path: Path) -> None:
    config = Composer().job([*TINY, "trainer.devices=2"]).config
    found = OutOfMemoryEvent("training step 1", "cuda:1", DeviceMemory(80 * GIB, GIB // 2, 78 * GIB), False)
    said = str(out_of_memory_error(found, config))
    assert "on cuda:1 of 80.0 GiB; this process had taken 78.0 GiB, 512 MiB are free now" in said
    assert "2 samples at a time in each of 2 processes" in said
    with_advice(out_of_memory_error(found, config), config, tmp_path, True)
    assert {device for _, _, device in tried} == {"cuda:1"}


def test_the_machines_memory_is_not_the_gpus(tried: list[Any], tmp_path: Path) -> None:
    config = Composer().job(TINY).config
    found = OutOfMemoryEvent("training step 1", "cpu", DeviceMemory(8 * GIB, GIB, GIB), beside_gpu=True)
    error = with_advice(out_of_memory_error(found, config), config, tmp_path, True)
    assert "lower data.workers" in str(error)
    assert not tried


def test_the_error_of_one_of_several_processes_reaches_the_one_that_started_it(
    tried: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    config = Composer().job([*TINY, exhausting()]).config
    job = tmp_path / local_processes.JOB
    job.write_text(json.dumps({"config": config, "folder": str(tmp_path), "overrides": [], "resume": None}))
    assert local_processes.main(job) == 1
    assert not tried, "the other processes still hold memory"
    error = local_processes.process_error(config, tmp_path, number=0, count=2, code=1)
    assert isinstance(error, OutOfMemoryError)
    assert str(error).startswith("process 0 of 2 ran out of memory in training step 3, on cpu")
    assert len(tried) == 5


@pytest.mark.parametrize("more", [[], ["recompute=true"], ["trainer.devices=2"]])
def test_a_step_that_is_tried_is_a_whole_one(more: list[str]) -> None:
    torch.manual_seed(0)
    config = Composer().job([*TINY, *more]).config
    call = training_step(config, Settings((64, 64), 2), "cpu")
    call.prepare()
    call.run()


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="limits of the address space are Linux's")
def test_a_real_shortage_is_measured_and_its_remedies_fit(tmp_path: Path) -> None:
    script = f'ulimit -v {2400 * 1024}; exec {sys.executable} -m posepyr "$@"'
    large = [
        "model.block.width=null",
        "model.width=256",
        "model.stacks=1",
        "model.depth=4",
        "data.input_size=[256,256]",
    ]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-c", script, "posepyr", "train", *arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)

    failed = run(*TINY, *large, "data.batch_size=8", f"hydra.run.dir={tmp_path / 'run'}")
    assert failed.returncode == 1
    assert "out of memory in training step 1, on cpu of 2.34 GiB" in failed.stderr
    assert "Traceback" not in failed.stderr
    table = failed.stderr.partition("measured just now on cpu\n")[2].splitlines()
    assert "does not fit" in table[0]
    assert table[1].split()[0] == "data.device_batch=4"
    amount, unit = table[1].split()[1:3]
    assert 200 < float(amount) * {"MiB": 1, "GiB": 1024}[unit] < 2048
    helped = run(*TINY, *large, "data.batch_size=8", "data.device_batch=4", f"hydra.run.dir={tmp_path / 'again'}")
    assert helped.returncode == 0, helped.stderr
