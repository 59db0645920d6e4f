"""One pass over a test split: what the evaluations of every kind of network share."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from posepyr.data.module import OrderedData
from posepyr.files import write_text
from posepyr.nodes import build
from posepyr.training.devices import needs_local_processes
from posepyr.training.build import Config
from posepyr.training.learner import Learner
from posepyr.training.quiet import quiet


def scores_of(
    config: Config, task: Learner, data: OrderedData, name: str, folder: Path, callbacks: Sequence[pl.Callback] = ()
) -> dict[str, float]:
    """The scores of a task on its data's test split, under a name."""
    with quiet():
        trainer: pl.Trainer = build(
            alone(config["trainer"]),
            logger=False,
            callbacks=list(callbacks),
            default_root_dir=str(folder),
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=bool(config["progress"]),
        )
        trainer.test(task, datamodule=data, verbose=False)
    found = {key: float(value) for key, value in trainer.callback_metrics.items() if key.startswith("test")}
    return {name + key.removeprefix("test"): value for key, value in found.items()}


def alone(trainer: dict[str, Any]) -> dict[str, Any]:
    """A trainer's settings for this process alone, unless a launcher started several.

    Scores are the same in any number of processes; a process that Lightning started would go over the command line
    again, and wait for a folder to be agreed on.
    """
    if not needs_local_processes(trainer):
        return trainer
    devices = trainer.get("devices")
    return {**trainer, "devices": devices[:1] if isinstance(devices, list) else 1, "strategy": "auto"}


def write_reports(folder: Path, split: str, reports: Sequence[dict[str, Any]]) -> None:
    """Write the scores of a split with how they were taken, a report a row."""
    write_text(folder / f"{split}_scores.json", json.dumps(reports, indent=2) + "\n")
