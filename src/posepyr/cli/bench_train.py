"""``posepyr bench train``: trainings timed in turn, as ``posepyr train`` does them, or by other programs."""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from posepyr import errors
from posepyr.cli.against import joined, read_against
from posepyr.cli.bench_train_text import heading, table
from posepyr.errors import UsageError

if TYPE_CHECKING:
    from posepyr.measurement.training_speed import Task, Turn

STEPS, WARMUP, REPEAT, SECONDS = 50, 10, 5, 300.0

EXAMPLES = """examples:
  posepyr bench train experiment=demo
  posepyr bench train experiment=demo --against "experiment=demo callbacks=none"
  posepyr bench train experiment=demo --baseline "python experiments/benchmarks/bare_loop.py experiment=demo"
  posepyr bench train model=hrnet_w32 data.batch_size=64 trainer.precision=bf16-mixed \\
      --against "model=hrnet_w32 data.batch_size=64 --no-tf32" --against "model=hrnet_w32 data.batch_size=64"

a baseline:
  any program that trains for some steps and then ends. It finds the number of steps whose time counts, and of those
  before them, in POSEPYR_BENCH_STEPS and POSEPYR_BENCH_WARMUP, where to run (cpu or cuda) in POSEPYR_BENCH_DEVICE,
  and --threads, where given, in POSEPYR_BENCH_THREADS and OMP_NUM_THREADS. Its last line of output is JSON:
    {"samples_per_second": 123.4, "processor_ms": 7.9, "peak_bytes": 734003200}
  of which only the first must be there; processor_ms is its own time on the CPU for a sample.
"""


class Asked(NamedTuple):
    """A training as the command line chooses it."""

    overrides: list[str]
    tf32: bool | None

    def inherit(self, first: "Asked") -> "Asked":
        """What was not given, from the first training: its overrides where there are none at all."""
        return Asked(self.overrides or first.overrides, first.tf32 if self.tf32 is None else self.tf32)


