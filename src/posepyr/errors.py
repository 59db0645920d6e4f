"""Errors as a user sees them, and the exit codes that scripts see."""

import errno
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Any

COMPLETED, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
TRACEBACK = "POSEPYR_TRACEBACK"
"""The environment variable that shows where an error came from; so does ``--traceback``."""


class UsageError(ValueError):
    """A command line or a configuration that cannot be run as it stands."""


class FailedProcessError(RuntimeError):
    """One of a run's processes failed; the message says what it said."""


class OutOfMemoryError(RuntimeError):
    """A training that did not fit; the message says what it tried and what would help."""

    def __init__(self, message: str, event: dict[str, Any]) -> None:
        super().__init__(message)
        self.event = event
        """Where it happened, as plain data."""


def exit_code(error: BaseException) -> int:
    """What the process ends with after an error."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return USAGE if isinstance(error, UsageError) else FAILED


def report(error: BaseException) -> None:
    """Prints an error: what there is to say of it, else where it came from too."""
    said = None if os.environ.get(TRACEBACK) else message(error)
    if isinstance(error, KeyboardInterrupt):
        print("posepyr: interrupted", file=sys.stderr)
    elif said is None:
        traceback.print_exception(error)
    else:
        print(f"posepyr: error: {said}", file=sys.stderr)


def message(error: BaseException) -> str | None:
    """What a user is to read of an error; nothing of one that only its traceback explains."""
    return str(error) if speaks_for_itself(error) else remedy(error)


def speaks_for_itself(error: BaseException) -> bool:
    """Whether an error was raised by posepyr for its user to read, not by a library or by mistake."""
    if isinstance(error, UsageError | FailedProcessError | OutOfMemoryError):
        return True
    if not isinstance(error, ValueError | OSError) or error.__traceback__ is None:
        return False
    frames = traceback.extract_tb(error.__traceback__)
    here = Path(__file__).resolve().parent
    return bool(frames) and Path(frames[-1].filename).resolve().is_relative_to(here)


MISHAPS = {
    r"DataLoader worker .* killed by signal: Bus error|unable to .*</torch_": (
        "the loaders' workers hand pictures over in /dev/shm, which is too small or full: give a container more by "
        "docker run --shm-size=8g or --ipc=host, or lower data.workers or data.device_batch; data.workers=0 needs none"
    ),
    r"DataLoader worker .* killed by signal: Killed|DataLoader worker .* exited unexpectedly": (
        "the system ends a worker when the machine's memory runs out (dmesg tells): lower data.workers"
    ),
    r"Too many open files|received 0 items of ancdata": (
        "raise the limit by ulimit -n 65536, or lower data.workers: each batch on its way takes several open files"
    ),
    r"CUDA error: (?:uncorrectable ECC|hardware stack|unknown)|GPU is lost|fallen off the bus": (
        "the GPU or its driver failed, nvidia-smi and dmesg tell more; what was saved before is untouched: go on with "
        "posepyr train --resume once it works again"
    ),
}
"""What helps, by a regular expression for what is said."""

FULL = (errno.ENOSPC, errno.EDQUOT)


def remedy(error: BaseException) -> str | None:
    """An error of the machine's in one line, with what helps; None of any other error."""
    if isinstance(error, OSError) and error.errno in FULL and error.filename:
        return f"{error.filename} cannot be written ({error.strerror}): make room; what was saved before is untouched"
    # How a worker ended is said by the error that Torch's own comes from.
    for said in (str(error.__cause__), str(error)):
        for words, advice in MISHAPS.items():
            found = re.search(words, said)
            if found:
                return f"{_line(said, found.start())}\n  {advice}"
    return None


def _line(text: str, place: int) -> str:
    """The line of a text that a place is in."""
    return text[text.rfind("\n", 0, place) + 1 :].partition("\n")[0].strip()
