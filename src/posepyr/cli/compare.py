"""``posepyr compare``: two files of predictions of the same people, and whether they differ for certain."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from posepyr import errors
from posepyr.cli import score
from posepyr.errors import UsageError

if TYPE_CHECKING:
    from posepyr.metrics.comparison import Difference

EXAMPLES = """examples:
  posepyr compare --metric pckh --truth detections_our_format.mat one_stack.mat two_stacks.mat
  posepyr compare --metric pck --truth runs/a/test_predictions.npz runs/{a,b}/test_predictions.npz --json report.json

The interval is the paired bootstrap's: people are drawn anew 2,000 times, each with both of its poses, and 95 of 100
of the differences lie in it. Where it leaves out zero, the difference is certain.
"""


def run(arguments: list[str]) -> int:
    """Compares, prints, and writes the report where it is asked for."""
    description = "Compare two files of predictions of the same people, joint by joint."
    made = score.parser("compare", description, score.LAYOUTS + EXAMPLES)
    made.add_argument("files", nargs=2, type=Path, metavar="FILE", help="what was found; the second less the first")
    options = made.parse_intermixed_args(arguments)
    settings = score.settings(options)
    from posepyr.data.results import read_predictions, read_truth
    from posepyr.evaluation import scoring

    paired = [name for name, metric in scoring.METRICS.items() if metric.pairs]
    if options.metric not in paired:
        raise UsageError(f"--metric must be one of {', '.join(paired)} to compare by, got {options.metric}")
    known = read_truth(score.existing(options.truth, "--truth"))
    first, second = (read_predictions(score.existing(file, "FILE"), len(known.joints)) for file in options.files)
    skeleton = score.skeleton_of(options.skeleton, known)
    protocol, found = scoring.compare_files(options.metric, (first, second), known, skeleton, settings)
    content = {
        "metric": options.metric,
        "protocol": protocol,
        **score.said(options),
        "files": [str(file) for file in options.files],
        "differences": {name: one._asdict() | {"certain": one.certain} for name, one in found.items()},
    }
    score.write_json(options.json, content)
    sys.stdout.write(text(options, protocol, found))
    return errors.COMPLETED


def text(options: argparse.Namespace, protocol: str, found: "Mapping[str, Difference]") -> str:
    """The differences for reading, in percent; the mean comes last, as in papers."""
    names = dict.fromkeys(name for name in (*score.PAPERS, *found, "mean") if name in found)
    names["mean"] = names.pop("mean", None)
    rows = [
        ["", "A", "B", "B - A", "95% interval", ""],
        *([name, *_cells(found[name])] for name in names if name in found),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    head = [f"metric  {protocol}", f"truth   {options.truth}"]
    head += [f"{letter}       {file}" for letter, file in zip("AB", options.files, strict=True)]
    return "\n".join([*head, "", *lines]) + "\n"


def _cells(difference: "Difference") -> list[str]:
    first, second, apart, low, high = (100 * value for value in difference)
    verdict = "certain" if difference.certain else "not certain"
    return [f"{first:.2f}", f"{second:.2f}", f"{apart:+.2f}", f"{low:+.2f} to {high:+.2f}", verdict]