def run(arguments: list[str]) -> int:
    """Measures, prints, and writes the report where it is asked for."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    options = _parser().parse_intermixed_args(list(joined(arguments)))
    trainings, baselines = asked(options), {text: _words(text) for text in options.baseline}
    _check(options)
    report = measure(trainings, baselines, options, load)
    if options.json:
        from posepyr.files import write_text

        write_text(options.json, json.dumps(report, indent=2) + "\n")
    sys.stdout.write(table(report))
    return errors.COMPLETED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "posepyr bench train",
        description="Train for some steps, just as posepyr train does, and measure how fast that is, what a step's "
        "time goes into, and its memory; beside other trainings and other programs, which take turns with it. Every "
        "turn is a new process on one device.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_training(parser)
    parser.add_argument(
        "--against", action="append", default=[], metavar="TRAINING",
        help="another training, as often as you like: overrides and any of the options above, in quotes; without "
        "overrides it is the first training itself",
    )  # fmt: skip
    parser.add_argument(
        "--baseline", action="append", default=[], metavar="COMMAND",
        help="another program, as often as you like, in quotes; what it has to do stands below",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N", help=f"steps that are timed ({STEPS})")
    parser.add_argument("--warmup", type=int, default=WARMUP, metavar="N", help=f"steps before them ({WARMUP})")
    parser.add_argument("--repeat", type=int, default=REPEAT, metavar="R", help=f"rounds ({REPEAT})")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help=f"begin no round after so long ({SECONDS:g})"
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], help="where to run (cuda if there, else cpu)")
    parser.add_argument("--threads", type=int, metavar="N", help="threads on the CPU (as the configuration says)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report, with every round's figures")
    parser.add_argument("--config-dir", help="a folder of your own configuration files, looked into first")
    return parser


def _add_training(parser: argparse.ArgumentParser) -> None:
    """What can be said of each training."""
    parser.add_argument("overrides", nargs="*", help="what to train, as for posepyr train")
    parser.add_argument(
        "--tf32", action=argparse.BooleanOptionalAction,
        help="on a GPU: round to TF32 in 32-bit convolutions and products (Torch's own choice: in convolutions)",
    )  # fmt: skip


def asked(options: argparse.Namespace) -> list[Asked]:
    """The trainings that a command line names, the first of them first."""
    first = Asked(options.overrides, options.tf32)
    others = [read_against(text, _add_training) for text in options.against]
    return [first, *(Asked(one.overrides, one.tf32).inherit(first) for one in others)]


def _words(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--baseline must hold a command, got {text!r}: {error}") from error
    if not words:
        raise UsageError("--baseline must hold a command, got nothing")
    return words


def _check(options: argparse.Namespace) -> None:
    for flag, value in (("--steps", options.steps), ("--warmup", options.warmup), ("--repeat", options.repeat)):
        if value < 1:
            raise UsageError(f"{flag} must be at least 1, got {value}")
    if options.threads is not None and options.threads < 1:
        raise UsageError(f"--threads must be at least 1, got {options.threads}")
    if not options.seconds > 0:
        raise UsageError(f"--seconds must be positive, got {options.seconds}")


def measure(
    trainings: Sequence[Asked], baselines: dict[str, list[str]], options: argparse.Namespace, load: Sequence[float]
) -> dict[str, Any]:
    """The report as plain data; its heading is printed at once, as the rest takes minutes."""
    # Here, after parsing: --help and a wrong flag must not wait for Torch.
    from posepyr.cli.bench_model import device_of
    from posepyr.cli.progress import progress_bar
    from posepyr.measurement.training_speed import Task, figures, in_rounds, take_turn

    device = device_of(options.device)
    entries = [_training(one, options.config_dir) for one in trainings] + [{"command": text} for text in baselines]
    report: dict[str, Any] = {
        "machine": _machine(device, load),
        "limits": {name: getattr(options, name) for name in ("steps", "warmup", "repeat", "seconds")},
        "programs": entries,
    }
    print(heading(report), flush=True)
    task = Task(options.steps, options.warmup, device, options.threads)
    programs = [_program(one, options.config_dir, number, task) for number, one in enumerate(trainings, 1)]
    programs += [partial(take_turn, words, task, f"--baseline {text!r}") for text, words in baselines.items()]
    with progress_bar() as progress:
        shown = progress.add_task("rounds", total=options.repeat)
        taken = in_rounds(
            programs, options.repeat, options.seconds, begin=lambda done: progress.update(shown, completed=done)
        )
    report["rounds"] = len(taken[0])
    for entry, turns in zip(entries, taken, strict=True):
        entry |= figures(turns, taken[0])
    return report


def _machine(device: str, load: Sequence[float]) -> dict[str, Any]:
    import torch

    from posepyr.measurement.timing import device_name

    return {
        "device": device,
        "name": device_name(device),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "load_average": list(load),
    }


def _training(one: Asked, config_dir: str | None) -> dict[str, Any]:
    """What is trained, as plain data; a mistake in the overrides is found here."""
    from posepyr.configuration.compose import Composer

    config = Composer(config_dir).job(one.overrides).config
    return {
        "overrides": one.overrides,
        "network": (config.get("classifier") or config["model"])["_target_"],
        "batch": config["data"]["batch_size"],
        "precision": str(config["trainer"].get("precision") or "32-true"),
        "compiled": config["compile"],
        "tf32": one.tf32,
    }


def _program(one: Asked, config_dir: str | None, number: int, task: "Task") -> "partial[Turn]":
    from posepyr.measurement.training_speed import take_turn

    settings = json.dumps({"overrides": one.overrides, "config_dir": config_dir, "tf32": one.tf32})
    command = [sys.executable, "-m", "posepyr.studies.timed_training", settings]
    return partial(take_turn, command, task, f"training {number}")
