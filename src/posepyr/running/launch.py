"""Composed jobs into folders of their own: one, several in a row, or a sweep through Hydra's launcher."""

import itertools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import run_job
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, read_write

from posepyr import errors, slurm
from posepyr.configuration.compose import Composer, Job, lines
from posepyr.configuration.hydra_loader import parse_overrides
from posepyr.ranks import is_first
from posepyr.running.rendezvous import agree
from posepyr.tables import score_table

Scores = dict[str, float]
Task = Callable[[dict[str, Any], Path, list[str]], Scores]
"""What a job does with its configuration, its folder and its overrides."""


def run_one(job: Job, task: Task, loader: ConfigLoader, folder: Path | None = None) -> int:
    """Runs a job in a new folder, or in one that is its own already. Its error is the caller's."""
    place = claim(Path(str(job.composed.hydra.run.dir))) if folder is None else folder
    if is_first():
        slurm.remember(place)
    # Absolute, for Lightning's further processes start from it.
    with read_write(job.composed.hydra):
        job.composed.hydra.run.dir = str(place.absolute())
    failures: list[Exception] = []

    def run(_: DictConfig) -> None:
        try:
            _announce(place, task(job.config, place, job.overrides))
        except Exception as error:
            failures.append(error)  # Hydra would add a line of its own to it.

    run_job(run, job.composed, "hydra.run.dir", None, HydraContext(loader, Callbacks(job.composed)))
    for error in failures:
        raise error
    return errors.COMPLETED


def run_each(jobs: Sequence[Job], task: Task, folder: Path) -> int:
    """Runs jobs one after the other, in numbered folders where there are several.

    For what needs no sweeper: their configurations are at hand.
    """
    if len(jobs) == 1:
        _announce(folder, task(jobs[0].config, folder, jobs[0].overrides))
        return errors.COMPLETED
    places = [folder / str(number) for number in range(len(jobs))]
    each = iter(zip(jobs, places, strict=True))

    def following(_: DictConfig) -> tuple[dict[str, Any], Path, list[str]]:
        job, place = next(each)
        place.mkdir()
        return job.config, place, job.overrides

    outcome = Outcome(following, task)
    for job in jobs:
        outcome(job.composed)
    return outcome.summary()


def run_sweep(composer: Composer, overrides: Sequence[str], task: Task) -> int:
    """Runs every combination of swept values through Hydra's sweeper and launcher, once all of them are checked."""
    composer.jobs(overrides)
    fixed = [str(one.input_line) for one in parse_overrides(overrides) if not one.is_sweep_override()]
    folder = claim(Path(str(composer.settings(fixed).sweep.dir)))

    def current(composed: DictConfig) -> tuple[dict[str, Any], Path, list[str]]:
        hydra = HydraConfig.get()
        return composer.checked(composed), Path(hydra.runtime.output_dir), lines(hydra.overrides.task)

    outcome = Outcome(current, task)
    where = str(folder.absolute()).replace("'", "\\'")
    Hydra("train", composer.loader).multirun(
        composer.name, outcome, [*overrides, "hydra.mode=MULTIRUN", f"hydra.sweep.dir='{where}'"]
    )
    return outcome.summary()


class Outcome:
    """A task as Hydra calls it, which keeps a failing job from taking the others with it.

    Hydra would speak of a failure only when all jobs are over, and of the first alone.
    """

    def __init__(self, current: Callable[[DictConfig], tuple[dict[str, Any], Path, list[str]]], task: Task) -> None:
        self.current, self.task = current, task
        self.started = 0
        self.failures: list[int] = []

    def __call__(self, composed: DictConfig) -> Scores | None:
        number = self.started
        self.started += 1
        try:
            config, folder, overrides = self.current(composed)
            print(f"job {number}: {' '.join(overrides)}", flush=True)
            scores = self.task(config, folder, overrides)
        except Exception as error:
            errors.report(error)
            self.failures.append(number)
            return None
        _announce(folder, scores)
        return scores

    def summary(self) -> int:
        """The exit code of all jobs together, after a line on those that failed."""
        if not self.failures:
            return errors.COMPLETED
        numbers = ", ".join(map(str, self.failures))
        print(f"posepyr: {len(self.failures)} of {self.started} jobs failed: {numbers}", file=sys.stderr)
        return errors.FAILED


def _announce(folder: Path, scores: Scores) -> None:
    if not is_first():
        return
    if scores:
        print(score_table(scores), end="")
    print(f"run folder: {folder}", flush=True)


def claim(folder: Path) -> Path:
    """Makes a folder that did not exist, under a name with a number behind it where this one is taken.

    Of the processes of one run the first makes it, and the others go by what it made.
    """
    return Path(agree("folder", lambda: str(_claimed(folder))))


def _claimed(folder: Path) -> Path:
    for number in itertools.count():
        candidate = folder if number == 0 else folder.with_name(f"{folder.name}-{number}")
        try:
            candidate.mkdir(parents=True)
        except FileExistsError:
            continue
        return candidate
    raise RuntimeError("there is always another number")


def show(job: Job, kind: str, resolve: bool) -> str:
    """A job's configuration as YAML: ``job`` alone, or ``all`` with Hydra's own settings."""
    shown = job.config if resolve else job.written
    if kind == "all":
        shown = shown | {"hydra": OmegaConf.to_container(job.composed.hydra, resolve=False, enum_to_str=True)}
    text: str = yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)
    return text
