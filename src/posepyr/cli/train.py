"""``posepyr train`` and ``posepyr evaluate``: from arguments to run folders and exit codes."""

import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posepyr import errors, slurm
from posepyr.cli.arguments import Request, parse
from posepyr.errors import UsageError
from posepyr.ranks import is_first, launched

if TYPE_CHECKING:
    from posepyr.configuration.compose import Composer, Job

TRAIN_HELP = """usage: posepyr train [key=value ...] [flags]

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

EVALUATE_HELP = """usage: posepyr evaluate CHECKPOINT [key=value ...] [flags]

Scores a trained network, of poses or of classes, on the data of its training or on others. Where the checkpoint lies
in its run folder, that run's configuration is what the overrides change; elsewhere the usual one.

flags, anywhere among the overrides:
  --split NAME       val or test (test if not given)
  --output DIR       where scores, predictions and pictures go
  --submission PATH  also write what the server of COCO or MPII (a file) or PoseTrack (a folder) takes
  -m, --multirun     score every combination of key=a,b,c
  --cfg job          print the configuration instead
  --config-dir DIR   a folder of your own configuration files, looked into first

examples:
  posepyr evaluate runs/train/2026-01-31_12-00-00/checkpoints/best.ckpt
  posepyr evaluate best.ckpt --split val data.batch_size=64 protocol=single
  posepyr evaluate best.ckpt -m data.source.difficulty=0,0.5,1"""

CARRIED = ("model", "classifier", "codec", "skeleton", "init", "data.input_size", "data.padding")
"""What a checkpoint brings, so that no override can change it."""

Scores = dict[str, float]


def run_train(arguments: list[str]) -> int:
    """Trains one run, or a sweep of them."""
    request = parse(arguments)
    if "help" in request.switches:
        print(TRAIN_HELP)
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

    if local_processes.must_start(config["trainer"]):
        return local_processes.start(config, folder, overrides, resume)
    from posepyr.running.rendezvous import agree
    from posepyr.training.run import train

    # Another process's may name other times and other random numbers.
    config = agree("configuration", lambda: config)
    try:
        return train(config, folder, overrides, resume)
    except errors.OutOfMemoryError as error:
        from posepyr.training.memory.advice import advise

        # Of several processes the others are on their devices still.
        raise (advise(error, config, folder, measure=not launched()) if is_first() else error) from None


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


def run_evaluate(arguments: list[str]) -> int:
    """Scores one checkpoint, once or under every combination of swept values."""
    own = ("--split", "--output", "--submission")
    request = parse(arguments, words=1, own=own, refused=("--rerun", "--resume", "--config-name"))
    if "help" in request.switches:
        print(EVALUATE_HELP)
        return errors.COMPLETED
    checkpoint = _checkpoint(request)
    _check_overrides(request.overrides)
    split = request.values.get("split", "test")
    if split not in ("val", "test"):
        raise UsageError(f"--split must be val or test, got {split!r}")
    from posepyr.configuration.compose import Composer
    from posepyr.running.launch import claim, run_each, show

    jobs = _evaluations(Composer(*request.config), request, checkpoint)
    if request.cfg:
        print(show(jobs[0], request.cfg, "resolve" in request.switches), end="")
        return errors.COMPLETED
    if len(jobs) > 1 and "submission" in request.values:
        raise UsageError(f"--submission must come with one evaluation, got {len(jobs)} combinations of -m")

    def task(config: dict[str, Any], folder: Path, _overrides: list[str]) -> Scores:
        from posepyr.evaluation.poses import evaluate

        submission = request.values.get("submission")
        return evaluate(config, checkpoint, split, folder, Path(submission) if submission else None)

    folder = claim(Path(request.values.get("output") or _evaluation_folder(checkpoint)))
    return run_each(jobs, task, folder)


def _checkpoint(request: Request) -> Path:
    if not request.words:
        raise UsageError("CHECKPOINT must be given: posepyr evaluate runs/NAME/DATE/checkpoints/best.ckpt")
    path = Path(request.words[0])
    if not path.is_file():
        raise UsageError(f"CHECKPOINT must be a file that posepyr wrote, got {request.words[0]!r}, which is none")
    return path


def _run_folder(checkpoint: Path) -> Path | None:
    """The run folder that a checkpoint lies in, if it does."""
    folder = checkpoint.absolute().parent.parent
    return folder if (folder / "config.yaml").is_file() and checkpoint.absolute().parent != folder else None


def _check_overrides(overrides: Sequence[str]) -> None:
    """Refuse what would be ignored: a checkpoint knows its network, its codec and its crop."""
    for override in overrides:
        key = override.partition("=")[0].lstrip("+~")
        if key.split(".")[0] in CARRIED or key in CARRIED:
            raise UsageError(f"{key} must be left out: the checkpoint has its own, which is used; got {override!r}")


def _evaluations(composer: "Composer", request: Request, checkpoint: Path) -> list["Job"]:
    """The configurations to score under; with -m one for each combination, all checked."""
    lines = composer.expand(request.overrides) if request.multirun else [request.overrides]
    folder = _run_folder(checkpoint)
    if folder is None:
        return [composer.job(line) for line in lines]
    return [composer.stored(folder, line, swap=True) for line in lines]


def _evaluation_folder(checkpoint: Path) -> Path:
    where = _run_folder(checkpoint) or Path("runs")
    return where / "evaluation" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
