"""The display of a sweep whose jobs run: a live table in a terminal, lines elsewhere, and failures at once."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from posepyr.sweeps.job_process import LOG, SweepJob, tail_of_log
from posepyr.sweeps.status import job_row, status_text
from posepyr.training.progress_file import format_left

LINE_EVERY = 60.0
"""Seconds between lines on the running jobs where there is no terminal."""

MOST_ROWS = 30
"""Of a live table; a terminal does not show more at once."""

ORDER = {"running": 0, "failed": 1, "stopped": 2, "waiting": 3, "finished": 4}
"""Which states come first where a table cannot show all jobs."""


class Board:
    """Tells of a sweep's jobs."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stdout, soft_wrap=True, highlight=False, markup=False)
        self._terminal = self._console.is_terminal
        self._live: Live | None = None
        self._last_line = time.monotonic()

    @contextmanager
    def shown(self, jobs: Sequence[SweepJob]) -> Iterator[None]:
        """Show the jobs until the block ends."""
        self.say(f"{len(jobs)} jobs")
        if not self._terminal:
            yield
            return
        with Live(_table(jobs), console=self._console, refresh_per_second=2, transient=True) as self._live:
            yield
        self._live = None

    def look(self, jobs: Sequence[SweepJob]) -> None:
        """Show how far the jobs are."""
        if self._live is not None:
            self._live.update(_table(jobs))
        elif time.monotonic() - self._last_line > LINE_EVERY:
            self._last_line = time.monotonic()
            self.say(_line(jobs))

    def started(self, one: SweepJob, goes_on: bool) -> None:
        """Tell of a job that has begun."""
        how = "goes on from its last checkpoint" if goes_on else "started"
        self.say(f"job {one.number}: {one.headline}: {how} on {one.slot.label if one.slot else 'no slot'}")

    def ended(self, one: SweepJob, retried: bool) -> None:
        """Tell of a job that has ended; of one that failed with the end of its log."""
        minutes = format_left(one.ended - one.started)
        if one.state == "finished":
            row = job_row(one.number, one.headline, one.folder)
            scores = f", {row.metric} {row.best}" if row.best else ""
            self.say(f"job {one.number}: {one.headline}: finished in {minutes}{scores}")
        elif one.state == "stopped":
            self.say(f"job {one.number}: {one.headline}: stopped after {minutes}, saved")
        else:
            log = one.folder / LOG
            again = "; it is started again" if retried else ""
            self.say(f"job {one.number}: {one.headline}: FAILED after {minutes} (exit code {one.exit_code}){again}")
            self.say("\n".join([f"  the end of {log}:", *(f"  | {line}" for line in tail_of_log(one.folder))]))

    def say(self, text: str) -> None:
        """Print lines, above the live table where there is one."""
        self._console.print(text)
        sys.stdout.flush()


def _table(jobs: Sequence[SweepJob]) -> Text:
    shown = sorted(jobs, key=lambda one: (ORDER[one.state], one.number))[:MOST_ROWS]
    rows = [
        job_row(one.number, one.headline, one.folder)._replace(state=one.state, error="")
        for one in sorted(shown, key=lambda one: one.number)
    ]
    return Text(status_text(rows) + _counts(jobs), no_wrap=True, overflow="ellipsis")


def _counts(jobs: Sequence[SweepJob]) -> str:
    numbers = {state: sum(one.state == state for one in jobs) for state in ORDER}
    return ", ".join(f"{number} {state}" for state, number in numbers.items() if number)


def _line(jobs: Sequence[SweepJob]) -> str:
    running = [job_row(one.number, one.headline, one.folder) for one in jobs if one.state == "running"]
    parts = [f"job {row.number}: epoch {row.epoch}, {row.metric} {row.value}, left {row.left}" for row in running]
    return "; ".join([_counts(jobs), *parts])
