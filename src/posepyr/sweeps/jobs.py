"""Several jobs one after the other, of which one that fails does not end the others."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from posepyr import errors
from posepyr.configuration.compose import Composer, Job
from posepyr.configuration.hydra_runtime import run_through_launcher
from posepyr.running.launch import claim, print_result

Scores = dict[str, float]
Task = Callable[[dict[str, Any], Path, list[str]], Scores]
"""Does a job with its configuration, its folder and its overrides; returns the scores."""


def run_sweep(composer: Composer, overrides: Sequence[str], task: Task) -> int:
    """Run every combination of swept values through Hydra's launcher, once all of them are checked.

    Return the exit code of all jobs together.
    """
    composer.jobs(overrides)
    series = JobSeries(task)
    run_through_launcher(composer, overrides, claim(composer.sweep_folder(overrides)), series.run)
    return series.summary()


def run_each(jobs: Sequence[Job], task: Task, folder: Path) -> int:
    """Run jobs that are composed already, in numbered folders if there are several; return the exit code."""
    if len(jobs) == 1:
        print_result(folder, task(jobs[0].config, folder, jobs[0].overrides))
        return errors.COMPLETED
    series = JobSeries(task)
    for number in range(len(jobs)):
        (folder / str(number)).mkdir()
        series.run(partial(jobs.__getitem__, number), folder / str(number))
    return series.summary()


class JobSeries:
    """Jobs under one task, with the numbers of those that failed.

    Hydra's sweeper would report failures only when all jobs are over, and of these the first alone.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.started = 0
        self.failures: list[int] = []

    def run(self, checked: Callable[[], Job], folder: Path) -> Scores | None:
        """Run the next job and print its result, or report its error; return its scores if it has any."""
        number = self.started
        self.started += 1
        try:
            job = checked()
            print(f"job {number}: {' '.join(job.overrides)}", flush=True)
            scores = self.task(job.config, folder, job.overrides)
        except Exception as error:
            errors.report(error)
            self.failures.append(number)
            return None
        print_result(folder, scores)
        return scores

    def summary(self) -> int:
        """Return the exit code of all jobs together, after a line on those that failed."""
        if not self.failures:
            return errors.COMPLETED
        numbers = ", ".join(map(str, self.failures))
        print(f"posepyr: {len(self.failures)} of {self.started} jobs failed: {numbers}", file=sys.stderr)
        return errors.FAILED
