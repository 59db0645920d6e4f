"""``posepyr compare``: two files of predictions of the same people, and whether they differ for certain."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from posepyr import errors
from posepyr.cli import options, score
from posepyr.errors import UsageError
from posepyr.tables import align

if TYPE_CHECKING:
    from posepyr.evaluation.comparison import Difference

EXAMPLES = """examples:
  posepyr compare --metric pckh --truth detections_our_format.mat one_stack.mat two_stacks.mat
  posepyr compare --metric pck --truth runs/a/test_predictions.npz runs/{a,b}/test_predictions.npz --json report.json

The interval is the paired bootstrap's: people are sampled with replacement 2,000 times, each with both of its poses,
and 95 of 100 of the differences lie in it. Where zero lies outside of it, the difference is certain.
"""


def run(arguments: list[str]) -> int:
    """Compare two files of predictions, and print or write the differences."""
    description = "Compare two files of predictions of the same people, joint by joint."
    parser = score.make_parser("compare", description, score.LAYOUTS + EXAMPLES)
    parser.add_argument(
        "files", nargs=2, type=Path, metavar="FILE", help="predictions; differences are second less first"
    )
    chosen = parser.read(arguments)
    settings = score.read_settings(chosen)
    from posepyr.data.results.predictions import read_predictions
    from posepyr.data.results.truths import read_truth
    from posepyr.evaluation.comparison import compare_files
    from posepyr.evaluation.scoring import METRICS, find_skeleton

    paired = [name for name, metric in METRICS.items() if metric.pairs]
    if chosen.metric not in paired:
        raise UsageError(f"--metric must be one of {', '.join(paired)} to compare by, got {chosen.metric}")
    known = read_truth(score.existing(chosen.truth, "--truth"))
    first, second = (read_predictions(score.existing(file, "FILE"), len(known.joints)) for file in chosen.files)
    skeleton = find_skeleton(chosen.skeleton, known)
    protocol, differences = compare_files(chosen.metric, (first, second), known, skeleton=skeleton, settings=settings)
    report = {
        "metric": chosen.metric,
        "protocol": protocol,
        "truth": str(chosen.truth),
        "files": [str(file) for file in chosen.files],
        "differences": {name: one._asdict() | {"certain": one.certain} for name, one in differences.items()},
    }
    options.deliver(chosen, report, text(chosen, protocol, differences))
    return errors.COMPLETED


def text(chosen: argparse.Namespace, protocol: str, differences: "Mapping[str, Difference]") -> str:
    """Return the differences for reading, in percent; the mean comes last, as in papers."""
    papers = [name for name in score.PAPERS if name in differences]
    others = [name for name in differences if name not in papers and name != "mean"]
    names = [*papers, *others, *(["mean"] if "mean" in differences else [])]
    rows = [["", "A", "B", "B - A", "95% interval", ""], *([name, *_cells(differences[name])] for name in names)]
    head = [f"metric  {protocol}", f"truth   {chosen.truth}"]
    head += [f"{letter}       {file}" for letter, file in zip("AB", chosen.files, strict=True)]
    return "\n".join([*head, "", *align(rows)]) + "\n"


def _cells(difference: "Difference") -> list[str]:
    first, second, apart, low, high = (100 * value for value in difference)
    verdict = "certain" if difference.certain else "not certain"
    return [f"{first:.2f}", f"{second:.2f}", f"{apart:+.2f}", f"{low:+.2f} to {high:+.2f}", verdict]
