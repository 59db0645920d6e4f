"""Errors as a user sees them, and the exit codes that scripts see."""

import os
import sys
import traceback
from pathlib import Path
from typing import Any

from posepyr.machine_faults import remedy

COMPLETED, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
TRACEBACK = "POSEPYR_TRACEBACK"
"""The environment variable that shows where an error came from; so does ``--traceback``."""


class UsageError(ValueError):
    """A command line or a configuration that cannot be run as it stands."""


class FailedProcessError(RuntimeError):
    """One of a run's processes failed; the message says what it said."""


class OutOfMemoryError(RuntimeError):
    """A training that did not fit; the message says what it tried and what would help."""

    def __init__(self, message: str, shortage: dict[str, Any]) -> None:
        super().__init__(message)
        self.shortage = shortage
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
