"""The entry point: runs a command line, and turns its errors into messages and exit codes."""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Union

from posepyr import errors
from posepyr.errors import UsageError, suggestion


class Command(NamedTuple):
    """A command, or a group of commands under one name."""

    runs: Union[str, "Group"]
    """``module:function`` below ``posepyr.cli``; the function takes the arguments and returns the exit code."""
    summary: str


class Group(NamedTuple):
    """Commands behind a common first word, as ``posepyr bench``."""

    program: str
    heading: str
    commands: Mapping[str, Command]
    notes: str = ""
    """Further lines of the help."""

    def run(self, arguments: list[str]) -> int:
        """Run the command that is named first, with the arguments behind it; return the exit code."""
        if not arguments or arguments[0] in ("-h", "--help", "help"):
            print(self.help_text())
            return errors.COMPLETED if arguments else errors.USAGE
        name, *rest = arguments
        if name not in self.commands:
            near = suggestion(name, [name for name, command in self.commands.items() if command.summary])
            raise UsageError(f"{name} is no command of {self.program}; {near} See {self.program} --help")
        runs = self.commands[name].runs
        if isinstance(runs, Group):
            return runs.run(rest)
        module, _, function = runs.partition(":")
        code: int = getattr(importlib.import_module(f"posepyr.cli.{module}"), function)(rest)
        return code

    def help_text(self) -> str:
        """Return what ``--help`` prints: each command with its summary; commands without one are left out."""
        listed = {name: command.summary for name, command in self.commands.items() if command.summary}
        width = max(map(len, listed))
        lines = [
            self.heading, "", f"usage: {self.program} COMMAND [arguments]", "",
            *(f"  {name:<{width}}  {summary}" for name, summary in listed.items()), "",
            f"  {self.program} COMMAND --help   what a command takes",
        ]  # fmt: skip
        return "\n".join([*lines, self.notes] if self.notes else lines)


BENCH = Group(
    "posepyr bench",
    "Measures on this machine.",
    {
        "model": Command("bench_model:run", "networks' forward and backward passes side by side: time and memory"),
        "train": Command(
            "bench_train:run", "trainings side by side, also by other programs: samples a second, parts of a step"
        ),
        "data": Command(
            "bench_data:run", "how fast samples are made: read, decoded, warped, recoloured, and by how many workers"
        ),
    },
)

DATA = Group(
    "posepyr data",
    "Looks at data sets and writes them.",
    {
        "check": Command(
            "data_check:run", "whether everything is there, can be read and makes sense, before it is trained on"
        ),
        "show": Command(
            "data_show:run", "a sheet of people as a network is shown them, with joints, limbs, names, targets"
        ),
        "stats": Command("data_stats:run", "people, joints, boxes, pictures and classes in figures"),
        "make": Command("data_make:run", "draw people and write pictures and annotations in the layout of an archive"),
    },
    """
examples:
  posepyr data check data=coco
  posepyr data check data=custom data.source.file=my_data.yaml --pictures all
  posepyr data show data=mpii --split val --heatmaps --output sheet.png
  posepyr data stats data=lsp --split train""",
)

SWEEP = Group(
    "posepyr sweep",
    "Follows the sweeps that posepyr train -m starts.",
    {
        "status": Command("sweep:run_status", "how far the jobs of a sweep are"),
        "resume": Command("sweep:run_resume", "run the jobs that are not complete, from their last checkpoints"),
        "add": Command("sweep:run_add", "run the jobs of further values in the same sweep"),
    },
    """
examples:
  posepyr train -m model.block.variant=A,B,C,D seed=1,2,3
  posepyr sweep status runs/train/multirun_2026-01-31_12-00-00 --watch
  posepyr sweep resume runs/train/multirun_2026-01-31_12-00-00
  posepyr sweep add runs/train/multirun_2026-01-31_12-00-00 seed=4,5""",
)

POSEPYR = Group(
    "posepyr",
    "posepyr: 2D human pose estimation",
    {
        "train": Command("train:run", "train a network: key=value overrides choose and change everything"),
        "sweep": Command(SWEEP, "go on with a sweep, see how far it is, add jobs to it"),
        "evaluate": Command("evaluate:run", "score a trained network on a data set"),
        "score": Command("score:run", "score anybody's predictions in a file, without a network"),
        "compare": Command("compare:run", "two files of predictions: how far apart, and whether that is certain"),
        "predict": Command("predict:run", "find people's joints in pictures"),
        "convert": Command("convert:run", "turn other people's weights into a checkpoint that predicts"),
        "complexity": Command(
            "complexity:run", "networks' sizes and costs: the papers' beside ours, or one of your own"
        ),
        "audit": Command(
            "audit:run", "the variance of responses and gradients through the depth of networks, side by side"
        ),
        "bench": Command(BENCH, "how fast this machine is: networks and trainings side by side, the making of samples"),
        "data": Command(DATA, "check, show and count data sets, and write them to disk"),
        "list": Command("listing:run", "models, experiments, data sets and every other choice there is"),
        "doctor": Command("doctor:run", "check this machine: versions, devices, data folders, logging, disk"),
        "completion": Command("completion:run", "print the completion script of bash, zsh or fish"),
        "complete": Command("completion:run_complete", ""),
    },
    """  posepyr --version        the version
  --traceback              with any command: show where an error came from

examples:
  posepyr train                                       the default model on drawn figures
  posepyr train model=hourglass trainer.max_epochs=5  another model, a shorter run
  posepyr train -m model=hourglass,hourglass_prm      both, side by side
  posepyr list models                                 what there is to choose from""",
)
"""Every command; one without a summary is called by scripts only."""


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
