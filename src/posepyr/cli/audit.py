"""``posepyr audit``: the variance of responses and gradients through the depth of networks, side by side."""

import math
import shlex
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from posepyr import errors
from posepyr.cli import options
from posepyr.tables import align

if TYPE_CHECKING:
    from posepyr.variance.curves import Band, Curve, Section

BATCH = 2
UNKNOWN = "-"
"""Mean of variances of which one is zero or larger than numbers go."""

EXAMPLES = """examples:
  posepyr audit model=hourglass_prm init=xavier,msr,multibranch --at convolutions --no-norms --output audit
  posepyr audit model=hourglass model.stacks=8 model.shortcut=identity,convolution
  posepyr audit model=simple_baseline_r50 --input 128x128 --steps 20 --seeds 3
  posepyr audit sweep=init experiment=demo
"""


def run(arguments: list[str]) -> int:
    """Measure networks, print the table, and write the files."""
    chosen = _parser().read(arguments)
    options.check_least(chosen, batch=2, steps=0, seeds=1)
    size = options.parse_size(chosen.input) if chosen.input else None
    # Here, after parsing: --help and a wrong flag must not wait for Torch.
    from posepyr.cli.options import tracking
    from posepyr.measurement.machine import choose_device
    from posepyr.studies.variance_audit import AuditSettings, choose_networks, describe_audit, measure, write_audit
    from posepyr.variance.curves import curves

    settings = AuditSettings(chosen.at, chosen.steps, chosen.seeds, chosen.batch, chosen.norms)
    networks = choose_networks(chosen.overrides, chosen.config_dir, size)
    with tracking() as track:
        measured, notes = measure(track(networks, "measuring"), settings, choose_device(chosen.device))
    sys.stdout.write("\n".join([*notes, table(curves(measured))]))
    if chosen.output:
        command = shlex.join(["posepyr", "audit", *arguments])
        write_audit(chosen.output, measured, describe_audit(command, networks, settings, notes))
        print(f"written: {chosen.output}/variances.png, variances.csv, audit.json")
    return errors.COMPLETED


def _parser() -> options.Parser:
    parser = options.Parser(
        "posepyr audit",
        "Measure the variance of responses, and of the gradients that come back, from the first layer of a network to "
        "the last: at its first weights and after some steps of training.",
        EXAMPLES,
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
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="number of first weights (1)")
    parser.add_argument("--batch", type=int, default=BATCH, metavar="N", help=f"pictures at once ({BATCH})")
    options.add_input_size(parser, "that of the data")
    parser.add_argument(
        "--no-norms", dest="norms", action="store_false",
        help="leave batch norm out, which hides from a layer the scale of the first weights before it",
    )  # fmt: skip
    options.add_device(parser)
    options.add_output(parser, "write variances.png, variances.csv and audit.json")
    options.add_config_dir(parser)
    return parser


def table(curves: Sequence["Curve"]) -> str:
    """Return variances by the sections of networks; networks of other sections stand in tables of their own."""
    from posepyr.variance.curves import sections

    lines: list[str] = []
    for parts, group in groupby(curves, lambda curve: sections(curve.names)):
        alike = list(group)
        head = ["outputs", *(curve.label for curve in alike)]
        responses = _rows(parts, [curve.responses for curve in alike])
        gradients = _rows(parts, [curve.gradients for curve in alike])
        lines += ["", *align([["variance of responses", *head], *responses])]
        lines += ["", *align([["variance of gradients", *head], *gradients])]
    return "\n".join([*lines, "", "Geometric means over the outputs of each part, in the order of execution."]) + "\n"


def _rows(parts: Sequence["Section"], columns: Sequence[Sequence["Band"]]) -> list[list[str]]:
    rows = [
        [part.name, str(part.stop - part.start), *(_mean(column[part.start : part.stop]) for column in columns)]
        for part in parts
    ]
    return [*rows, ["largest over smallest", "", *map(_largest_over_smallest, columns)]]


def _mean(bands: Iterable["Band"]) -> str:
    logs = [math.log(band.mean) for band in bands]
    return _number(math.exp(math.fsum(logs) / len(logs)))


def _largest_over_smallest(bands: Sequence["Band"]) -> str:
    means = [band.mean for band in bands]
    return UNKNOWN if any(map(math.isnan, means)) else _number(max(means) / min(means))


def _number(value: float) -> str:
    return UNKNOWN if math.isnan(value) else f"{value:.3g}"
