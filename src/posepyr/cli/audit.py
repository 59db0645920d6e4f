"""``posepyr audit``: the variance of responses and gradients through the depth of networks, side by side."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from posepyr import errors
from posepyr.cli.complexity import CLASSIFIER_INPUT, INPUT, input_size
from posepyr.errors import UsageError

if TYPE_CHECKING:
    from posepyr.configuration.compose import Job
    from posepyr.variance.curves import Measured

BATCH = 2

EXAMPLES = """examples:
  posepyr audit model=hourglass_prm init=xavier,msr,multibranch --at convolutions --no-norms --output audit
  posepyr audit model=hourglass model.stacks=8 model.shortcut=identity,convolution
  posepyr audit model=simple_baseline_r50 --input 128x128 --steps 20 --seeds 3
  posepyr audit sweep=init experiment=demo
"""


class Audited(NamedTuple):
    """A network that is measured."""

    label: str
    """What is special about it among the others."""
    overrides: list[str]
    config: dict[str, Any]
    size: tuple[int, int]
    """Height and width of the pictures."""


def run(arguments: list[str]) -> int:
    """Measures, prints, and writes the files where they are asked for."""
    options = _parser().parse_intermixed_args(arguments)
    for flag, value, least in (
        ("--batch", options.batch, 2), ("--steps", options.steps, 0), ("--seeds", options.seeds, 1)
    ):  # fmt: skip
        if value < least:
            raise UsageError(f"{flag} must be at least {least}, got {value}")
    networks = audited(options)
    measured, notes = measure(networks, options)
    show(measured, notes)
    if options.output:
        write(options.output, measured, report(arguments, options, networks, notes))
    return errors.COMPLETED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "posepyr audit",
        description="Measure the variance of responses, and of the gradients that come back, from the first layer of "
        "a network to the last: at its first weights and after some steps of training.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "overrides", nargs="*", help="choose networks as for training; key=a,b puts both side by side, without -m"
    )
    parser.add_argument(
        "--at", choices=["blocks", "convolutions", "all"], default="blocks",
        help="the outputs of modules that sum, as residuals and hourglasses; of convolutions and linear layers; of "
        "both (blocks)",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, default=0, metavar="K", help="measure once more after K steps (0)")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="first weights drawn so often (1)")
    parser.add_argument("--batch", type=int, default=BATCH, metavar="N", help=f"pictures at once ({BATCH})")
    parser.add_argument("--input", metavar="HxW", help="height x width (that of the data)")
    parser.add_argument(
        "--no-norms", dest="norms", action="store_false",
        help="leave batch norm out, which hides from each layer what the first weights before it do",
    )  # fmt: skip
    parser.add_argument("--device", choices=["cpu", "cuda"], help="where to run (cuda if there, else cpu)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write variances.png, variances.csv and audit.json")
    parser.add_argument("--config-dir", help="a folder of your own configuration files, looked into first")
    return parser


def audited(options: argparse.Namespace) -> list[Audited]:
    """The networks that a command line names: every combination of swept values."""
    # Here, after parsing: --help and a wrong flag must not wait for Torch.
    from posepyr.configuration.compose import Composer

    jobs = Composer(options.config_dir).jobs(options.overrides)
    return [
        Audited(label, job.overrides, job.config, _set_size(job.config, options.input))
        for label, job in zip(labels(jobs), jobs, strict=True)
    ]


def labels(jobs: Sequence["Job"]) -> list[str]:
    """What each job has that others have not: choices by their names alone; of a single job, the network."""
    given = [dict(line.split("=", 1) for line in job.overrides if "=" in line) for job in jobs]
    keys = dict.fromkeys(key for one in given for key in one)
    varied = [key for key in keys if len({one.get(key) for one in given}) > 1]
    if not varied:
        choices = jobs[0].composed.hydra.runtime.choices
        return [choices.classifier or choices.model] * len(jobs)
    return [", ".join(_spoken(key, one[key]) for key in varied if key in one) for one in given]


def _spoken(key: str, value: str) -> str:
    *path, last = key.split(".")
    return f"{last}={value}" if path or value.isdigit() else value


def _set_size(config: dict[str, Any], asked: str | None) -> tuple[int, int]:
    """The height and width of the pictures, which become the data's where they are asked for."""
    if config.get("classifier"):
        holder, key, usual = config["data"].get("cut") or {}, "size", CLASSIFIER_INPUT
    else:
        holder, key, usual = config["data"], "input_size", INPUT
    size = input_size(asked, holder.get(key, usual))
    if asked:
        holder[key] = list(size)
    return size


def measure(networks: Sequence[Audited], options: argparse.Namespace) -> tuple[list["Measured"], list[str]]:
    """What was measured, and a line on each network."""
    from posepyr.cli.bench_model import device_of
    from posepyr.cli.progress import tracking
    from posepyr.studies.variance_audit import make_material, make_trial
    from posepyr.variance.curves import audit

    device = device_of(options.device)
    measured: list[Measured] = []
    notes = []
    with tracking() as track:
        for network in track(networks, "measuring"):
            config = network.config
            material = make_material(config, network.size, options.batch)
            for seed in range(config["seed"], config["seed"] + options.seeds):
                trial = make_trial(config, seed, network.size, material, options.norms, device)
                measured += audit(network.label, trial, options.at, options.steps, seed)
            notes.append(_note(network, material.what, len(measured[-1].rows), options))
    return measured, notes


def _note(network: Audited, what: str, rows: int, options: argparse.Namespace) -> str:
    height, width = network.size
    norms = "" if options.norms else ", without norms"
    times = f", {options.seeds} times" if options.seeds > 1 else ""
    return f"{network.label}: {rows} outputs{norms}, at {options.batch} {what}, {height}x{width}{times}"


def show(measured: Sequence["Measured"], notes: Sequence[str]) -> None:
    """Print the notes and the table."""
    from posepyr.cli.audit_text import table
    from posepyr.variance.curves import curves

    sys.stdout.write("\n".join([*notes, table(curves(measured))]))


def report(
    arguments: Sequence[str], options: argparse.Namespace, networks: Sequence[Audited], notes: Sequence[str]
) -> dict[str, Any]:
    """What the figures are of, as plain data."""
    from posepyr.measurement.machine import git_state, versions

    return {
        "command": shlex.join(["posepyr", "audit", *arguments]),
        "commit": git_state()[0],
        "packages": versions(),
        **{name: getattr(options, name) for name in ("at", "steps", "seeds", "batch", "norms")},
        "networks": [network._asdict() | {"note": note} for network, note in zip(networks, notes, strict=True)],
    }


def write(folder: Path, measured: Sequence["Measured"], said: dict[str, Any]) -> None:
    """The figure, every row, and what they are of."""
    from posepyr.files import write_text
    from posepyr.variance.curves import curves, write_csv
    from posepyr.variance.figure import draw_variances

    draw_variances(curves(measured), folder / "variances.png")
    write_csv(folder / "variances.csv", measured)
    write_text(folder / "audit.json", json.dumps(said, indent=2) + "\n")
    print(f"written: {folder}/variances.png, variances.csv, audit.json")
