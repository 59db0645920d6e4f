"""One of a run's several processes: ``python -m posepyr.running.worker JOB``, started by :mod:`.local_processes`."""

import contextlib
import ctypes
import json
import logging
import os
import signal
import sys
import traceback
from pathlib import Path

from posepyr import errors
from posepyr.ranks import is_first, rank
from posepyr.running.local_processes import LocalJob, error_file

PARENT_DEATH_SIGNAL = 1
"""The number of one of Linux's settings of a process."""


def main(file: Path) -> int:
    """Run the job that a file describes; an error goes into a file for the process that started this one."""
    job = LocalJob.read(file)
    if not job.verbose:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # for as long as the process lives
    elif is_first():
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        from posepyr.training.run import train

        train(job.config, Path(job.folder), job.overrides, Path(job.resume) if job.resume else None)
    except SystemExit as end:
        # Stopped by a signal, and saved.
        return int(end.code or 0)
    except BaseException as error:
        message = errors.message(error) or "".join(traceback.format_exception(error))
        content = {"message": message, "out_of_memory": getattr(error, "event", None)}
        error_file(file, rank()).write_text(json.dumps(content), encoding="utf-8")
        return errors.exit_code(error)
    return errors.COMPLETED


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
