"""Trainings timed in turn, and the making of their samples.

A training has a process of its own, which trains as ``posepyr train`` does or runs another program.

A training of ours is ``python -m posepyr.studies.training_benchmarks TRAINING``, where TRAINING is JSON. It runs in
a folder that vanishes afterwards, and reports as any other program does.
"""

import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import torch

from posepyr import errors
from posepyr.configuration.compose import compose
from posepyr.configuration.networks import Config, network_group
from posepyr.errors import UsageError
from posepyr.measurement.loading import measure_loader, measure_one_core, picture_kind
from posepyr.measurement.machine import describe_benchmark
from posepyr.measurement.timing import Budget, repeat_rounds
from posepyr.measurement.training_speed import SpeedTask, TrainingSpeed, run_program, summarise_speeds
from posepyr.training.build import make_data


class Training(NamedTuple):
    """A training of ours to be measured."""

    overrides: list[str]
    config_dir: str | None = None
    tf32: bool | None = None
    """Rounding to TF32 in 32-bit convolutions and products on a GPU; None leaves it as Torch has it."""

    def to_dict(self) -> dict[str, Any]:
        """Return the training as plain data; a mistake in its overrides is found here."""
        config = compose(self.overrides, self.config_dir)
        return {
            "overrides": self.overrides,
            "network": config[network_group(config)]["_target_"],
            "batch": config["data"]["batch_size"],
            "precision": str(config["trainer"].get("precision") or "32-true"),
            "compiled": config["compile"],
            "tf32": self.tf32,
        }

    def command(self) -> list[str]:
        """Return the command that measures the training."""
        return [sys.executable, "-m", "posepyr.studies.training_benchmarks", json.dumps(self._asdict())]


def measure_trainings(
    trainings: Sequence[Training],
    baselines: Sequence[str],
    task: SpeedTask,
    budget: Budget,
    *,
    begin: Callable[[dict[str, Any]], object] = lambda _: None,
    begin_round: Callable[[int], object] = lambda _: None,
) -> dict[str, Any]:
    """Measure trainings and the commands of other programs; return the report as plain data.

    ``begin`` gets the report without figures beforehand, ``begin_round`` the number of each round.
    """
    commands = [(one.command(), f"training {number}") for number, one in enumerate(trainings, 1)]
    commands += [(split_command(text), f"baseline {text!r}") for text in baselines]
    entries = [*(training.to_dict() for training in trainings), *({"command": text} for text in baselines)]
    report: dict[str, Any] = {
        "machine": describe_benchmark(task.device),
        "limits": {"steps": task.steps, **budget._asdict(), "warmup": task.warmup},
        "programs": entries,
    }
    begin(report)
    programs = [partial(run_program, command, task, name) for command, name in commands]
    speeds = repeat_rounds(programs, budget, begin=begin_round)
    report["rounds"] = len(speeds[0])
    for entry, own in zip(entries, speeds, strict=True):
        entry |= summarise_speeds(own, speeds[0])
    return report


def split_command(text: str) -> list[str]:
    """Return the words of a baseline's command."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"baseline must hold a command, got {text!r}: {error}") from error
    if not words:
        raise UsageError("baseline must hold a command, got nothing")
    return words


def main(text: str) -> int:
    """Measure the training that JSON describes, print the measurements as the last line, return the exit code."""
    try:
        speed = measure(Training(**json.loads(text)), SpeedTask.read(os.environ))
    except Exception as error:
        errors.report(error)
        return errors.exit_code(error)
    print(f"\n{json.dumps(speed._asdict())}", flush=True)
    return errors.COMPLETED


def measure(training: Training, task: SpeedTask) -> TrainingSpeed:
    """Train for the steps of a task and return the measurements."""
    from posepyr.training.callbacks.step_clock import MeasuredError
    from posepyr.training.run import train

    if training.tf32 is not None:
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = training.tf32
    config = with_clock(compose(training.overrides, training.config_dir), task)
    with tempfile.TemporaryDirectory(prefix="posepyr-bench-") as folder:
        try:
            train(config, Path(folder), training.overrides)
        except MeasuredError as end:
            return end.speed
    raise ValueError(
        f"the training must take {task.warmup + 2 * task.steps} steps to be measured, but was over before: "
        "lower --steps, or raise trainer.max_epochs"
    )


def with_clock(config: Config, task: SpeedTask) -> Config:
    """Return a configuration with a clock among its callbacks, on one device, logging to its folder alone."""
    clock = {"_target_": "posepyr.training.callbacks.step_clock.StepClock", **task._asdict()}
    del clock["threads"]
    accelerator = "gpu" if task.device == "cuda" else "cpu"
    return config | {
        # The clock comes first, so that it stops before other callbacks begin their work at the end of an epoch.
        "callbacks": {"step_clock": clock, **(config.get("callbacks") or {})},
        "trainer": config["trainer"] | {"accelerator": accelerator, "devices": 1},
        "threads": task.threads or config["threads"],
        "logger": None,
        "test": False,
    }


def measure_samples(
    overrides: Sequence[str],
    *,
    config_dir: str | None = None,
    split: str = "train",
    workers: int | None = None,
    count: int,
    seconds: float,
) -> dict[str, Any]:
    """Measure the making of samples and return the report as plain data.

    One core makes ``count`` samples a round for ``seconds``, and so long do the loader's ``workers`` (None: those of
    the configuration). Only ``train`` is augmented.
    """
    machine = describe_benchmark("cpu") | {"opencv": cv2.__version__}
    chosen = [*overrides, *([] if workers is None else [f"data.workers={workers}"])]
    data = make_data(compose(chosen, config_dir))
    samples = data.samples(split, augment=split == "train")
    if not len(samples):
        raise ValueError(f"split must name a split with samples, got {split}, which has none")
    kind = picture_kind(samples)
    return {
        "machine": machine,
        "overrides": list(overrides),
        "split": split,
        "size": len(samples),
        "pictures": None if kind is None else kind._asdict(),
        "one_process": measure_one_core(samples, count, Budget(0, sys.maxsize, seconds)),
        "loader": measure_loader(data, samples, seconds),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
