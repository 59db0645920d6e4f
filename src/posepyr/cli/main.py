"""The entry point: runs a command line, and turns its errors into messages and exit codes."""

import os
import sys
from collections.abc import Sequence

from posepyr import errors
from posepyr.cli.commands import POSEPYR


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "--traceback" in arguments:
        arguments.remove("--traceback")
        os.environ[errors.TRACEBACK] = "1"
    try:
        return _run(arguments)
    except BrokenPipeError:
        # Whoever read our output has seen enough, as `head` does. Nothing is left to say, not even on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.FAILED
    except (Exception, KeyboardInterrupt) as error:
        errors.report(error)
        return errors.exit_code(error)


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
