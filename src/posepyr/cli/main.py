"""The entry point: runs a command line, and turns its errors into messages and exit codes."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from posepyr import errors
from posepyr.cli.commands import POSEPYR


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "--traceback" in arguments:
        arguments.remove("--traceback")
        os.environ[errors.TRACEBACK] = "1"
    try:
        _find_own_modules()
        return _run(arguments)
    except BrokenPipeError:
        # The reader of our output has closed it, as `head` does. Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.FAILED
    except (Exception, KeyboardInterrupt) as error:
        errors.report(error)
        return errors.exit_code(error)


def _find_own_modules() -> None:
    """Let configurations name modules in the working folder: ``python -m`` looks there, a console script does not.

    Last, so that a file there cannot take the place of an installed package.
    """
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))


def _run(arguments: list[str]) -> int:
    if arguments and arguments[0] in ("-V", "--version"):
        print(f"posepyr {version()}")
        return errors.COMPLETED
    return POSEPYR.run(arguments)


def version() -> str:
    """Return the version that is installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("posepyr")
    except PackageNotFoundError:
        return "(not installed)"
