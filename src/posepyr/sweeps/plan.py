"""The plan of a sweep: its jobs, each checked as it would be before it starts, and what they have to do in all."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from posepyr.configuration.compose import Composer, Job
from posepyr.configuration.varying import faults_of_jobs, varying
from posepyr.errors import UsageError
from posepyr.ranks import local_process_count
from posepyr.tables import align
from posepyr.training.preflight import check_run


def plan(composer: Composer, overrides: Sequence[str]) -> str:
    """Return the table of a sweep's jobs; raise UsageError with every job that could not be trained here."""
    jobs = composer.jobs(overrides)
    if not jobs:
        return "the sweeper chooses its jobs as it goes: what they can be made of is checked\n"
    check_jobs(dict(enumerate(jobs)))
    lines = align(_rows(jobs), "<")
    return "\n".join([*lines, f"{_counted(len(jobs), 'job')}, {_epochs(jobs)}"]) + "\n"


def check_jobs(jobs: Mapping[int, Job]) -> None:
    """Raise for jobs that this machine, its data or Lightning cannot do, before any job begins."""
    faults: dict[int, str] = {}
    known: list[tuple[dict[str, Any], str | None]] = []
    for number, job in jobs.items():
        # Jobs of a sweep often differ in a key that nothing of the check hangs on.
        relevant = {key: value for key, value in job.config.items() if key not in ("seed", "optimizer", "name")}
        before = [fault for other, fault in known if other == relevant]
        fault = before[0] if before else _fault(job)
        known.append((relevant, fault))
        if fault is not None:
            faults[number] = fault
    if faults:
        raise UsageError(faults_of_jobs(faults, {number: job.overrides for number, job in jobs.items()}))


def _fault(job: Job) -> str | None:
    try:
        check_run(job.config)
    except ValueError as error:
        return str(error)
    return None


def _rows(jobs: Sequence[Job]) -> list[list[str]]:
    """Return a row for each job, below the headings: number, swept values, epochs, devices."""
    swept = [dict(_parts(line) for line in lines) for lines in varying([job.overrides for job in jobs])]
    keys = list(dict.fromkeys(key for values in swept for key in values))
    rows = [["job", *keys, "epochs", "devices"]]
    for number, (job, values) in enumerate(zip(jobs, swept, strict=True)):
        trainer = job.config["trainer"]
        devices = f"{local_process_count(trainer)} {_accelerator(trainer.get('accelerator', 'auto'))}"
        rows.append([str(number), *(values.get(key, "") for key in keys), str(trainer.get("max_epochs")), devices])
    return rows


def _accelerator(name: str) -> str:
    return name if name != "auto" else "gpu" if torch.cuda.device_count() else "cpu"


def _parts(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    return key, value


def _epochs(jobs: Sequence[Job]) -> str:
    """Return the epochs of all jobs; those of a job that ends otherwise are not known."""
    numbers = [job.config["trainer"].get("max_epochs") for job in jobs]
    known = [number for number in numbers if isinstance(number, int) and number >= 0]
    unknown = len(numbers) - len(known)
    return f"{_counted(sum(known), 'epoch')} in all" + (f", but for {unknown} without max_epochs" if unknown else "")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
