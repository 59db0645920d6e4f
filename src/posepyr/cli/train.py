"""``posepyr train``: its flags, and what they start."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

from posepyr import errors, slurm
from posepyr.cli.arguments import parse
from posepyr.errors import UsageError
from posepyr.ranks import is_first, launched

HELP = """usage: posepyr train [key=value ...] [flags]

Trains a network. A group is chosen by name (model=hourglass), and every argument of what it names is a key of its
own (model.stacks=8), whether the group's file lists it or not. posepyr list shows the groups and their choices.

flags, anywhere among the overrides:
  -m, --multirun     run every combination of key=a,b,c
  --cfg job|all      print the configuration instead of training; with --resolve, interpolations filled in
  --config-dir DIR   a folder of your own configuration files, looked into first
  --config-name NAME start from NAME.yaml instead of config.yaml
  --rerun DIR        repeat the run in DIR, into a new folder; key=value changes it
  --resume DIR       go on with the run in DIR, in the same folder

examples:
  posepyr train
  posepyr train model=hourglass model.stacks=1 trainer.max_epochs=10 optimizer.lr=1e-3
  posepyr train model=hourglass,hourglass_prm -m seed=0,1,2
  posepyr train experiment=demo logger=wandb
  posepyr train --rerun runs/train/2026-01-31_12-00-00 seed=1"""

Scores = dict[str, float]


def run(arguments: list[str]) -> int:
    """Trains one run, or a sweep of them."""
    request = parse(arguments)
    if "help" in request.switches:
        print(HELP)
        return errors.COMPLETED
    # Only now: help and wrong flags must not wait for Torch.
    from posepyr.configuration.compose import Composer
    from posepyr.running.launch import run_one, run_sweep, show

    composer = Composer(*request.config)
    if request.multirun and launched():
        raise UsageError("-m must be left out under torchrun or srun: a sweep starts the processes of its jobs itself")
    if request.multirun and not request.cfg:
        return run_sweep(composer, request.overrides, _train)
    stored = request.values.get("rerun") or request.values.get("resume")
    requeued = None if stored or request.cfg else slurm.recall()
    if requeued is not None:
        print(f"SLURM has started this job again: it goes on in {requeued}", flush=True)
        request.values["resume"] = stored = str(requeued)
        request.overrides.clear()
    job = composer.stored(Path(stored), request.overrides) if stored else composer.job(request.overrides)
    if request.cfg:
        print(show(job, request.cfg, "resolve" in request.switches), end="")
        return errors.COMPLETED
    if "resume" not in request.values:
        return run_one(job, _train, composer.loader)
    folder = Path(request.values["resume"])
    return run_one(job, partial(_train, resume=last_checkpoint(folder)), composer.loader, folder)


def _train(config: dict[str, Any], folder: Path, overrides: list[str], resume: Path | None = None) -> Scores:
    from posepyr.running import local_processes
    from posepyr.training.devices import needs_local_processes

    if needs_local_processes(config["trainer"]):
        return local_processes.start(config, folder, overrides, resume)
    from posepyr.running.rendezvous import agree
    from posepyr.training.run import train

    # Another process's may name other times and other random numbers.
    config = agree("configuration", lambda: config)
    try:
        return train(config, folder, overrides, resume)
    except errors.OutOfMemoryError as error:
        from posepyr.training.memory.advice import with_advice

        # Of several processes the others are on their devices still.
        raise (with_advice(error, config, folder, measure=not launched()) if is_first() else error) from None


def last_checkpoint(folder: Path) -> Path:
    """What a resumed run goes on from: the last checkpoint, or the best where a disk has spoilt the last."""
    from posepyr.checkpoints.storage import read_checkpoint

    last, best = (folder / "checkpoints" / f"{name}.ckpt" for name in ("last", "best"))
    if not last.is_file():
        raise UsageError(f"--resume must name the folder of a run that has saved something, but there is no {last}")
    try:
        read_checkpoint(last)
    except ValueError as error:
        if not best.is_file():
            raise
        step = read_checkpoint(best)["global_step"]
        print(f"posepyr: {error}\nposepyr: going on from {best} instead, after step {step}", file=sys.stderr)
        return best
    return last
