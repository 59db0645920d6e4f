"""Errors as a user sees them, and the exit codes that scripts see."""

import os
import sys
import traceback
from pathlib import Path

COMPLETED, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
TRACEBACK = "POSEPYR_TRACEBACK"
"""The environment variable that shows where an error came from; so does ``--traceback``."""


class UsageError(ValueError):
    """A command line or a configuration that cannot be run as it stands."""


class FailedProcessError(RuntimeError):
    """One of a run's processes failed; the message says what it said."""


def exit_code(error: BaseException) -> int:
    """What the process ends with after an error."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return USAGE if isinstance(error, UsageError) else FAILED


def report(error: BaseException) -> None:
    """Prints an error: the message alone where it says what to do, else where it came from too."""
    if isinstance(error, KeyboardInterrupt):
        print("posepyr: interrupted", file=sys.stderr)
    elif os.environ.get(TRACEBACK) or not speaks_for_itself(error):
        traceback.print_exception(error)
    else:
        print(f"posepyr: error: {error}", file=sys.stderr)


def speaks_for_itself(error: BaseException) -> bool:
    """Whether an error was raised by posepyr for its user to read, not by a library or by mistake."""
    if isinstance(error, UsageError | FailedProcessError):
        return True
    if not isinstance(error, ValueError | OSError) or error.__traceback__ is None:
        return False
    frames = traceback.extract_tb(error.__traceback__)
    here = Path(__file__).resolve().parent.parent
    return bool(frames) and Path(frames[-1].filename).resolve().is_relative_to(here)
