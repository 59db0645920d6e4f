"""``posepyr bench data``: how fast samples are made, step by step."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from posepyr import errors
from posepyr.errors import UsageError

COUNT, SECONDS = 32, 20.0

EXAMPLES = """examples:
  posepyr bench data                                        drawn figures
  posepyr bench data data=coco augment=hrnet
  posepyr bench data data=coco augment=hrnet data.decode=full --workers 4
  posepyr bench data data=mpii data.cache=crops --json loading.json
"""


def run(arguments: list[str]) -> int:
    """Measures, prints, and writes the report where it is asked for."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    options = _parser().parse_intermixed_args(arguments)
    if options.count < 1:
        raise UsageError(f"--count must be at least 1, got {options.count}")
    if not options.seconds > 0:
        raise UsageError(f"--seconds must be positive, got {options.seconds}")
    if options.workers is not None and options.workers < 0:
        raise UsageError(f"--workers must not be negative, got {options.workers}")
    report = measure(options, load)
    if options.json:
        from posepyr.files import write_text

        write_text(options.json, json.dumps(report, indent=2) + "\n")
    sys.stdout.write(text(report))
    return errors.COMPLETED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "posepyr bench data",
        description="Time how samples are made: on one core, split into reading, decoding, warping, colours and the "
        "rest, in turn with OpenCV's plain decoding of the same files; then by the loader's workers. Files are in the "
        "system's memory by then, so that what a disk adds is not in the figures.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("overrides", nargs="*", help="choose the data and its augmentation, as for training")
    parser.add_argument("--split", default="train", metavar="NAME", help="val and test are not augmented (train)")
    parser.add_argument("--workers", type=int, metavar="N", help="(data.workers)")
    parser.add_argument("--count", type=int, default=COUNT, metavar="N", help=f"people at a time ({COUNT})")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help=f"for each of the two parts ({SECONDS:g})"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report")
    parser.add_argument("--config-dir", help="a folder of your own configuration files, looked into first")
    return parser


def measure(options: argparse.Namespace, load: Any) -> dict[str, Any]:
    """The report as plain data."""
    # Here, after parsing: --help and a wrong flag must not wait for Torch.
    import cv2

    from posepyr.configuration.compose import Composer
    from posepyr.measurement.loading import many_workers, one_process, picture
    from posepyr.measurement.timing import Limits, device_name
    from posepyr.training.build import make_data

    data = make_data(Composer(options.config_dir).job(options.overrides).config)
    if options.workers is not None:
        data.workers = options.workers
    samples = data.samples(options.split, augment=options.split == "train")
    if not len(samples):
        raise ValueError(f"--split must name a split with somebody in it, got {options.split}, which has nobody")
    kind = picture(samples)
    return {
        "machine": {
            "name": device_name("cpu"), "cores": os.cpu_count(), "opencv": cv2.__version__, "load_average": list(load)
        },
        "overrides": options.overrides,
        "split": options.split,
        "size": len(samples),
        "pictures": None if kind is None else kind._asdict(),
        "one_process": one_process(samples, options.count, Limits(0, sys.maxsize, options.seconds)),
        "loader": many_workers(data, samples, options.seconds),
    }  # fmt: skip


def text(report: dict[str, Any]) -> str:
    """The report for reading."""
    machine, alone, loader = report["machine"], report["one_process"], report["loader"]
    load = " ".join(f"{value:.2f}" for value in machine["load_average"]) or "unknown"
    lines = [
        f"machine  {machine['name']}, {machine['cores']} cores, OpenCV {machine['opencv']}, load average before {load}",
        f"data     {' '.join(report['overrides']) or 'as configured'}: {report['split']}, {report['size']} samples",
        "",
        f"one core, {alone['samples']} samples in {alone['rounds']} rounds",
        *_table([["", "ms of CPU time", "share", "ms of wall time"], *_steps(report)]),
        "",
        *_table([["", "samples/s of CPU time", "of wall time", "ours against it", "quartiles"], *_rates(alone)]),
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


def _rates(alone: dict[str, Any]) -> list[list[str]]:
    rates = alone["samples_per_second"]
    rows = [["posepyr", f"{rates['processor']:.0f}", f"{rates['wall']:.0f}", "", ""]]
    for name, baseline in alone["baselines"].items():
        rates, ratio = baseline["samples_per_second"], baseline["rate_against_it"]["processor"]
        rows.append([
            {"imread": "imread", "imread_and_warp": "imread and one warp"}[name],
            f"{rates['processor']:.0f}", f"{rates['wall']:.0f}", f"{ratio['median']:.3f}",
            f"{ratio['lower']:.3f} to {ratio['upper']:.3f}",
        ])  # fmt: skip
    return rows


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
