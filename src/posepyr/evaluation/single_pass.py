"""One pass over a split: the part of an evaluation that pose networks and classifiers share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl

from posepyr.configuration.networks import Config, network_group
from posepyr.data.module import OrderedData
from posepyr.files import write_json
from posepyr.nodes import build
from posepyr.ranks import is_first, needs_local_processes
from posepyr.training.learner import Learner
from posepyr.training.process_state import quiet


class Evaluation(NamedTuple):
    """A checkpoint to score on a split, and where the results go."""

    checkpoint: Path
    split: str
    folder: Path
    submission: Path | None = None
    """File or folder for the predictions as the benchmark's server takes them."""
    verbose: bool = True

    def tell(self, text: str) -> None:
        """Print a text once for all processes, if anything is to be printed."""
        if self.verbose and is_first():
            print(text, flush=True)

    def write_reports(self, reports: Sequence[dict[str, Any]]) -> None:
        """Write the scores with how they were taken, a report for each kind of box."""
        write_json(self.folder / f"{self.split}_scores.json", reports)


def scores_of(
    config: Config,
    evaluation: Evaluation,
    name: str,
    *,
    task: Learner,
    data: OrderedData,
    callbacks: Sequence[Any] = (),
) -> dict[str, float]:
    """Return the scores of a task on its data's test split, as ``name/quantity``."""
    with quiet():
        trainer: pl.Trainer = build(
            in_this_process(config["trainer"]),
            "trainer",
            logger=False,
            callbacks=list(callbacks),
            default_root_dir=str(evaluation.folder),
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=bool(config["progress"]) and evaluation.verbose,
        )
        trainer.test(task, datamodule=data, verbose=False)
    scores = {key: float(value) for key, value in trainer.callback_metrics.items() if key.startswith("test")}
    return {name + key.removeprefix("test"): value for key, value in scores.items()}


def trusted_packages(config: Config) -> tuple[str, ...]:
    """Return the package of the configuration's network, of which a checkpoint may then name classes too."""
    node = config.get(network_group(config)) or {}
    return (str(node.get("_target_", "")).partition(".")[0],)


def in_this_process(trainer: dict[str, Any]) -> dict[str, Any]:
    """Return a trainer's settings for this process alone, unless a launcher started several.

    Scores are the same in any number of processes. A process that Lightning started would go over the command line
    again, and wait for a folder to be agreed on.
    """
    if not needs_local_processes(trainer):
        return trainer
    devices = trainer.get("devices")
    return {**trainer, "devices": devices[:1] if isinstance(devices, list) else 1, "strategy": "auto"}
