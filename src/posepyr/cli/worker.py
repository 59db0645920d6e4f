"""One of a run's several processes: ``python -m posepyr.cli.worker JOB``, started by :mod:`posepyr.cli.elastic`."""

import json
import logging
import sys
import traceback
from pathlib import Path

from posepyr.cli import faults
from posepyr.cli.elastic import error_file
from posepyr.cli.processes import is_first, rank


def main(file: str) -> int:
    """Run the job that a file describes; an error goes into a file for the process that started this one."""
    job = json.loads(Path(file).read_text(encoding="utf-8"))
    if is_first():
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        from posepyr.cli.train import train

        resume = None if job["resume"] is None else Path(job["resume"])
        train(job["config"], Path(job["folder"]), job["overrides"], resume)
    except SystemExit as end:
        # Stopped by a signal, and saved.
        return int(end.code or 0)
    except BaseException as error:
        told = str(error) if faults.speaks_for_itself(error) else "".join(traceback.format_exception(error))
        error_file(Path(file), rank()).write_text(told, encoding="utf-8")
        return faults.exit_code(error)
    return faults.COMPLETED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
