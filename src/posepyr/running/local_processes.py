"""A run in several processes of this machine, each started from the run's own configuration."""

import inspect
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posepyr.errors import FailedProcessError, OutOfMemoryError
from posepyr.files import write_text
from posepyr.training.devices import local_process_count

JOB = ".job.json"
"""In the run folder while the run is starting and running: what every process reads."""

GRACE = 30
"""Seconds that processes have to save and end when they are told to."""

KILLED = -9
"""The exit code of a process that was ended without being asked."""

STOPPED = 128
"""Exit codes above are those of processes that a signal asked to end, and that did."""


def start(config: dict[str, Any], folder: Path, overrides: Sequence[str], resume: Path | None) -> dict[str, float]:
    """Run a job in as many processes as its trainer asks for; its final scores.

    Each process reads the job from a file: no process goes over the command line again, which may have been a
    sweep's, or have named times and random numbers. When one dies the others are ended.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import elastic_launch

    job = {
        "config": config,
        "folder": str(folder.absolute()),
        "overrides": list(overrides),
        "resume": None if resume is None else str(resume.absolute()),
    }
    count = local_process_count(config["trainer"])
    file = folder / JOB
    write_text(file, json.dumps(job))
    # What it has to say stands in our own message.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    try:
        elastic_launch(_settings(count), sys.executable)("-m", "posepyr.running.worker", str(file.absolute()))
    except SignalException as stopped:
        raise SystemExit(128 + stopped.sigval) from None
    except ChildFailedError as error:
        number, failure = error.get_first_failure()
        if failure.exitcode > STOPPED:
            raise SystemExit(failure.exitcode) from None
        raise error_of(config, folder, number, count, failure.exitcode) from None
    finally:
        for left in (file, *folder.glob(f"{JOB}.error.*")):
            left.unlink(missing_ok=True)
    scores: dict[str, float] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return scores


def _settings(count: int) -> Any:
    from torch.distributed.launcher.api import LaunchConfig

    settings: dict[str, Any] = {
        "min_nodes": 1, "max_nodes": 1, "nproc_per_node": count, "rdzv_backend": "c10d", "run_id": "posepyr",
        # Any free port, of this machine alone.
        "rdzv_endpoint": "localhost:0", "local_addr": "localhost", "max_restarts": 0,
    }  # fmt: skip
    # Newer than the oldest Torch that is supported.
    if "shutdown_timeout" in inspect.signature(LaunchConfig).parameters:
        settings["shutdown_timeout"] = GRACE
    return LaunchConfig(**settings)


def error_of(config: dict[str, Any], folder: Path, number: int, count: int, code: int) -> Exception:
    """What the process that failed first said, or how it ended where it could say nothing."""
    file = error_file(folder / JOB, number)
    who = f"process {number} of {count}"
    if not file.is_file():
        return FailedProcessError(f"{who} {_ended(code)}, and the others were ended{_how_to_go_on(folder)}")
    said = json.loads(file.read_text(encoding="utf-8"))
    if said["out_of_memory"] is None:
        return FailedProcessError(f"{who} failed:\n{said['told'].rstrip()}")
    from posepyr.training.memory.advice import with_advice

    error = OutOfMemoryError(f"{who} ran {said['told']}", said["out_of_memory"])
    # Here, where no process holds a device's memory any more.
    return with_advice(error, config, folder, measure=True)


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    why = ", as the system does to who asks for the last of the machine's memory" if code == KILLED else ""
    return f"was killed by signal {-code}{why}"


def _how_to_go_on(folder: Path) -> str:
    saved = (folder / "checkpoints" / "last.ckpt").is_file()
    return f"; go on with posepyr train --resume {folder}" if saved else ""


def error_file(job: Path, number: int) -> Path:
    """Where a process leaves its error: what it ``told``, and ``out_of_memory``, where memory ran out if it did."""
    return job.with_name(f"{job.name}.error.{number}")
