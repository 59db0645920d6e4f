"""``posepyr bench model``: networks' passes timed in turn, and their memory."""

import argparse
from collections.abc import Sequence
from typing import Any

from posepyr import errors
from posepyr.cli import options
from posepyr.files import format_bytes
from posepyr.tables import align

BATCH = {"cpu": 4, "cuda": 16}
"""Pictures at once where --batch is not given."""

REPEAT, WARMUP, SECONDS = 20, 1, 45.0
PASSES = {"evaluation": "forward, as in evaluation", "training": "forward and backward, as in training"}

EXAMPLES = """examples:
  posepyr bench model model=hourglass_prm model.stacks=2
  posepyr bench model model=hourglass_prm --against model=hourglass --against model=hrnet_w32
  posepyr bench model model=hrnet_w32 --against --compile --against "--compile --precision bf16"
  posepyr bench model classifier=resnext_29_8x64d --input 32x32 --batch 64 --json times.json
"""


def run(arguments: list[str]) -> int:
    """Measure networks, print the figures and write the report."""
    chosen = _parser().read(arguments)
    options.check_least(chosen, repeat=1, warmup=0, threads=1)
    options.check_positive(chosen, "seconds")
    networks = read_networks(chosen)
    # Here, after parsing: --help and a wrong flag must not wait for Torch.
    from posepyr.measurement.machine import choose_device
    from posepyr.measurement.timing import Budget
    from posepyr.studies.network_benchmarks import choose_network, measure_networks

    device = choose_device(chosen.device)
    report = measure_networks(
        [
            choose_network(
                one.overrides, batch=one.batch or BATCH[device], config_dir=chosen.config_dir,
                size=options.parse_size(one.input) if one.input else None, precision=one.precision,
                compiled=one.compile, channels_last=one.channels_last,
            )
            for one in networks
        ],
        Budget(chosen.warmup, chosen.repeat, chosen.seconds),
        device=device, threads=chosen.threads, memory=chosen.memory,
        begin=lambda report: None if options.prints_json(chosen) else print(heading(report), flush=True),
    )  # fmt: skip
    options.deliver(chosen, report, table(report))
    return errors.COMPLETED


def _parser() -> options.Parser:
    parser = options.Parser(
        "posepyr bench model",
        "Time the forward pass of a network in evaluation, and forward and backward passes in training, and measure "
        "their memory; beside those of other networks, which take turns with it.",
        EXAMPLES,
    )
    _add_network(parser)
    options.add_against(
        parser,
        "NETWORK",
        "another network, as often as you like: overrides and any of the options above, in quotes. All that it does "
        "not give is as the first has it; without overrides it is the first network itself",
    )
    parser.add_argument("--repeat", type=int, default=REPEAT, metavar="N", help=f"rounds ({REPEAT})")
    parser.add_argument("--warmup", type=int, default=WARMUP, metavar="N", help=f"rounds before them ({WARMUP})")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help=f"begin no round after so long ({SECONDS:g})"
    )
    options.add_device(parser)
    parser.add_argument("--threads", type=int, metavar="N", help="threads on the CPU (Torch's own choice)")
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="leave memory out")
    options.add_json(parser, "the report, with every single time,")
    options.add_config_dir(parser)
    return parser


def _add_network(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that describe one network."""
    parser.add_argument("overrides", nargs="*", help="choose a network: model=NAME or classifier=NAME, and its keys")
    options.add_input_size(parser, "data.input_size; 32x32 of a classifier")
    batches = ", ".join(f"{batch} on {device}" for device, batch in BATCH.items())
    parser.add_argument("--batch", type=int, metavar="N", help=f"pictures at once ({batches})")
    parser.add_argument("--precision", choices=["32", "bf16"], help="bf16: automatic mixed precision (32)")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, help="by torch.compile (no)")
    parser.add_argument(
        "--channels-last", action=argparse.BooleanOptionalAction, help="weights in the layout of training (yes)"
    )


def read_networks(chosen: argparse.Namespace) -> list[argparse.Namespace]:
    """Return the arguments of each network on a command line, those of the first one first."""
    networks = [chosen, *(options.read_against(text, _add_network, chosen) for text in chosen.against)]
    for one in networks:
        options.check_least(one, batch=1)
    return networks


def heading(report: dict[str, Any]) -> str:
    """Return the lines that name the machine and the networks."""
    machine = report["machine"]
    load = " ".join(f"{value:.2f}" for value in machine["load_average"]) or "unknown"
    lines = [
        f"machine    {machine['device']}, {machine['name']}; {machine['threads']} of {machine['cores']} CPU threads, "
        f"torch {machine['torch']}, load average before {load}"
    ]
    lines += [f"network {number}  {_network(entry)}" for number, entry in enumerate(report["networks"], 1)]
    return "\n".join(lines)


def _network(entry: dict[str, Any]) -> str:
    height, width = entry["input_size"]
    settings = [
        f"{height}x{width}", f"batch {entry['batch']}", entry["precision"].replace("32", "32 bit"),
        "channels last" if entry["channels_last"] else "channels first", *(["compiled"] if entry["compiled"] else []),
    ]  # fmt: skip
    name = " ".join(entry["overrides"]) or entry["network"]
    parameters, operations = entry["parameters"] / 1e6, entry["multiply_adds"] / 1e9
    return f"{name}: {', '.join(settings)}; {parameters:.2f}M parameters, {operations:.2f}G multiply-adds a picture"


def table(report: dict[str, Any]) -> str:
    """Return a table of each kind of pass, a line a network, and the method of measurement."""
    on_cpu = report["machine"]["device"] == "cpu"
    head = ["network", "ms a batch", "quartiles", "pictures/s", "time vs 1", "quartiles"]
    head += ["CPU time vs 1", "quartiles"] if on_cpu else []
    head += ["peak memory"] if report["memory"] else []
    lines = []
    for name, title in PASSES.items():
        rows = [_row(entry[name], number, on_cpu) for number, entry in enumerate(report["networks"], 1)]
        lines += ["", title, *align([head, *rows], ">")]
    lines += [
        "",
        f"Medians of {rounds(report)}; in each, every network takes its turn. Ratios compare the times of a picture in "
        "the same round.",
        *([f"Memory: {report['memory']}."] if report["memory"] else []),
    ]
    return "\n".join(lines) + "\n"


def _row(figures: dict[str, Any], number: int, on_cpu: bool) -> list[str]:
    row = [str(number), *median_and_quartiles(figures["wall_ms"], 2), f"{figures['pictures_per_second']:.2f}"]
    for name in ("wall_ratio", "processor_ratio") if on_cpu else ("wall_ratio",):
        row += ["1", ""] if number == 1 else median_and_quartiles(figures[name], 3)
    return row + ([format_bytes(figures["peak_bytes"])] if "peak_bytes" in figures else [])


def median_and_quartiles(figures: dict[str, float], digits: int) -> Sequence[str]:
    """Return the cells of two columns."""
    return [f"{figures['median']:.{digits}f}", f"{figures['lower']:.{digits}f} to {figures['upper']:.{digits}f}"]


def rounds(report: dict[str, Any]) -> str:
    """Return the number of rounds in words, and that it was cut short if it was."""
    limits, number = report["limits"], report["rounds"]
    cut = f" of {limits['repeat']}, cut short by --seconds {limits['seconds']:g}" if number < limits["repeat"] else ""
    return f"{number} round{'s' if number > 1 else ''}{cut}"
