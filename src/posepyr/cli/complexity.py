"""``posepyr complexity``: what networks cost, beside what the papers print of them."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from posepyr import errors
from posepyr.cli import options
from posepyr.errors import UsageError
from posepyr.tables import align

if TYPE_CHECKING:
    from posepyr.measurement.comparison import Outcome

EXAMPLES = """examples:
  posepyr complexity                                       every figure of the papers
  posepyr complexity --check                               exit code 1 where one is not met
  posepyr complexity model=hrnet_w32 data.input_size=[256,192]
  posepyr complexity classifier=resnext_29_8x64d --input 32x32 --batch 128
"""


def run(arguments: list[str]) -> int:
    """Compare the papers' figures, or count one network where overrides choose it."""
    parser = options.Parser(
        "posepyr complexity",
        "Compare every size and cost that the papers print with what is counted, or count one network.",
        EXAMPLES,
    )
    parser.add_argument("overrides", nargs="*", help="choose one network: model=NAME or classifier=NAME, and its keys")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a figure is outside its tolerance")
    options.add_json(parser, "the figures, or the one network's report,")
    options.add_input_size(parser, "data.input_size; 32x32 of a classifier")
    parser.add_argument("--batch", type=int, default=16, help="pictures of the memory estimate (16)")
    parser.add_argument("--depth", type=int, default=1, help="parts of a module's name that make a stage (1)")
    options.add_config_dir(parser)
    chosen = parser.read(arguments)
    options.check_least(chosen, batch=1, depth=1)
    if chosen.overrides:
        if chosen.check:
            raise UsageError("--check must come without overrides: it checks the papers' figures")
        report = one_network(chosen.overrides, chosen.config_dir, chosen.input, chosen.batch, chosen.depth)
        options.deliver(chosen, report, summary(report))
        return errors.COMPLETED
    if chosen.input or chosen.depth != 1:
        raise UsageError("--input and --depth must come with overrides that choose a network, as model=hrnet_w32")
    # Here, after parsing: --help and a wrong flag must not wait for Torch.
    from posepyr.measurement.comparison import compare, published_figures

    outcomes = compare(published_figures())
    options.deliver(chosen, [outcome.to_dict() for outcome in outcomes], table(outcomes))
    return errors.FAILED if chosen.check and not all(outcome.passes for outcome in outcomes) else errors.COMPLETED


def table(outcomes: Sequence["Outcome"]) -> str:
    """Return a line for each figure, and the number of figures of each table."""
    rows = [["source", "system", "input", "quantity", "published", "counted", "difference", "unit", "verdict"]]
    for outcome in outcomes:
        figure = outcome.figure
        rows.append([
            figure.source, figure.system, "x".join(map(str, figure.input[-2:])), figure.quantity, figure.published,
            _number(outcome.counted), _number(outcome.difference, "+"), figure.unit,
            "; ".join(filter(None, (outcome.verdict, figure.remark))),
        ])  # fmt: skip
    met = sum(outcome.met for outcome in outcomes)
    excused = sum(outcome.passes for outcome in outcomes) - met
    counts = Counter(outcome.figure.source for outcome in outcomes)
    tables = ", ".join(f"{source}: {number}" for source, number in counts.items())
    failed = len(outcomes) - met - excused
    return "\n".join([
        *align(rows, "<"),
        "",
        f"{len(outcomes)} figures ({tables}): {met} met, {excused} that cannot be, {failed} wrong",
        "The tolerance is one unit of a figure's last digit, and 1% where a paper's own figures differ by that much.",
        "",
    ])  # fmt: skip


def _number(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.3f}"


def one_network(
    overrides: Sequence[str], config_dir: str | None, size: str | None, batch: int, depth: int
) -> dict[str, Any]:
    """Return what the network of a configuration costs, as plain data; ``size`` as ``256x192``."""
    from posepyr.configuration.compose import compose
    from posepyr.configuration.networks import input_size, is_classification, network_group
    from posepyr.configuration.outline import CLASSIFIER_INPUT
    from posepyr.measurement.complexity import count, network_on_meta, training_memory

    config = compose(overrides, config_dir)
    network = network_on_meta(config)
    default = CLASSIFIER_INPUT if is_classification(config) else input_size(config)
    height, width = options.parse_size(size) if size else default
    cost = count(network, (3, height, width), depth)
    memory = training_memory(network, (3, height, width), batch)
    return {
        "network": config[network_group(config)]["_target_"],
        "input": [height, width],
        "parameters": cost.parameters,
        "multiply_adds": cost.multiply_adds,
        "activations": cost.activations,
        "stages": cost.stages,
        "batch": batch,
        "training_bytes": {**memory._asdict(), "peak": memory.peak},
    }


def summary(report: dict[str, Any]) -> str:
    """Return the report for reading."""
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
