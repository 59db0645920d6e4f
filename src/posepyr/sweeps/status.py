"""The progress of a sweep's jobs, read from their folders: by whoever looks, also while they run elsewhere."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from posepyr.configuration.varying import shortened
from posepyr.sweeps.manifest import Manifest
from posepyr.tables import align
from posepyr.training.progress_file import format_left, read_progress
from posepyr.training.record import read_record, read_state


class JobRow(NamedTuple):
    """A job in words."""

    number: int
    headline: str
    state: str
    epoch: str
    metric: str
    value: str
    best: str
    left: str
    error: str = ""


def job_row(number: int, headline: str, folder: Path) -> JobRow:
    """Return a job's state, and how far it is."""
    state, progress = read_state(folder), read_progress(folder)
    if progress is None:
        return JobRow(number, headline, state, "", "", "", "", "", _error(folder))
    epoch = str(progress.epoch) if progress.epochs is None else f"{progress.epoch}/{progress.epochs}"
    running = state == "running" and progress.seconds_left is not None
    left = format_left(progress.seconds_left) if running else ""
    value, best = (("" if score is None else f"{score:.4g}") for score in (progress.value, progress.best))
    return JobRow(number, headline, state, epoch, progress.monitor, value, best, left, _error(folder))


def _error(folder: Path) -> str:
    if read_state(folder) != "failed":
        return ""
    text = str(read_record(folder).get("end", {}).get("error") or "")
    return text.strip().splitlines()[-1] if text.strip() else ""


def sweep_rows(manifest: Manifest, folder: Path) -> list[JobRow]:
    """Return the rows of all jobs of a sweep."""
    varies = manifest.varies()
    return [job_row(job.number, " ".join(shortened(varies[job.number])), folder / job.folder) for job in manifest.jobs]


def status_text(rows: Sequence[JobRow]) -> str:
    """Return rows as a table, with the errors of failed jobs below it."""
    cells = [["job", "", "state", "epoch", "metric", "last", "best", "left"]]
    cells += [
        [str(row.number), row.headline, row.state, row.epoch, row.metric, row.value, row.best, row.left] for row in rows
    ]
    errors = [f"job {row.number}: {row.error}" for row in rows if row.error]
    return "\n".join([*align(cells, "><<>"), *errors]) + "\n"


def counts(rows: Sequence[JobRow]) -> str:
    """Return how many jobs are in each state, as ``3 finished, 1 failed``."""
    return ", ".join(f"{number} {state}" for state, number in Counter(row.state for row in rows).most_common())
