"""Errors as a user sees them, with what may have been meant, and the exit codes that scripts see."""

import errno
import os
import re
import sys
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

COMPLETED, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
TRACEBACK = "POSEPYR_TRACEBACK"
"""The environment variable that shows where an error came from; so does ``--traceback``."""


class UsageError(ValueError):
    """A command line or a configuration that cannot be run as it stands."""


class FailedProcessError(RuntimeError):
    """The failure of one of a run's processes, with that process's message."""


class OutOfMemoryError(RuntimeError):
    """A training that did not fit in memory; the message holds what was tried and what would help."""

    def __init__(self, message: str, event: dict[str, Any]) -> None:
        super().__init__(message)
        self.event = event
        """Where it happened, as plain data."""


def exit_code(error: BaseException) -> int:
    """Return the exit code of a process that ends with an error."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return USAGE if isinstance(error, UsageError) else FAILED


def report(error: BaseException) -> None:
    """Print an error: its message alone where that explains it, else the traceback."""
    text = None if os.environ.get(TRACEBACK) else message(error)
    if isinstance(error, KeyboardInterrupt):
        print("posepyr: interrupted", file=sys.stderr)
    elif text is None:
        traceback.print_exception(error)
    else:
        print(f"posepyr: error: {text}", file=sys.stderr)


def message(error: BaseException) -> str | None:
    """Return the text of an error that a user can act on; None where only the traceback explains it."""
    return str(error) if is_written_for_users(error) else machine_fault(error)


def is_written_for_users(error: BaseException) -> bool:
    """Return whether posepyr raised an error on purpose, rather than a library or by mistake."""
    if isinstance(error, UsageError | FailedProcessError | OutOfMemoryError):
        return True
    if not isinstance(error, ValueError | OSError) or error.__traceback__ is None:
        return False
    frames = traceback.extract_tb(error.__traceback__)
    here = Path(__file__).resolve().parent
    return bool(frames) and Path(frames[-1].filename).resolve().is_relative_to(here)


MACHINE_FAULTS = {
    r"DataLoader worker .* killed by signal: Bus error|unable to .*</torch_": (
        "the loaders' workers hand pictures over in /dev/shm, which is too small or full: give a container more by "
        "docker run --shm-size=8g or --ipc=host, or lower data.workers or data.device_batch; data.workers=0 needs none"
    ),
    r"DataLoader worker .* killed by signal: Killed|DataLoader worker .* exited unexpectedly": (
        "the system ends a worker when the machine's memory runs out (dmesg shows it): lower data.workers"
    ),
    r"Too many open files|received 0 items of ancdata": (
        "raise the limit by ulimit -n 65536, or lower data.workers: each batch on its way takes several open files"
    ),
    r"CUDA error: (?:uncorrectable ECC|hardware stack|unknown)|GPU is lost|fallen off the bus": (
        "the GPU or its driver failed, nvidia-smi and dmesg show more; what was saved before is untouched: go on with "
        "posepyr train --resume once it works again"
    ),
}
"""Remedies for faults of the machine, by a regular expression for the text of the library that reports the fault."""

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def machine_fault(error: BaseException) -> str | None:
    """Return a fault of the machine in one line, with its remedy in another; None for any other error."""
    if isinstance(error, OSError) and error.errno in DISK_FULL and error.filename:
        return f"{error.filename} cannot be written ({error.strerror}): make room; what was saved before is untouched"
    # Torch reports that a worker has gone; the cause of its error tells how the worker ended.
    for text in (str(error.__cause__), str(error)):
        for pattern, remedy in MACHINE_FAULTS.items():
            match = re.search(pattern, text)
            if match:
                return f"{_line_around(text, match.start())}\n  {remedy}"
    return None


def _line_around(text: str, position: int) -> str:
    return text[text.rfind("\n", 0, position) + 1 :].partition("\n")[0].strip()


def near_names(given: str, known: Iterable[str], likeness: float = 0.65, most: int = 3) -> list[str]:
    """Return the known names that are much like a given one, the nearest first; ``likeness`` goes from 0 to 1."""
    return get_close_matches(given, sorted(set(known)), n=most, cutoff=likeness)


def suggestion(given: str, known: Iterable[str], prefix: str = "", show: int = 12) -> str:
    """Return the end of an error message: the nearest of the known names, or all of them where none is near.

    ``prefix`` completes the names to full keys; at most ``show`` names are listed.
    """
    names = sorted(set(known))
    close = near_names(given, names)
    if not close and len(names) > show:
        # Too many to list: a distant name helps more than the beginning of the list.
        close = near_names(given, names, likeness=0.3, most=1)
    if close:
        return f"did you mean {' or '.join(prefix + name for name in close)}?"
    if not names:
        return "there is none"
    rest = f" and {len(names) - show} more" if len(names) > show else ""
    return f"there is {', '.join(prefix + name for name in names[:show])}{rest}"
