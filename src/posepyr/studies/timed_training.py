"""One turn of a training that is measured: ``python -m posepyr.studies.timed_training SETTINGS``, which is JSON.

It is the training that ``posepyr train`` does, in a folder that vanishes afterwards, and speaks like any baseline.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import torch

from posepyr import errors
from posepyr.configuration.compose import Composer
from posepyr.measurement.training_speed import Task


class Settings(NamedTuple):
    """What is trained."""

    overrides: list[str]
    config_dir: str | None
    tf32: bool | None
    """Whether a GPU may round to TF32 in 32-bit convolutions and products; None leaves it as Torch has it."""


def main(settings: str) -> int:
    """Measure, and print the report as the last line."""
    try:
        turn = measure(Settings(**json.loads(settings)), Task.read(os.environ))
    except Exception as error:
        errors.report(error)
        return errors.exit_code(error)
    print(f"\n{json.dumps(turn._asdict())}", flush=True)
    return errors.COMPLETED


def measure(settings: Settings, task: Task) -> Any:
    """What a training's clock found."""
    from posepyr.training.callbacks.step_clock import MeasuredError
    from posepyr.training.run import train

    if settings.tf32 is not None:
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = settings.tf32
    config = measured(Composer(settings.config_dir).job(settings.overrides).config, task)
    with tempfile.TemporaryDirectory(prefix="posepyr-bench-") as folder:
        try:
            train(config, Path(folder), settings.overrides)
        except MeasuredError as end:
            return end.turn
    raise ValueError(
        f"the training must take {task.warmup + 2 * task.steps} steps to be measured, but was over before: "
        "lower --steps, or raise trainer.max_epochs"
    )


def measured(config: dict[str, Any], task: Task) -> dict[str, Any]:
    """A run's configuration with the clock among its callbacks, on one device, and without a log beyond its folder."""
    clock = {"_target_": "posepyr.training.callbacks.step_clock.StepClock", **task._asdict()}
    del clock["threads"]
    accelerator = "gpu" if task.device == "cuda" else "cpu"
    return config | {
        # First, so that it stops before others begin with what comes at the end of an epoch.
        "callbacks": {"step_clock": clock, **(config.get("callbacks") or {})},
        "trainer": config["trainer"] | {"accelerator": accelerator, "devices": 1},
        "threads": task.threads or config["threads"],
        "logger": None,
        "test": False,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
