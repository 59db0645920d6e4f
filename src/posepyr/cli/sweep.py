"""``posepyr sweep``: sweeps that go on, tell how far they are, and grow."""

import sys
import time
from pathlib import Path

from posepyr import errors
from posepyr.cli.arguments import Request, parse
from posepyr.cli.options import Parser, add_json, deliver
from posepyr.errors import UsageError
from posepyr.ranks import launched

WATCH_EVERY = 2.0
"""Seconds."""

STATUS = """Prints a line for every job of the sweep in DIR: its state, epoch, the score that its best weights are
chosen by, and the time left.

A job is waiting, running, finished, failed (the reason below the table), stopped (asked to end, and saved) or killed
(gone without a word). posepyr sweep resume DIR goes on with all that are not finished."""

RESUME = """usage: posepyr sweep resume DIR [hydra.launcher.slots=...]

Runs the jobs of the sweep in DIR that are not finished, each from its last checkpoint if it has one. Refuses if the
configuration files have changed meanwhile, so that a job would be another one. Run from anywhere: paths are taken as
where the sweep was started."""

ADD = """usage: posepyr sweep add DIR key=value,value ...

Runs further jobs in the sweep in DIR: its own overrides, with those given here in their place. Jobs that are there
already are left out.

example:
  posepyr sweep add runs/train/multirun_2026-01-31_12-00-00 seed=4,5"""


def run_resume(arguments: list[str]) -> int:
    """Go on with a sweep."""
    request = _request(arguments)
    if "help" in request.switches:
        print(RESUME)
        return errors.COMPLETED
    from posepyr.sweeps.jobs import resume_sweep

    return resume_sweep(_folder(request, "resume"), request.overrides)


def run_add(arguments: list[str]) -> int:
    """Add jobs to a sweep."""
    request = _request(arguments)
    if "help" in request.switches:
        print(ADD)
        return errors.COMPLETED
    from posepyr.sweeps.jobs import extend_sweep

    folder = _folder(request, "add")
    if not request.overrides:
        raise UsageError("posepyr sweep add must be given values, as seed=4,5")
    return extend_sweep(folder, request.overrides)


def run_status(arguments: list[str]) -> int:
    """Tell how far a sweep is."""
    parser = Parser("posepyr sweep status", STATUS, "")
    parser.add_argument("folder", metavar="DIR", type=Path, help="the sweep's folder")
    parser.add_argument("--watch", action="store_true", help="print again every two seconds while a job is running")
    add_json(parser, "the rows")
    chosen = parser.read(arguments)
    from posepyr.sweeps.manifest import read_manifest
    from posepyr.sweeps.status import counts, status_text, sweep_rows

    manifest = read_manifest(chosen.folder)
    while True:
        rows = sweep_rows(manifest, chosen.folder)
        deliver(chosen, [row._asdict() for row in rows], f"{status_text(rows)}{counts(rows)}\n")
        if not chosen.watch or not any(row.state == "running" for row in rows):
            return errors.COMPLETED
        sys.stdout.flush()
        time.sleep(WATCH_EVERY)


def _request(arguments: list[str]) -> Request:
    return parse(
        arguments,
        words=1,
        refused=("--cfg", "-c", "--config-dir", "-cd", "--config-name", "-cn", "--rerun", "--resume"),
    )


def _folder(request: Request, command: str) -> Path:
    if launched():
        raise UsageError(f"posepyr sweep {command} must not be started by torchrun or srun: it starts processes itself")
    if not request.words:
        raise UsageError(f"DIR must be given: posepyr sweep {command} runs/NAME/multirun_DATE")
    return Path(request.words[0])
