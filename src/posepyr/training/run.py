"""One run, from a configuration to scores: its steps in order."""

import gc
from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch

from posepyr.checkpoints.storage import read_checkpoint
from posepyr.configuration.networks import Config
from posepyr.configuration.stored import changes, read_stored
from posepyr.data.module import OrderedData
from posepyr.files import remove_leftovers, write_json
from posepyr.ranks import cores, is_first
from posepyr.training.build import make_run
from posepyr.training.callbacks.interruption import StopOnSignal
from posepyr.training.learner import Learner
from posepyr.training.memory.advice import OutOfMemoryRecorder, out_of_memory_error
from posepyr.training.memory.out_of_memory import is_out_of_memory, locate
from posepyr.training.memory.recompute import recompute
from posepyr.training.preflight import read_annotations
from posepyr.training.process_state import allow_open_files, quiet
from posepyr.training.record import add_to_record, record_resume, recorded_end, write_config, write_record
from posepyr.training.scores import KeptScores, Scores, best_scores, measured
from posepyr.training.trainer import finished_logs, make_trainer, summarise


def train(config: Config, folder: Path, overrides: Sequence[str] = (), resume: Path | None = None) -> Scores:
    """Train in a run folder and return the final scores by name, as ``best/val/pck``, ``test/pck``, ``last/val/pck``.

    ``overrides`` are recorded with the run; ``resume`` is the checkpoint to go on from.
    """
    allow_open_files()
    recorder, stop = OutOfMemoryRecorder(), StopOnSignal(folder)
    with recorded_end(folder), stop.watching():
        try:
            return _train(config, folder, overrides, resume, stop, recorder)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            event = recorder.event or locate(error, "the making of network and data", torch.device("cpu"))
        # Only here is there memory again: `_train` and its error held the network and the data.
        gc.collect()
        torch.cuda.empty_cache()
        raise out_of_memory_error(event, config)


def _train(
    config: Config, folder: Path, overrides: Sequence[str], resume: Path | None, stop: StopOnSignal, *first: pl.Callback
) -> Scores:
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    # First of all: a run that fails here has written nothing.
    task, data, init_report = make_run(config, fresh=resume is None)
    read_annotations(config, task, data)
    _prepare_folder(config, folder, overrides, resume)
    _record_init(folder, init_report)
    _prepare_network(config, task)
    torch.set_num_threads(config["threads"] or compute_threads(data.workers))
    with quiet():
        kept = KeptScores(config["checkpoint"]["monitor"])
        trainer = make_trainer(config, folder, resume, stop, *first, kept)
        with finished_logs(trainer.loggers):
            trainer.fit(task, datamodule=data, ckpt_path=resume, weights_only=True)
            scores = _final_scores(trainer, task, data, config, kept)
            # Before the logs are finished: to send them elsewhere may take its time.
            if trainer.is_global_zero:
                write_json(folder / "metrics.json", scores)
                summarise(trainer.loggers, scores)
    return scores


def _prepare_folder(config: Config, folder: Path, overrides: Sequence[str], resume: Path | None) -> None:
    """Record a new run, or clear away what a killed run left half written."""
    if not is_first():
        return
    if resume is None:
        write_record(folder, config, overrides)
    else:
        remove_leftovers(folder)
        _record_resume(folder, config, overrides, resume)


def _record_resume(folder: Path, config: Config, overrides: Sequence[str], resume: Path) -> None:
    """Record that a run goes on, and its configuration where that has changed."""
    changed = changes(read_stored(folder), config)
    # How progress is shown is no part of what is trained: Python shows none.
    changed.pop("progress", None)
    if changed:
        write_config(folder, config)
    record_resume(folder, int(read_checkpoint(resume)["global_step"]), overrides, changed)


def _record_init(folder: Path, report: str) -> None:
    if report and is_first():
        print(f"init: {report}", flush=True)
        add_to_record(folder, "init", report)


def _prepare_network(config: Config, task: Learner) -> None:
    """Have the network recompute its insides, or compile it, as the configuration says."""
    if config["recompute"]:
        recompute(task.model)
    if config["compile"]:
        # In place, so that the keys of checkpoints stay as they are.
        task.model.compile()


def compute_threads(workers: int) -> int:
    """Return the number of cores that the loaders leave: threads that share a core wait for each other."""
    # OMP_NUM_THREADS may have asked for fewer.
    return max(1, min(torch.get_num_threads(), cores() - workers))


def _final_scores(trainer: pl.Trainer, task: Learner, data: OrderedData, config: Config, kept: KeptScores) -> Scores:
    """Return the scores of the best weights, on the test split too, and after them those of the last validation."""
    last, best, test = kept.latest(trainer), {}, {}
    folder = Path(trainer.default_root_dir)
    checkpoint = folder / "checkpoints" / "best.ckpt"
    if checkpoint.exists():
        content = read_checkpoint(checkpoint)
        best = best_scores(content, kept.monitor)
        _record_best(folder, content["epoch"] + 1, trainer.current_epoch, kept.monitor, best)
        task.load_state_dict(content["state_dict"])
    if config["test"] and not trainer.interrupted:
        trainer.test(task, datamodule=data, verbose=False)
        test = measured(trainer.callback_metrics)
    return _named("best", best) | test | _named("last", last)


def _named(weights: str, scores: Scores) -> Scores:
    return {f"{weights}/{name}": score for name, score in scores.items()}


def _record_best(folder: Path, epoch: int, epochs: int, monitor: str, scores: Scores) -> None:
    """Record the epoch whose weights are kept."""
    if is_first():
        best = {"epoch": epoch, "epochs": max(epoch, epochs), "monitor": monitor, "value": scores.get(monitor)}
        add_to_record(folder, "best", best)
