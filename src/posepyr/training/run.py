"""``posepyr train``: one run, from a composed configuration to scores."""

import gc
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import LearningRateMonitor, ModelCheckpoint, RichProgressBar, TQDMProgressBar
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.plugins.environments import SLURMEnvironment  # type: ignore[attr-defined]

from posepyr import slurm
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.data.module import OrderedData
from posepyr.files import remove_leftovers, write_text
from posepyr.nodes import build
from posepyr.ranks import is_first
from posepyr.training.build import Config, make_callbacks, make_run
from posepyr.training.callbacks.batch_division import Regrouping
from posepyr.training.callbacks.stop_on_signal import StopOnSignal
from posepyr.training.checkpointing import RoomForCheckpoints, WholeFiles
from posepyr.training.learner import Learner
from posepyr.training.loggers.csv_log import CSVLog
from posepyr.training.memory.advice import out_of_memory_error
from posepyr.training.memory.out_of_memory import OutOfMemoryRecorder, is_out_of_memory, locate
from posepyr.training.memory.recompute import recompute
from posepyr.training.open_files import allow_open_files
from posepyr.training.quiet import quiet
from posepyr.training.record import add_to_record, write_record

KEPT = 2
"""Checkpoints: the last and the best."""


def train(config: Config, folder: Path, overrides: list[str], resume: Path | None = None) -> dict[str, float]:
    """Train in a run folder; ``resume`` is the checkpoint to go on from. Gives the final scores by name."""
    allow_open_files()
    recorder = OutOfMemoryRecorder()
    try:
        return _trained(config, folder, overrides, resume, recorder)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        event = recorder.event or locate(error, "the making of network and data", torch.device("cpu"))
    # Only now, when nothing holds what the run was made of, is there memory again.
    gc.collect()
    torch.cuda.empty_cache()
    raise out_of_memory_error(event, config)


def _trained(
    config: Config, folder: Path, overrides: list[str], resume: Path | None, recorder: OutOfMemoryRecorder
) -> dict[str, float]:
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    if is_first():
        if resume is None:
            write_record(folder, config, overrides)
        else:
            remove_leftovers(folder)
    task, data, beginning = make_run(config, fresh=resume is None)
    if beginning and is_first():
        print(f"init: {beginning}", flush=True)
        add_to_record(folder, "init", beginning)
    if config["recompute"]:
        recompute(task.model)
    if config["compile"]:
        # In place, so that the keys of checkpoints stay as they are.
        task.model.compile()
    torch.set_num_threads(config["threads"] or compute_threads(data.workers))
    with quiet():
        trainer = make_trainer(config, folder, resume, recorder)
        with closing(trainer.loggers):
            trainer.fit(task, datamodule=data, ckpt_path=resume, weights_only=True)
            scores = final_scores(trainer, task, data, config)
            # Before the logs are closed: what is sent elsewhere may take its time.
            if trainer.is_global_zero:
                write_text(folder / "metrics.json", json.dumps(scores, indent=2) + "\n")
    return scores


def compute_threads(workers: int) -> int:
    """The cores that the loaders leave: threads that wait for each other stand still when they share a core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # OMP_NUM_THREADS may have asked for fewer.
    return max(1, min(torch.get_num_threads(), cores - workers))


@contextmanager
def closing(loggers: list[Logger]) -> Iterator[None]:
    """Tells the logs how the run ended: of several runs in one process, each is to have its own."""
    failed = True
    try:
        yield
        failed = False
    finally:
        for logger in loggers:
            if isinstance(logger, WandbLogger):
                logger.experiment.finish(exit_code=int(failed))


def make_trainer(config: Config, folder: Path, resume: Path | None, *more: pl.Callback) -> pl.Trainer:
    """The trainer with our logs, checkpoints and pictures in the run folder, after ``more`` callbacks."""
    table = CSVLog(folder)
    if resume is not None:
        table.resume(int(read_checkpoint(resume)["global_step"]))
    loggers: list[Logger] = [table]
    if config.get("logger") and is_first():
        loggers.append(build(config["logger"], folder=folder, name=config["name"], config=config))
    where = folder / "checkpoints"
    callbacks = [*make_callbacks(config), *checkpoints(where, config["checkpoint"]), StopOnSignal(where / "last.ckpt")]
    callbacks += [RoomForCheckpoints(where, KEPT, build(config["optimizer"])), Regrouping()]
    if config["progress"]:
        callbacks.append(RichProgressBar() if config["progress"] == "rich" else TQDMProgressBar())
    trainer: pl.Trainer = build(
        config["trainer"],
        logger=loggers,
        callbacks=[*more, *callbacks, LearningRateMonitor("step")],
        default_root_dir=str(folder),
        plugins=[WholeFiles(), *cluster()],
        enable_progress_bar=bool(config["progress"]),
    )
    return trainer


def cluster() -> list[SLURMEnvironment]:
    """SLURM without Lightning's own way of queueing a job again, which resumes from another file than ours."""
    return [SLURMEnvironment(auto_requeue=False)] if slurm.is_task() else []


def checkpoints(where: Path, settings: dict[str, Any]) -> list[pl.Callback]:
    """Keepers of the newest and of the best weights, each one file."""
    steps = settings["every_n_steps"]
    fixed: dict[str, Any] = {"dirpath": where, "auto_insert_metric_name": False, "enable_version_counter": False}
    keepers = [
        ModelCheckpoint(filename="last", **fixed),
        ModelCheckpoint(filename="best", monitor=settings["monitor"], mode=settings["mode"], **fixed),
    ]
    if steps:
        keepers.insert(0, ModelCheckpoint(filename="last", every_n_train_steps=steps, **fixed))
    return list(keepers)


def final_scores(trainer: pl.Trainer, task: Learner, data: OrderedData, config: Config) -> dict[str, float]:
    """Scores of the best weights on the test split, beside the last validation's."""
    scores = _finite(trainer.callback_metrics)
    if trainer.interrupted or not config["test"]:
        return scores
    best = Path(trainer.default_root_dir) / "checkpoints" / "best.ckpt"
    if best.exists():
        task.load_state_dict(read_checkpoint(best)["state_dict"])
    trainer.test(task, datamodule=data, verbose=False)
    return scores | _finite(trainer.callback_metrics)


def _finite(metrics: dict[str, torch.Tensor]) -> dict[str, float]:
    """The scores among what was logged; one that nothing was measured for is left out."""
    splits = ("val/", "test/", "val_stage_", "test_stage_")
    values = {name: float(value) for name, value in metrics.items() if name.startswith(splits)}
    return {name: value for name, value in sorted(values.items()) if math.isfinite(value)}
