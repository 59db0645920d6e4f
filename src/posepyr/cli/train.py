"""``posepyr train``: its flags, and what they start."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from posepyr import errors, slurm
from posepyr.cli.arguments import Request, parse
from posepyr.errors import UsageError
from posepyr.ranks import is_first, launched

if TYPE_CHECKING:
    from posepyr.configuration.compose import Composer, Job

HELP = """usage: posepyr train [key=value ...] [flags]

Trains a network. A group is chosen by name (model=hourglass), and every argument of what it names is a key of its
own (model.stacks=8), whether the group's file lists it or not. posepyr list shows the groups and their choices.

flags, anywhere among the overrides:
  -m, --multirun     run every combination of key=a,b,c
  --cfg job|all      print the configuration instead of training; with --resolve, interpolations filled in;
                     with -m, check all jobs and list them
  --config-dir DIR   a folder of your own configuration files, looked into first
  --config-name NAME start from NAME.yaml instead of config.yaml
  --rerun DIR        repeat the run in DIR, into a new folder; key=value and group=name change it, with -m to
                     several values
  --resume DIR       go on with the run in DIR, in the same folder

examples:
  posepyr train
  posepyr train model=hourglass model.stacks=1 trainer.max_epochs=10 optimizer.lr=1e-3
  posepyr train model=hourglass,hourglass_prm -m seed=0,1,2
  posepyr train experiment=demo logger=wandb
  posepyr train --rerun runs/train/2026-01-31_12-00-00 seed=1"""


def run(arguments: list[str]) -> int:
    """Train one run, or a sweep of them."""
    request = parse(arguments)
    if "help" in request.switches:
        print(HELP)
        return errors.COMPLETED
    # Only now: help and wrong flags must not wait for Torch.
    from posepyr.configuration.compose import Composer
    from posepyr.running.launch import launch, print_result, removed_if_empty

    composer = Composer(*request.config, base=request.values.get("rerun") if request.multirun else None)
    if request.multirun:
        return _plan(composer, request) if request.cfg else _sweep(composer, request.overrides)
    rerun = request.values.get("rerun")
    resume = request.values.get("resume") or (None if request.cfg or rerun else _requeued(request))
    swap = rerun is not None  # also whole groups, as logger=wandb; a run that goes on keeps its own
    stored = resume or rerun
    job = composer.stored(Path(stored), request.overrides, swap) if stored else composer.job(request.overrides)
    if request.cfg:
        print(job.text(request.cfg, "resolve" in request.switches), end="")
        return errors.COMPLETED
    begun = _gone_on_with(job, Path(resume)) if resume else _begun(job, Path(rerun) if rerun else None)
    if begun is not None:
        with removed_if_empty(begun.folder), _environment(job, begun.folder) as folder:
            print_result(folder, launch(job.config, folder, begun.overrides, begun.checkpoint))
    return errors.COMPLETED


class _Begun(NamedTuple):
    folder: Path
    overrides: list[str]
    checkpoint: Path | None = None


def _begun(job: "Job", origin: Path | None) -> _Begun:
    """Create the folder of a new run, which repeats the one in ``origin`` if that is given."""
    from posepyr.running.launch import claim
    from posepyr.training.preflight import check_run
    from posepyr.training.record import overrides_with, record_origin

    check_run(job.config)
    folder = claim(job.folder)
    if origin is None:
        return _Begun(folder, job.overrides)
    if is_first():
        record_origin(folder, origin)
    return _Begun(folder, overrides_with(origin, job.overrides))


def _gone_on_with(job: "Job", folder: Path) -> _Begun | None:
    """Find the checkpoint that a run goes on from; None, after a word, if it is complete."""
    from posepyr.running.launch import last_checkpoint, print_result
    from posepyr.running.resuming import scores_if_complete
    from posepyr.training.preflight import check_run

    scores = scores_if_complete(folder, job.config)
    if scores is not None:
        print_result(folder, scores)
        return None
    check_run(job.config, fresh=False)
    return _Begun(folder, job.overrides, last_checkpoint(folder).absolute())


@contextmanager
def _environment(job: "Job", folder: Path) -> Iterator[Path]:
    """Set up what the job's settings of Hydra name, and have SLURM's next start of this job find the folder."""
    from posepyr.configuration.hydra_runtime import job_environment

    if is_first():
        slurm.remember(folder)
    with job_environment(job, folder) as seen:
        yield seen


def _plan(composer: "Composer", request: Request) -> int:
    """Print a sweep's jobs, once all of them are checked, and with ``--cfg all`` Hydra's settings of it."""
    from posepyr.sweeps.plan import plan

    print(plan(composer, request.overrides), end="")
    if request.cfg == "all":
        print(composer.sweep_text(request.overrides), end="")
    return errors.COMPLETED


def _sweep(composer: "Composer", overrides: list[str]) -> int:
    if launched():
        raise UsageError("-m must be left out under torchrun or srun: a sweep starts the processes of its jobs itself")
    from posepyr.sweeps.jobs import run_sweep

    return run_sweep(composer, overrides)


def _requeued(request: Request) -> str | None:
    """Return the run folder to go on in if SLURM has started this job again."""
    folder = slurm.recall()
    if folder is None:
        return None
    print(f"SLURM has started this job again: it goes on in {folder}", flush=True)
    request.overrides.clear()
    return str(folder)
