"""Sweeps: every combination of swept values as a job of its own, and sweeps that go on or grow."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

from posepyr import errors
from posepyr.configuration.compose import Composer, Job
from posepyr.configuration.hydra_runtime import launcher_settings, run_through_launcher
from posepyr.configuration.stored import changes
from posepyr.configuration.varying import shortened
from posepyr.errors import UsageError
from posepyr.running.launch import claim, launch, print_result
from posepyr.sweeps.board import Board
from posepyr.sweeps.job_process import SweepJob
from posepyr.sweeps.manifest import Manifest, PlannedJob, read_manifest
from posepyr.sweeps.plan import check_jobs
from posepyr.sweeps.side_by_side import LaunchSettings, SideBySide
from posepyr.training.record import overrides_with, read_state, record_origin
from posepyr.training.scores import objective
from posepyr.training.sweep_job import write_sweep_job

Scores = dict[str, float]
Task = Callable[[dict[str, Any], Path, list[str]], Scores]
"""Does a job with its configuration, its folder and its overrides; returns the scores."""


class JobError(RuntimeError):
    """A job of a sweep that failed, and has said why."""


def run_sweep(composer: Composer, overrides: Sequence[str]) -> int:
    """Run every combination of swept values through Hydra's launcher, once all of them are checked.

    Return the exit code of all jobs together.
    """
    check_jobs(dict(enumerate(composer.jobs(overrides))))
    folder, added = composer.sweep_settings(overrides)
    folder = claim(folder)
    sweep = Sweep(folder, _manifest(composer, overrides))
    try:
        run_through_launcher(composer, [*overrides, *added], folder, sweep)
    except JobError:
        sweep.failed = sweep.failed or 1
    return sweep.summary()


def _manifest(composer: Composer, overrides: Sequence[str]) -> Manifest:
    base = None if composer.base is None else str(Path(composer.base).absolute())
    return Manifest(list(overrides), str(Path.cwd()), composer.config_dir, composer.name, base)


def resume_sweep(folder: Path, overrides: Sequence[str]) -> int:
    """Run the jobs of a sweep that are not complete, from their last checkpoints; return the exit code.

    ``overrides`` are of Hydra's settings only, as ``hydra.launcher.slots=[0,1]``.
    """
    folder, manifest = folder.absolute(), read_manifest(folder)
    _refuse_running(manifest, folder)
    left = [job for job in manifest.jobs if read_state(folder / job.folder) != "finished"]
    if not left:
        print(f"all {len(manifest.jobs)} jobs in {folder} are complete; posepyr sweep add {folder} key=... adds some")
        return errors.COMPLETED
    with chdir(manifest.working_folder):
        composer = Composer(manifest.config_dir, manifest.config_name, manifest.base)
        jobs = composer.numbered(_settings(manifest, folder, overrides), {job.number: job.overrides for job in left})
        for planned in left:
            _refuse_changes(planned, jobs[planned.number])
        check_jobs(jobs)
        sweep = Sweep(folder, manifest)
        return sweep.run_planned(left, jobs)


def extend_sweep(folder: Path, overrides: Sequence[str]) -> int:
    """Add the jobs of other values to a sweep and run them; return the exit code.

    The overrides take the place of those that the sweep was started with; jobs that are there already are left out.
    """
    folder, manifest = folder.absolute(), read_manifest(folder)
    with chdir(manifest.working_folder):
        composer = Composer(manifest.config_dir, manifest.config_name, manifest.base)
        there = [job.config for job in manifest.jobs]
        first = max((job.number for job in manifest.jobs), default=-1) + 1
        settings, lines = composer.combinations([*manifest.overrides, *overrides])
        settings = [*settings, *_place(folder)]
        composed = composer.numbered(settings, dict(enumerate(lines)))
        new = [line for line, job in zip(lines, composed.values(), strict=True) if job.config not in there]
        if not new:
            raise UsageError(f"{' '.join(overrides)} must bring jobs that {folder} has not, but all of them are there")
        added = composer.numbered(settings, dict(enumerate(new, first)))
        check_jobs(added)
        planned = [PlannedJob(number, job.overrides, str(number), job.config) for number, job in added.items()]
        sweep = Sweep(folder, manifest)
        return sweep.run_planned(planned, added)


def _settings(manifest: Manifest, folder: Path, overrides: Sequence[str]) -> list[str]:
    for line in overrides:
        if not line.lstrip("+~").startswith("hydra"):
            raise UsageError(
                f"{line} must not change a sweep that goes on: posepyr sweep add {folder} {line} adds jobs instead"
            )
    first = [line for line in manifest.overrides if line.lstrip("+~").startswith("hydra")]
    return [*first, *overrides, *_place(folder)]


def _place(folder: Path) -> list[str]:
    quoted = str(folder).replace("'", "\\'")
    return [f"hydra.sweep.dir='{quoted}'"]


def _refuse_running(manifest: Manifest, folder: Path) -> None:
    running = [str(job.number) for job in manifest.jobs if read_state(folder / job.folder) == "running"]
    if running:
        raise UsageError(
            f"the sweep in {folder} must have ended, but jobs {', '.join(running)} are running: "
            f"posepyr sweep status {folder} --watch follows them"
        )


def _refuse_changes(planned: PlannedJob, job: Job) -> None:
    changed = changes(planned.config, job.config)
    if changed:
        listed = "\n".join(f"  {key}: {before} -> {now}" for key, (before, now) in changed.items())
        raise UsageError(
            f"job {planned.number} must be the same as before, but its configuration has changed since then:\n"
            f"{listed}\nundo that in the configuration files, or start a new sweep"
        )


class Sweep:
    """A sweep's jobs under way, as Hydra's launchers call for them, and how they have ended."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest
        self.failed = self.signal = 0

    def run_one(self, number: int, checked: Callable[[], Job], folder: Path) -> float | None:
        """Run a job in this process, for launchers that are not ours; return its objective.

        Its failure is told at once, here, since the process may be another machine's; and raised, for the launcher.
        """
        try:
            job = checked()
            print(f"job {number}: {' '.join(job.overrides)}", flush=True)
            scores = launch(job.config, folder, job.overrides)
        except Exception as error:
            errors.report(error)
            self.failed += 1
            raise JobError(f"job {number} failed: {errors.message(error) or error}") from None
        print_result(folder, scores)
        return objective(scores, job.config)

    def run_all(
        self, asked: Sequence[tuple[int, Callable[[], Job], Path]], settings: Mapping[str, Any]
    ) -> list[float | Exception | None]:
        """Run jobs side by side, each in a process of its own; return objectives, or errors, in their order."""
        jobs: dict[int, Job] = {}
        refused: dict[int, Exception] = {}
        for number, checked, _folder in asked:
            try:
                jobs[number] = checked()
            except Exception as error:
                errors.report(error)
                refused[number] = error
        self.failed += len(refused)
        folders = {number: str(folder.relative_to(self.folder.absolute())) for number, _, folder in asked}
        planned = [PlannedJob(number, job.overrides, folders[number], job.config) for number, job in jobs.items()]
        done = {one.number: one for one in self._run(planned, jobs, LaunchSettings(**settings))}
        if self.signal or (self.failed and settings["fail_fast"]):
            # Hydra's sweeper may have further batches.
            raise JobError("the sweep has ended before its last job")
        return [refused.get(number) or _result(done[number]) for number, _, _ in asked]

    def run_planned(self, planned: Sequence[PlannedJob], jobs: Mapping[int, Job]) -> int:
        """Run jobs that are composed already; return the exit code of all."""
        settings = launcher_settings(jobs[planned[0].number])
        self._run(planned, jobs, LaunchSettings(**settings))
        return self.summary()

    def _run(self, planned: Sequence[PlannedJob], jobs: Mapping[int, Job], settings: LaunchSettings) -> list[SweepJob]:
        folder, manifest = self.folder.absolute(), self.manifest.with_jobs(planned)
        varies = manifest.varies()
        headlines = {number: " ".join(shortened(lines)) for number, lines in varies.items()}
        running = [
            SweepJob(job.number, self._recorded(jobs[job.number]), folder / job.folder, headlines[job.number])
            for job in planned
        ]
        side_by_side = SideBySide(running, settings, Board())
        for one in running:
            write_sweep_job(one.folder, self.folder, one.number, varies[one.number])
            if manifest.base is not None and read_state(one.folder) == "waiting":
                record_origin(one.folder, Path(manifest.base))
        self.manifest = manifest
        self.manifest.write(self.folder)
        side_by_side.run()
        self.failed += sum(one.state == "failed" for one in running)
        self.signal = side_by_side.signal
        return running

    def _recorded(self, job: Job) -> Job:
        """Return a job with the overrides that its record is to hold: before its own those of the run it repeats."""
        base = self.manifest.base
        return job if base is None else job._replace(overrides=overrides_with(Path(base), job.overrides))

    def summary(self) -> int:
        """Return the exit code of all jobs together, after a line on those that failed."""
        states = [read_state(self.folder / job.folder) for job in self.manifest.jobs]
        left = sum(state != "finished" for state in states)
        if self.signal or (self.manifest.jobs and left):
            complete = f"{len(states) - left} of {len(states)} jobs are complete"
            print(f"posepyr: {complete}; go on with posepyr sweep resume {self.folder}", file=sys.stderr)
        elif self.failed:
            print(f"posepyr: {self.failed} jobs failed", file=sys.stderr)
        if self.signal:
            return 128 + self.signal
        return errors.FAILED if self.failed or left else errors.COMPLETED


def _result(one: SweepJob) -> float | Exception | None:
    if one.state == "finished":
        return objective(_scores(one.folder), one.job.config)
    return JobError(f"job {one.number} {one.state}")


def _scores(folder: Path) -> Scores:
    scores: Scores = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return scores


def run_each(jobs: Sequence[Job], task: Task, folder: Path) -> int:
    """Run jobs that are composed already one after the other in this process; return the exit code.

    Several have numbered folders, and one that fails does not end the others.
    """
    if len(jobs) == 1:
        print_result(folder, task(jobs[0].config, folder, jobs[0].overrides))
        return errors.COMPLETED
    failures = []
    for number, job in enumerate(jobs):
        place = folder / str(number)
        place.mkdir()
        print(f"job {number}: {' '.join(job.overrides)}", flush=True)
        try:
            print_result(place, task(job.config, place, job.overrides))
        except Exception as error:
            errors.report(error)
            failures.append(str(number))
    if not failures:
        return errors.COMPLETED
    print(f"posepyr: {len(failures)} of {len(jobs)} jobs failed: {', '.join(failures)}", file=sys.stderr)
    return errors.FAILED
