"""``posepyr complexity``: what networks cost, beside what the papers print of them."""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posepyr import errors
from posepyr.errors import UsageError

if TYPE_CHECKING:
    from posepyr.measurement.comparison import Outcome

INPUT = (256, 256)
CLASSIFIER_INPUT = (32, 32)

EXAMPLES = """examples:
  posepyr complexity                                       every figure of the papers
  posepyr complexity --check                               exit code 1 where one is not met
  posepyr complexity model=hrnet_w32 data.input_size=[256,192]
  posepyr complexity classifier=resnext_29_8x64d --input 32x32 --batch 128
"""


def run(arguments: list[str]) -> int:
    """The papers' table, or one network where overrides choose it."""
    options = _parser().parse_intermixed_args(arguments)
    if not options.overrides:
        if options.input or options.depth != 1:
            raise UsageError("--input and --depth must come with overrides that choose a network, as model=hrnet_w32")
        return run_table(options.check, options.json)
    if options.check:
        raise UsageError("--check must come without overrides: it checks the papers' figures")
    if options.batch < 1 or options.depth < 1:
        raise UsageError(f"--batch and --depth must be at least 1, got {options.batch} and {options.depth}")
    report = one_network(options.overrides, options.config_dir, options.input, options.batch, options.depth)
    _write(options.json, report)
    sys.stdout.write(summary(report))
    return errors.COMPLETED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "posepyr complexity",
        description="Compare every size and cost that the papers print with what is counted, or count one network.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("overrides", nargs="*", help="choose one network: model=NAME or classifier=NAME, and its keys")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a figure is outside its tolerance")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows, or the one network's report")
    parser.add_argument("--input", metavar="HxW", help="height x width (data.input_size; 32x32 of a classifier)")
    parser.add_argument("--batch", type=int, default=16, help="pictures of the memory estimate (16)")
    parser.add_argument("--depth", type=int, default=1, help="parts of a module's name that make a stage (1)")
    parser.add_argument("--config-dir", help="a folder of your own configuration files, looked into first")
    return parser


def run_table(check: bool, file: Path | None) -> int:
    """Print every row; the exit code is of use with ``check``."""
    # Here, after parsing: --help and a wrong flag must not wait for Torch.
    from posepyr.measurement.comparison import compare
    from posepyr.measurement.published import rows

    outcomes = compare(rows())
    _write(file, [outcome.to_dict() for outcome in outcomes])
    sys.stdout.write(table(outcomes))
    return errors.FAILED if check and not all(outcome.passes for outcome in outcomes) else errors.COMPLETED


def table(outcomes: Sequence["Outcome"]) -> str:
    """One line a figure, and how many there are of each table."""
    lines = [["source", "system", "input", "quantity", "published", "counted", "difference", "unit", "verdict"]]
    for outcome in outcomes:
        row = outcome.row
        lines.append([
            row.source, row.system, "x".join(map(str, row.input[-2:])), row.quantity, row.published,
            _number(outcome.counted), _number(outcome.difference, "+"), row.unit,
            "; ".join(filter(None, (outcome.verdict, row.remark))),
        ])  # fmt: skip
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]) - 1)]
    text = "\n".join("  ".join([*map(str.ljust, line, widths), line[-1]]) for line in lines)
    met = sum(outcome.met for outcome in outcomes)
    excused = sum(outcome.passes for outcome in outcomes) - met
    counts = Counter(outcome.row.source for outcome in outcomes)
    tables = ", ".join(f"{source} {number}" for source, number in counts.items())
    failed = len(outcomes) - met - excused
    return (
        f"{text}\n\n{len(outcomes)} figures ({tables}): {met} met, {excused} that cannot be, {failed} wrong\n"
        "The tolerance is one unit of a figure's last digit, and 1% where a paper's own figures differ by that much.\n"
    )


def _number(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.3f}"


def one_network(
    overrides: Sequence[str], config_dir: str | None, asked: str | None, batch: int, depth: int
) -> dict[str, Any]:
    """What the network of a configuration costs, as plain data."""
    from posepyr.configuration.compose import Composer
    from posepyr.measurement.complexity import build_on_meta, count, training_memory

    config = Composer(config_dir).job(overrides).config
    classifier = config.get("classifier")
    if classifier:
        network = build_on_meta(classifier)
        height, width = input_size(asked, CLASSIFIER_INPUT)
    else:
        network = build_on_meta(config["model"], joints=len(config["skeleton"]["joints"]))
        height, width = input_size(asked, config["data"].get("input_size", INPUT))
    cost = count(network, (3, height, width), depth)
    memory = training_memory(network, (3, height, width), batch)
    return {
        "network": (classifier or config["model"])["_target_"],
        "input": [height, width],
        "parameters": cost.parameters,
        "multiply_adds": cost.multiply_adds,
        "activations": cost.activations,
        "stages": cost.stages,
        "batch": batch,
        "training_bytes": {**memory._asdict(), "peak": memory.peak},
    }


def input_size(asked: str | None, usual: Sequence[int]) -> tuple[int, int]:
    """Height and width of the input."""
    if asked is None:
        return usual[0], usual[1]
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", asked)
    if not found:
        raise UsageError(f"--input must be HEIGHTxWIDTH, as 256x192, got {asked}")
    return int(found[1]), int(found[2])


def summary(report: dict[str, Any]) -> str:
    """The report for reading."""
    height, width = report["input"]
    memory = {name: f"{value / 2**20:,.0f} MiB" for name, value in report["training_bytes"].items()}
    total = report["multiply_adds"]
    lines = [
        f"network       {report['network']} at {height}x{width}",
        f"parameters    {report['parameters']:,}",
        f"multiply-adds {total / 1e9:.3f} x 10^9 ({total / 2**30:.3f} x 2^30)",
        *(f"  {name:<24} {value / 1e9:9.3f}  {value / total:6.1%}" for name, value in report["stages"].items()),
        f"activations   {report['activations']:,} (outputs of convolutions and linear layers)",
        f"training      {memory['peak']} at a batch of {report['batch']} in single precision: weights "
        f"{memory['weights']}, gradients {memory['gradients']}, kept for the backward pass {memory['activations']}; "
        "the optimiser's state comes on top",
    ]
    return "\n".join(lines) + "\n"


def _write(file: Path | None, content: Any) -> None:
    from posepyr.files import write_text

    if file is not None:
        write_text(file, json.dumps(content, indent=2) + "\n")
