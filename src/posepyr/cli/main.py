"""The entry point: finds the command, runs it, and turns its errors into messages and exit codes.

Nothing heavy is imported before a command asks for it, so that ``posepyr --help`` answers at once.
"""

import importlib
import os
import sys
from collections.abc import Sequence

from posepyr import errors
from posepyr.errors import UsageError
from posepyr.suggestion import suggestion

COMMANDS = {
    "train": ("train:run", "train a network: key=value overrides choose and change everything"),
    "evaluate": ("evaluate:run", "score a trained network on a data set"),
    "score": ("score:run", "score anybody's predictions in a file, without a network"),
    "compare": ("compare:run", "two files of predictions: how far apart, and whether that is certain"),
    "predict": ("predict:run", "find people's joints in pictures"),
    "convert": ("convert:run", "turn other people's weights into a checkpoint that predicts"),
    "complexity": ("complexity:run", "networks' sizes and costs: the papers' beside ours, or one of your own"),
    "audit": ("audit:run", "the variance of responses and gradients through the depth of networks, side by side"),
    "bench": ("bench:run", "how fast this machine is: networks and trainings side by side, the making of samples"),
    "data": ("data:run", "check, show and count data sets, and write them to disk"),
    "list": ("listing:run", "models, experiments, data sets and every other choice there is"),
    "doctor": ("doctor:run", "check this machine: versions, devices, data folders, logging, disk"),
    "completion": ("completion:run", "print the completion script of bash, zsh or fish"),
}
"""Each command's module and function, and its summary."""

HIDDEN = {"complete": "completion:run_complete"}
"""Commands that only scripts call."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit code."""
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
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(help_text())
        return errors.COMPLETED if arguments else errors.USAGE
    if arguments[0] in ("-V", "--version"):
        print(f"posepyr {version()}")
        return errors.COMPLETED
    name, *rest = arguments
    where = HIDDEN.get(name) or COMMANDS.get(name, ("", ""))[0]
    if not where:
        raise UsageError(f"{name} is no command of posepyr; {suggestion(name, COMMANDS)} See posepyr --help")
    module, _, function = where.partition(":")
    code: int = getattr(importlib.import_module(f"posepyr.cli.{module}"), function)(rest)
    return code


def version() -> str:
    """The version that is installed, or of the checkout that runs."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("posepyr")
    except PackageNotFoundError:
        return "(not installed)"


def help_text() -> str:
    """What ``posepyr --help`` prints."""
    width = max(len(name) for name in COMMANDS)
    commands = "\n".join(f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items())
    return f"""posepyr: 2D human pose estimation

usage: posepyr COMMAND [arguments]

{commands}

  posepyr COMMAND --help   what a command takes
  posepyr --version        the version
  --traceback              with any command: show where an error came from

examples:
  posepyr train                                       the default model on drawn figures
  posepyr train model=hourglass trainer.max_epochs=5  another model, a shorter run
  posepyr train -m model=hourglass,hourglass_prm      both, one after the other
  posepyr list models                                 what there is to choose from"""
