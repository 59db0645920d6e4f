"""``posepyr bench data``: the speed at which samples are made, step by step."""

from typing import Any

from posepyr import errors
from posepyr.cli import options
from posepyr.tables import align

COUNT, SECONDS = 32, 20.0

EXAMPLES = """examples:
  posepyr bench data                                        drawn figures
  posepyr bench data data=coco augment=hrnet
  posepyr bench data data=coco augment=hrnet data.decode=full --workers 4
  posepyr bench data data=mpii data.cache=crops --json loading.json
"""

BASELINES = {"imread": "imread", "imread_and_warp": "imread and one warp"}


def run(arguments: list[str]) -> int:
    """Measure the making of samples, print the figures and write the report."""
    chosen = _parser().read(arguments)
    options.check_least(chosen, count=1, workers=0)
    options.check_positive(chosen, "seconds")
    # Here, after parsing: --help and a wrong flag must not wait for Torch.
    from posepyr.studies.training_benchmarks import measure_samples

    report = measure_samples(
        chosen.overrides, config_dir=chosen.config_dir, split=chosen.split, workers=chosen.workers,
        count=chosen.count, seconds=chosen.seconds,
    )  # fmt: skip
    options.deliver(chosen, report, text(report))
    return errors.COMPLETED


def _parser() -> options.Parser:
    parser = options.Parser(
        "posepyr bench data",
        "Time how samples are made: on one core, split into reading, decoding, warping, colours and the rest, in turn "
        "with OpenCV's plain decoding of the same files; then by the loader's workers. Files are in the system's "
        "memory by then, so that the figures leave out the disk.",
        EXAMPLES,
    )
    parser.add_argument("overrides", nargs="*", help="choose the data and its augmentation, as for training")
    parser.add_argument("--split", default="train", metavar="NAME", help="val and test are not augmented (train)")
    parser.add_argument("--workers", type=int, metavar="N", help="(data.workers)")
    parser.add_argument("--count", type=int, default=COUNT, metavar="N", help=f"samples a round ({COUNT})")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help=f"for each of the two parts ({SECONDS:g})"
    )
    options.add_json(parser)
    options.add_config_dir(parser)
    return parser


def text(report: dict[str, Any]) -> str:
    """Return the report for reading."""
    machine, one_core, loader = report["machine"], report["one_process"], report["loader"]
    load = " ".join(f"{value:.2f}" for value in machine["load_average"]) or "unknown"
    lines = [
        f"machine  {machine['name']}, {machine['cores']} cores, OpenCV {machine['opencv']}, load average before {load}",
        f"data     {' '.join(report['overrides']) or 'as configured'}: {report['split']}, {report['size']} samples",
        "",
        f"one core, {one_core['samples']} samples in {one_core['rounds']} rounds",
        *align([["", "ms of CPU time", "share", "ms of wall time"], *_steps(report)]),
        "",
        *align([["", "samples/s of CPU time", "of wall time", "ours against it", "quartiles"], *_rates(one_core)]),
        "",
        f"loader   {loader['samples_per_second']:.0f} samples/s from {loader['workers']} worker"
        f"{'' if loader['workers'] == 1 else 's'}, {loader['samples_per_second_a_worker']:.0f} from each",
    ]
    return "\n".join(lines) + "\n"


def _steps(report: dict[str, Any]) -> list[list[str]]:
    steps, kind = report["one_process"]["ms_a_sample"], report["pictures"] or {}
    sums = {clock: sum(step[clock] for step in steps.values()) for clock in ("processor", "wall")}
    names = {"decode": "draw" if kind.get("drawn") else "look up" if kind.get("cached") else "decode"}
    rows = []
    for name, step in steps.items():
        if name != "read" or step["wall"]:
            share = step["processor"] / sums["processor"]
            rows.append([names.get(name, name), f"{step['processor']:.3f}", f"{share:.0%}", f"{step['wall']:.3f}"])
    return [*rows, ["sample", f"{sums['processor']:.3f}", "", f"{sums['wall']:.3f}"]]


def _rates(one_core: dict[str, Any]) -> list[list[str]]:
    rates = one_core["samples_per_second"]
    rows = [["posepyr", f"{rates['processor']:.0f}", f"{rates['wall']:.0f}", "", ""]]
    for name, baseline in one_core["baselines"].items():
        rates, ratio = baseline["samples_per_second"], baseline["rate_against_it"]["processor"]
        rows.append([
            BASELINES[name], f"{rates['processor']:.0f}", f"{rates['wall']:.0f}", f"{ratio['median']:.3f}",
            f"{ratio['lower']:.3f} to {ratio['upper']:.3f}",
        ])  # fmt: skip
    return rows
