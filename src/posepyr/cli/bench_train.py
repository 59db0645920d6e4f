"""``posepyr bench train``: trainings timed in turn, as ``posepyr train`` does them, or by other programs."""

import argparse
from typing import Any

from posepyr import errors
from posepyr.cli import options
from posepyr.cli.bench_model import median_and_quartiles, rounds
from posepyr.files import format_bytes
from posepyr.tables import align

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

MEMORY = {
    "cpu": "Memory: of the training process at its highest, its imports counted in.",
    "cuda": "Memory: highest sum of Torch's allocations (torch.cuda.max_memory_allocated).",
}


def run(arguments: list[str]) -> int:
    """Measure trainings, print the figures and write the report."""
    chosen = _parser().read(arguments)
    options.check_least(chosen, steps=1, warmup=1, repeat=1, threads=1)
    options.check_positive(chosen, "seconds")
    trainings = read_trainings(chosen)
    # Here, after parsing: --help and a wrong flag must not wait for Torch.
    from posepyr.cli.options import progress_bar
    from posepyr.measurement.machine import choose_device
    from posepyr.measurement.timing import Budget
    from posepyr.measurement.training_speed import SpeedTask
    from posepyr.studies.training_benchmarks import Training, measure_trainings

    progress = progress_bar()
    bar = progress.add_task("rounds", total=chosen.repeat)

    def begin(report: dict[str, Any]) -> None:
        if not options.prints_json(chosen):
            print(heading(report), flush=True)
        progress.start()

    try:
        report = measure_trainings(
            [Training(one.overrides, chosen.config_dir, one.tf32) for one in trainings],
            chosen.baseline,
            SpeedTask(chosen.steps, chosen.warmup, choose_device(chosen.device), chosen.threads),
            Budget(0, chosen.repeat, chosen.seconds),
            begin=begin,
            begin_round=lambda number: progress.update(bar, completed=number),
        )
    finally:
        progress.stop()
    options.deliver(chosen, report, table(report))
    return errors.COMPLETED


def _parser() -> options.Parser:
    parser = options.Parser(
        "posepyr bench train",
        "Train for some steps, just as posepyr train does, and measure how fast that is, what a step's time goes into, "
        "and its memory; beside other trainings and other programs, which take turns with it. Every turn is a new "
        "process on one device.",
        EXAMPLES,
    )
    _add_training(parser)
    options.add_against(
        parser,
        "TRAINING",
        "another training, as often as you like: overrides and any of the options above, in quotes; without overrides "
        "it is the first training itself",
    )
    parser.add_argument(
        "--baseline", action="append", default=[], metavar="COMMAND",
        help="another program, as often as you like, in quotes; its task is described below",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N", help=f"steps that are timed ({STEPS})")
    parser.add_argument("--warmup", type=int, default=WARMUP, metavar="N", help=f"steps before them ({WARMUP})")
    parser.add_argument("--repeat", type=int, default=REPEAT, metavar="R", help=f"rounds ({REPEAT})")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help=f"begin no round after so long ({SECONDS:g})"
    )
    options.add_device(parser)
    parser.add_argument("--threads", type=int, metavar="N", help="threads on the CPU (as the configuration says)")
    options.add_json(parser, "the report, with every round's figures,")
    options.add_config_dir(parser)
    return parser


def _add_training(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that describe one training."""
    parser.add_argument("overrides", nargs="*", help="what to train, as for posepyr train")
    parser.add_argument(
        "--tf32", action=argparse.BooleanOptionalAction,
        help="on a GPU: round to TF32 in 32-bit convolutions and products (Torch's own choice: in convolutions)",
    )  # fmt: skip


def read_trainings(chosen: argparse.Namespace) -> list[argparse.Namespace]:
    """Return the arguments of each training on a command line, those of the first one first."""
    return [chosen, *(options.read_against(text, _add_training, chosen) for text in chosen.against)]


def heading(report: dict[str, Any]) -> str:
    """Return the lines that name the machine and the programs."""
    machine = report["machine"]
    load = " ".join(f"{value:.2f}" for value in machine["load_average"]) or "unknown"
    lines = [
        f"machine  {machine['device']}, {machine['name']}; {machine['cores']} CPU cores, torch {machine['torch']}, "
        f"load average before {load}"
    ]
    return "\n".join([*lines, *(f"{number:<7}  {_name(entry)}" for number, entry in enumerate(report["programs"], 1))])


def _name(entry: dict[str, Any]) -> str:
    if "command" in entry:
        return str(entry["command"])
    name = " ".join(entry["overrides"]) or "as configured"
    rounding = {None: [], True: ["TF32"], False: ["no TF32"]}[entry["tf32"]]
    settings = [
        entry["network"].rpartition(".")[2], f"batch {entry['batch']}", entry["precision"],
        *(["compiled"] if entry["compiled"] else []), *rounding,
    ]  # fmt: skip
    return f"{name}: {', '.join(settings)}"


def table(report: dict[str, Any]) -> str:
    """Return the rates, the parts of a step, and the method of measurement."""
    entries = list(enumerate(report["programs"], 1))
    on_cpu = report["machine"]["device"] == "cpu"
    head = ["", "samples/s", "quartiles", "time vs 1", "quartiles"]
    head += ["CPU time vs 1", "quartiles"] if on_cpu else []
    head += ["first step", "peak memory", "threads", "workers"]
    steps = report["limits"]["steps"]
    lines = [
        "",
        *align([head, *(_rates(entry, number, on_cpu) for number, entry in entries)], ">"),
        "",
        *align(_parts(entries), ">"),
        "",
        f"Medians of {rounds(report)}; in each, every program is started anew in its turn. Rates and waits: of {steps} "
        f"steps after {report['limits']['warmup']}. Parts of a step: of {steps} further ones, slowed down by being "
        "timed.",
        "Ratios compare the times of a sample in the same round. First step: from the start of the program to its end.",
        MEMORY[report["machine"]["device"]],
    ]
    return "\n".join(lines) + "\n"


def _rates(entry: dict[str, Any], number: int, on_cpu: bool) -> list[str]:
    row = [str(number), *median_and_quartiles(entry["samples_per_second"], 2)]
    for name in ("wall_ratio", "processor_ratio") if on_cpu else ("wall_ratio",):
        ratio = entry[name]
        row += ["1", ""] if number == 1 else median_and_quartiles(ratio, 3) if ratio else ["", ""]
    first, peak = entry["first_step_seconds"], entry["peak_bytes"]
    row += [f"{first['median']:.1f} s" if first else "", format_bytes(peak) if peak else ""]
    return row + ["" if entry[name] is None else str(entry[name]) for name in ("threads", "workers")]


def _parts(entries: list[tuple[int, dict[str, Any]]]) -> list[list[str]]:
    """Return a row for each program that measures the parts of a step, below the headings."""
    rows: list[list[str]] = []
    for number, entry in entries:
        if entry["split_ms"]:
            parts = {name: part["median"] for name, part in entry["split_ms"].items()}
            whole, wait = sum(parts.values()), entry["data_wait"]
            rows = rows or [["ms a step", *parts, "sum", "waits for data"]]
            cells = [f"{value:.2f} ({value / whole:.0%})" for value in parts.values()]
            rows.append([str(number), *cells, f"{whole:.2f}", f"{wait['median']:.1%}" if wait else ""])
    return rows
