"""A run in several processes of this machine, each started from the run's own configuration."""

import contextlib
import ctypes
import inspect
import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from posepyr import errors
from posepyr.errors import FailedProcessError, OutOfMemoryError
from posepyr.files import write_json
from posepyr.ranks import is_first, local_process_count, rank

JOB = ".job.json"
"""In the run folder while the run is starting and running: the job that every process reads."""

GRACE = 30
"""Seconds that processes have to save and end when they are asked to."""

KILLED = -9
"""The exit code of a process that was ended without being asked."""

STOPPED = 128
"""Exit codes above are those of processes that a signal asked to end, and that did."""

PARENT_DEATH_SIGNAL = 1
"""The number of one of Linux's settings of a process."""


class LocalJob(NamedTuple):
    """A run as its processes read it from a file; paths are absolute."""

    config: dict[str, Any]
    folder: str
    overrides: list[str]
    resume: str | None
    verbose: bool = True

    @classmethod
    def read(cls, file: Path) -> "LocalJob":
        """Read a job from its file."""
        return cls(**json.loads(file.read_text(encoding="utf-8")))


def start(
    config: dict[str, Any], folder: Path, overrides: Sequence[str], resume: Path | None, verbose: bool
) -> dict[str, float]:
    """Run a job in as many processes as its trainer needs; return its final scores.

    Each process reads the job from a file: none of them goes over the command line or the calling script again, whose
    times and random numbers would be others. When one dies the others are ended.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import elastic_launch

    checkpoint = None if resume is None else str(resume.absolute())
    file, count = folder.absolute() / JOB, local_process_count(config["trainer"])
    write_json(file, LocalJob(config, str(folder.absolute()), list(overrides), checkpoint, verbose)._asdict())
    # Our own message says what its log would.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    try:
        with import_path_for_others():
            # -P: without it Python would look for modules in the working folder before its own.
            elastic_launch(_settings(count), sys.executable)("-P", "-m", "posepyr.running.local_processes", str(file))
    except SignalException as stopped:
        raise SystemExit(128 + stopped.sigval) from None
    except ChildFailedError as error:
        number, failure = error.get_first_failure()
        if failure.exitcode > STOPPED:
            raise SystemExit(failure.exitcode) from None
        raise process_error(config, folder, number, count, failure.exitcode) from None
    finally:
        for left in (file, *folder.glob(f"{JOB}.error.*")):
            left.unlink(missing_ok=True)
    scores: dict[str, float] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return scores


@contextmanager
def import_path_for_others() -> Iterator[None]:
    """Let processes that are started meanwhile find every module that this one finds, in the same order."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


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


def process_error(config: dict[str, Any], folder: Path, number: int, count: int, code: int) -> Exception:
    """Return the error of the process that failed first, or how it ended if it has left no error."""
    file, process = error_file(folder / JOB, number), f"process {number} of {count}"
    if not file.is_file():
        return FailedProcessError(f"{process} {_ended(code)}, and the others were ended{_how_to_go_on(folder)}")
    content = json.loads(file.read_text(encoding="utf-8"))
    if content["out_of_memory"] is None:
        return FailedProcessError(f"{process} failed:\n{content['message'].rstrip()}")
    from posepyr.training.memory.advice import with_advice

    error = OutOfMemoryError(f"{process} ran {content['message']}", content["out_of_memory"])
    # Here, where no process holds a device's memory any more.
    return with_advice(error, config, folder, measure=True)


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    reason = " (the system does that when the machine's memory runs out)" if code == KILLED else ""
    return f"was killed by signal {-code}{reason}"


def _how_to_go_on(folder: Path) -> str:
    saved = (folder / "checkpoints" / "last.ckpt").is_file()
    return f"; go on with posepyr train --resume {folder}" if saved else ""


def error_file(job: Path, number: int) -> Path:
    """Return the file for a process's error: its ``message``, and where it ran ``out_of_memory`` if it did."""
    return job.with_name(f"{job.name}.error.{number}")


def main(file: Path) -> int:
    """Run the job that a file describes; an error goes into a file for the process that started this one."""
    job = LocalJob.read(file)
    try:
        _train(job)
    except SystemExit as end:
        # Stopped by a signal, and saved.
        return int(end.code or 0)
    except BaseException as error:
        message = errors.message(error) or "".join(traceback.format_exception(error))
        content = {"message": message, "out_of_memory": getattr(error, "event", None)}
        error_file(file, rank()).write_text(json.dumps(content), encoding="utf-8")
        return errors.exit_code(error)
    return errors.COMPLETED


def _train(job: LocalJob) -> None:
    from posepyr.training.run import train

    if job.verbose and is_first():
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    with contextlib.ExitStack() as stack:
        if not job.verbose:
            nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
        train(job.config, Path(job.folder), job.overrides, Path(job.resume) if job.resume else None)


def end_with_parent() -> None:
    """Have Linux ask this process to end, saving first, once the process that started it is gone.

    That one ends its processes itself unless it is killed by force: then they would train on unseen.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM)


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main(Path(sys.argv[1])))
