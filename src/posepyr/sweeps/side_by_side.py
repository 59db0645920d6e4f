"""Jobs side by side: each begins as soon as a slot is free, and one that fails leaves the others alone."""

import contextlib
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType
from typing import Any, cast

from posepyr.errors import UsageError
from posepyr.running.local_processes import GRACE
from posepyr.sweeps.board import Board
from posepyr.sweeps.job_process import JobProcess, Order, State, SweepJob, clean_environment, import_in_advance
from posepyr.sweeps.slots import Slot, Slots, make_slots
from posepyr.training.record import read_state, record_end

SIGNALS = (signal.SIGINT, signal.SIGTERM)

LOOK_EVERY = 0.5
"""Seconds from one look at what the jobs report to the next."""

LONGEST_STOP = GRACE + 15.0
"""Seconds after which jobs that were asked to end are killed: their own processes have ``GRACE``."""


@dataclass(frozen=True)
class LaunchSettings:
    """The keys of ``hydra.launcher``."""

    slots: Any = None
    fail_fast: bool = False
    retries: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.fail_fast, bool):
            raise UsageError(f"hydra.launcher.fail_fast must be true or false, got {self.fail_fast}")
        if not isinstance(self.retries, int) or self.retries < 0:
            raise UsageError(f"hydra.launcher.retries must be a number, 0 or more, got {self.retries}")


class SideBySide:
    """Runs jobs in the slots there are; a signal ends all of them, saved."""

    def __init__(self, jobs: Sequence[SweepJob], settings: LaunchSettings, board: Board) -> None:
        self.jobs, self.settings, self.board = jobs, settings, board
        configs = [one.job.config for one in jobs]
        self.slots: Slots = make_slots(settings.slots, configs)
        for config in configs:
            self.slots.check(config)
        import_in_advance(configs)
        self._caught: list[int] = []
        self._running: dict[int, tuple[SweepJob, JobProcess]] = {}
        self._stopped_at: float | None = None

    @property
    def signal(self) -> int:
        """The number of the signal that has ended the sweep; 0 if none has."""
        return self._caught[-1] if self._caught else 0

    def run(self) -> None:
        """Run all jobs, or as many as the sweep is left to."""
        with self._signals(), self.board.shown(self.jobs):
            while self._running or (self._waiting() and self._stopped_at is None):
                self._start_what_fits()
                ended = cast(list[int], wait(list(self._running), LOOK_EVERY))
                for handle in ended:
                    self._finish(handle)
                self._obey_signals()
                self.board.look(self.jobs)

    def _waiting(self) -> list[SweepJob]:
        return [one for one in self.jobs if one.state == "waiting"]

    def _start_what_fits(self) -> None:
        if self._stopped_at is not None:
            return
        for one in self._waiting():
            slot = self.slots.take(one.job.config)
            if slot is not None:
                self._start(one, slot)

    def _start(self, one: SweepJob, slot: Slot) -> None:
        goes_on = (one.folder / "checkpoints" / "last.ckpt").is_file()
        environment = clean_environment() | slot.environment
        process = JobProcess(Order(one.job, one.folder, goes_on, environment, str(Path.cwd())))
        one.state, one.slot, one.started = "running", slot, time.monotonic()
        one.tries += 1
        self._running[process.sentinel] = one, process
        self.board.started(one, goes_on)

    def _finish(self, handle: int) -> None:
        one, process = self._running.pop(handle)
        one.exit_code, one.ended = process.end(), time.monotonic()
        one.state = self._outcome(one)
        if one.slot is not None:
            self.slots.give_back(one.slot)
        retried = one.state == "failed" and one.tries <= self.settings.retries and self._stopped_at is None
        self.board.ended(one, retried)
        if retried:
            one.state = "waiting"
        elif one.state == "failed" and self.settings.fail_fast:
            self._stop()

    def _outcome(self, one: SweepJob) -> State:
        """Return how a job has ended, and see to it that its run folder tells the same."""
        state = read_state(one.folder)
        if one.exit_code == 0 and state == "finished":
            return "finished"
        if state == "stopped":
            return "stopped"
        if state != "failed":
            record_end(one.folder, "failed", f"ended with exit code {one.exit_code}")
        return "failed"

    def _stop(self) -> None:
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
            for _, process in self._running.values():
                process.stop()

    def _obey_signals(self) -> None:
        """Stop after the first signal; kill after a second, or where a job does not end."""
        if self._caught:
            self._stop()
        hangs = self._stopped_at is not None and time.monotonic() - self._stopped_at > LONGEST_STOP
        if hangs or len(self._caught) > 1:
            for _, process in self._running.values():
                process.kill()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._catch) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            for _, process in self._running.values():
                with contextlib.suppress(OSError):
                    process.kill()

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        # No more than this: it may come in the middle of a job's start.
        self._caught.append(number)
