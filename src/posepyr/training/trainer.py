"""The trainer of a run: its logs, callbacks, checkpoints and plug-ins."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.plugins.environments import SLURMEnvironment  # type: ignore[attr-defined]  # not listed

from posepyr import slurm
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.configuration.networks import Config
from posepyr.nodes import build
from posepyr.ranks import is_first
from posepyr.training.build import make_callbacks
from posepyr.training.callbacks.interruption import BatchDivision, StopOnSignal, UnfinishedEpoch
from posepyr.training.callbacks.progress import ProgressFile, RichBar, TQDMBar
from posepyr.training.checkpointing import RoomForCheckpoints, WholeFiles
from posepyr.training.loggers.csv_log import CSVLog
from posepyr.training.scores import Scores

KEPT = 2
"""Checkpoints: the last and the best."""


def make_trainer(
    config: Config, folder: Path, resume: Path | None, stop: StopOnSignal, *first: pl.Callback
) -> pl.Trainer:
    """Build the trainer of a run folder; ``first`` are callbacks that are called before all others."""
    checkpoints, chosen = folder / "checkpoints", config["checkpoint"]
    callbacks = [
        *first,
        # Before the line of an epoch, which tells the time that is left.
        ProgressFile(folder, chosen["monitor"], chosen["mode"]),
        *make_callbacks(config),
        *_checkpoint_writers(checkpoints, chosen),
        stop,
        RoomForCheckpoints(checkpoints, KEPT, build(config["optimizer"], "optimizer")),
        UnfinishedEpoch(),
        BatchDivision(),
        *_progress_bar(config["progress"]),
        LearningRateMonitor("step"),
    ]
    trainer: pl.Trainer = build(
        config["trainer"],
        "trainer",
        logger=_loggers(config, folder, resume),
        callbacks=callbacks,
        default_root_dir=str(folder),
        plugins=[WholeFiles(), *_cluster()],
        enable_progress_bar=bool(config["progress"]),
    )
    return trainer


def _loggers(config: Config, folder: Path, resume: Path | None) -> list[Logger]:
    """Start the table of the run folder, which goes on after a resumed checkpoint, and the logger of the group."""
    table = CSVLog(folder)
    if resume is not None:
        table.resume(int(read_checkpoint(resume)["global_step"]))
    if not config.get("logger") or not is_first():
        return [table]
    return [table, build(config["logger"], "logger", folder=folder, name=config["name"], config=config)]


def _checkpoint_writers(folder: Path, settings: Mapping[str, Any]) -> list[pl.Callback]:
    """Return the callbacks that keep the newest and the best weights, each in one file."""
    steps = settings["every_n_steps"]
    fixed: dict[str, Any] = {"dirpath": folder, "auto_insert_metric_name": False, "enable_version_counter": False}
    writers = [
        # The best first: the last checkpoint, which runs go on from, has to know how good the best already is.
        ModelCheckpoint(filename="best", monitor=settings["monitor"], mode=settings["mode"], **fixed),
        ModelCheckpoint(filename="last", **fixed),
    ]
    if steps:
        writers.insert(0, ModelCheckpoint(filename="last", every_n_train_steps=steps, **fixed))
    return list(writers)


def _progress_bar(kind: str | bool | None) -> list[pl.Callback]:
    if not kind:
        return []
    return [RichBar() if kind == "rich" else TQDMBar()]


def _cluster() -> list[SLURMEnvironment]:
    """Return SLURM without Lightning's own way of queueing a job again, which resumes from another file than ours."""
    return [SLURMEnvironment(auto_requeue=False)] if slurm.is_task() else []


def summarise(loggers: list[Logger], scores: Scores) -> None:
    """Put the final scores into W&B's summary, where ``val/...`` are from then on those of the best epoch."""
    best = {name.removeprefix("best/"): score for name, score in scores.items() if name.startswith("best/")}
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.summary.update({**best, **scores})


@contextmanager
def finished_logs(loggers: list[Logger]) -> Iterator[None]:
    """Tell the loggers at the end how the run ended: of several runs in one process, each has a log of its own."""
    failed = True
    try:
        yield
        failed = False
    finally:
        for logger in loggers:
            if isinstance(logger, WandbLogger):
                logger.experiment.finish(exit_code=int(failed))
