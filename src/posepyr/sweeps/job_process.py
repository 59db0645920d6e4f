"""A job of a sweep in a process of its own, forked from a server that has imported the libraries and done nothing else.

A fork of the server begins within a tenth of a second, where a new interpreter takes many seconds to import Torch. The
server has started no thread, no OpenMP region and no CUDA context: the fork's environment is as clean as a new one's.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, NamedTuple

from posepyr import errors
from posepyr.configuration.compose import Job
from posepyr.configuration.hydra_runtime import job_environment
from posepyr.running.launch import last_checkpoint, launch, print_result
from posepyr.running.local_processes import end_with_parent
from posepyr.sweeps.slots import Slot
from posepyr.training.record import in_short, read_state, record_end

LOG = "job.log"
"""In a job's folder: all that it prints."""

LAUNCHED = ("RANK", "LOCAL_RANK", "GROUP_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""Variables by which a process takes itself for one of several of a run, as are those that begin with TORCHELASTIC_."""

IMPORTED = ("posepyr.sweeps.fork_server", "posepyr.sweeps.job_process", "posepyr.data.loading.augment")
"""Modules that every job needs, beside those that its configuration names."""

_server = get_context("forkserver")

State = Literal["waiting", "running", "finished", "failed", "stopped"]


@dataclass
class SweepJob:
    """A job of a sweep, and how far it has come."""

    number: int
    job: Job
    folder: Path
    headline: str
    """The overrides in which it differs from the other jobs."""
    state: State = "waiting"
    exit_code: int | None = None
    tries: int = 0
    started: float = 0.0
    ended: float = 0.0
    slot: Slot | None = field(default=None, repr=False)


class Order(NamedTuple):
    """A job to be done."""

    job: Job
    folder: Path
    goes_on: bool
    """Whether the job begins at the last checkpoint in its folder."""
    environment: dict[str, str]
    """All variables that its process is to see: the server has those of an earlier moment."""
    working_folder: str


def clean_environment() -> dict[str, str]:
    """Return this process's variables without those by which a process takes itself for one of a run's."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in LAUNCHED and not name.startswith("TORCHELASTIC_")
    }


def import_in_advance(configs: Iterable[Mapping[str, Any]]) -> None:
    """Have the server import what jobs of these configurations need; only before its first job.

    Modules of the user's own are left to the jobs: an error in one of them would end the server.
    """
    targets = {target for config in configs for target in _targets(config)}
    modules = {target.rpartition(".")[0] for target in targets if target.startswith("posepyr.")}
    _server.set_forkserver_preload([*IMPORTED, *sorted(modules)])


def _targets(node: Any) -> Iterable[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("_target_"), str):
            yield node["_target_"]
        for value in node.values():
            yield from _targets(value)
    elif isinstance(node, list):
        for value in node:
            yield from _targets(value)


class JobProcess:
    """A running job."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._process = _server.Process(target=run_order, args=(order,))
        self._process.start()

    @property
    def sentinel(self) -> int:
        """The handle that is ready once the job has ended."""
        return self._process.sentinel

    def end(self) -> int:
        """Return the exit code of the job, which has ended; negative where a signal has ended it by force."""
        self._process.join()
        code = self._process.exitcode
        self._process.close()
        return -1 if code is None else code

    def stop(self) -> None:
        """Ask the job to save and end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End the job and all that it has started."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            # Its first process hands SIGTERM on to the others; SIGKILL it cannot.
            (os.killpg if number == signal.SIGKILL else os.kill)(int(self._process.pid or 0), number)


def run_order(order: Order) -> None:
    """Do a job; called in its own process, whose output goes to the job's log and whose exit code tells the outcome."""
    # Out of the terminal's group: only the sweep itself is told of Ctrl-C, and asks its jobs to save.
    os.setsid()
    end_with_parent()
    os.environ.clear()
    os.environ.update(order.environment)
    os.chdir(order.working_folder)
    with (order.folder / LOG).open("ab", buffering=0) as log:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log.fileno(), stream.fileno())
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a file's, not a notebook's
    sys.exit(_run(order))


def _run(order: Order) -> int:
    try:
        with job_environment(order.job, order.folder) as folder:
            if not order.goes_on:
                _clear(folder)
            checkpoint = last_checkpoint(folder) if order.goes_on else None
            print_result(
                folder, launch(order.job.config | {"progress": False}, folder, order.job.overrides, checkpoint)
            )
    except (Exception, KeyboardInterrupt) as error:
        errors.report(error)
        if read_state(order.folder) == "waiting":
            # It failed before it began; a single run's folder would go.
            record_end(order.folder, "failed", in_short(error))
        return errors.exit_code(error)
    return errors.COMPLETED


def _clear(folder: Path) -> None:
    """Remove what an earlier start of the job has left that ended before its first checkpoint."""
    for name in ("metrics.csv", "metrics.json", "progress.json"):
        (folder / name).unlink(missing_ok=True)


def tail_of_log(folder: Path, lines: int = 15) -> list[str]:
    """Return the last lines that a job has printed."""
    with contextlib.suppress(OSError):
        return (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return []
